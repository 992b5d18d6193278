"""`pricing strategy`: the life of a draft, and the place of each fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from shell_commands import answer, pricing

Draft = Callable[..., str]
STRATEGY = """\
strategy: {name}
type: rules
scope: {{market: [DE]}}
priority: 50
rules:
  - {{name: up, priority: 1, when: "units_7d > 100", then: {{multiply: {factor}}}}}
"""


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    def write(name: str = "germany", factor: str = "1.05") -> str:
        path = tmp_path / f"{name}.yaml"
        path.write_text(STRATEGY.format(name=name, factor=factor))
        return str(path)

    return write


def test_a_strategy_has_a_life(home: Path, draft: Draft) -> None:
    assert "no fault" in pricing("strategy", "lint", draft()).stdout
    first = answer("strategy", "activate", draft(), "--reason", "spring", "--by", "ann")
    assert (first["version"], first["changed"]) == (1, True)
    assert answer("strategy", "activate", draft(), "--reason", "spring")["changed"] is False
    assert "is active already, version 1" in pricing("strategy", "activate", draft(), "--reason", "again").stdout
    assert pricing("strategy", "diff", draft()).stdout.strip() == "no difference"
    assert "1.1" in pricing("strategy", "diff", draft(factor="1.10")).stdout
    assert (
        "version 2, on the word of"
        in pricing("strategy", "activate", draft(factor="1.10"), "--reason", "summer").stdout
    )
    assert "germany is back at" in pricing("strategy", "rollback", "germany", "--reason", "too dear").stdout
    rows = answer("strategy", "list")
    assert [(row["name"], row["version"]) for row in rows] == [("germany", 3), ("default", 1)]
    assert rows[0]["hash"] == first["hash"][:12]
    assert "too dear" in pricing("strategy", "list").stdout


def test_diff_of_a_strategy_never_activated_shows_all_of_it_and_the_command_that_comes_next(
    home: Path, draft: Draft
) -> None:
    said = pricing("strategy", "diff", draft()).stdout.splitlines()
    assert said[0] == "germany has no active version, so all of it is new:"
    assert "strategy: none → germany" in said
    assert "rule up added: when units_7d > 100 then multiply 1.05" in said
    assert said[-1] == f"`pricing strategy activate {draft()} --reason T` puts it in force"
    assert answer("strategy", "diff", draft()) == said[1:-1]


def test_diff_names_activate_only_where_there_is_a_difference(home: Path, draft: Draft) -> None:
    pricing("strategy", "activate", draft(), "--reason", "spring")
    assert pricing("strategy", "diff", draft()).stdout == "no difference\n"
    said = pricing("strategy", "diff", draft(factor="1.10")).stdout.splitlines()
    assert said[0] == "rule up then: multiply 1.05 → multiply 1.10"
    assert "pricing strategy activate" in said[-1]


def test_an_unknown_feature_is_named_with_its_place(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(STRATEGY.format(name="s", factor="1.1").replace("units_7d", "unit_7d"))
    said = pricing("strategy", "lint", str(path), code=1).stdout
    assert f"{path}:6:" in said
    assert "unit_7d" in said
    assert "units_7d" in said, "the name meant is suggested"
    found = answer("strategy", "lint", str(path), code=1)
    assert found[0]["line"] == 6
    assert "unit_7d" in answer("strategy", "activate", str(path), "--reason", "r", code=1)["error"]


def test_what_cannot_be_done_is_said(home: Path, tmp_path: Path, draft: Draft) -> None:
    missing = answer("strategy", "lint", str(tmp_path / "none.yaml"), code=1)
    assert "none.yaml: cannot be read" in missing["error"]
    assert "name a strategy file" in missing["remedy"]
    assert answer("strategy", "rollback", "nobody", "--reason", "r", code=1)["error"]
    pricing("strategy", "activate", draft(), code=2)
