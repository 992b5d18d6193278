"""`pricing strategy`: the life of a draft, and the place of each fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from shell_commands import answer, pricing

STRATEGY = """\
strategy: {name}
type: rules
scope: {{market: [DE]}}
priority: 50
rules:
  - {{name: up, priority: 1, when: "units_7d > 100", then: {{multiply: {factor}}}}}
"""


@pytest.fixture
def draft(tmp_path: Path) -> Callable[..., str]:
    def write(name: str = "germany", factor: str = "1.05") -> str:
        path = tmp_path / f"{name}.yaml"
        path.write_text(STRATEGY.format(name=name, factor=factor))
        return str(path)

    return write


def test_a_strategy_has_a_life(home: Path, draft: Callable[..., str]) -> None:
    assert "no fault" in pricing("strategy", "lint", draft()).stdout
    assert "no active strategy of that name" in answer("strategy", "diff", draft(), code=1)["error"]
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


def test_what_cannot_be_done_is_said(home: Path, tmp_path: Path, draft: Callable[..., str]) -> None:
    missing = answer("strategy", "lint", str(tmp_path / "none.yaml"), code=1)
    assert "none.yaml: cannot be read" in missing["error"]
    assert "name a strategy file" in missing["remedy"]
    assert answer("strategy", "rollback", "nobody", "--reason", "r", code=1)["error"]
    pricing("strategy", "activate", draft(), code=2)
