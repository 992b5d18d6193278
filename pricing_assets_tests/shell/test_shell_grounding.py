"""What `pricing explain` says of a price a model chose, and of demand it is asked about."""

from __future__ import annotations

from pathlib import Path

import pytest
from learned_shop import DAY, MADE_BY, begun, in_force
from shell_commands import answer, pricing
from tiny_shop import Once

A = ("explain", "A", "--market", "UK", "--date", str(DAY))
C = ("explain", "C", "--market", "UK", "--date", str(DAY))


@pytest.fixture
def model(location: Path, once: Once, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home in which a model priced the day is the shell's; the folder of that model. Not to be changed."""
    made = begun(once, location)
    monkeypatch.setenv("PRICING_HOME", str(made / "home"))
    monkeypatch.setenv("PRICING_SOURCE", str(made / "shop"))
    return made / "model"


def test_the_step_of_the_model_is_told_with_what_it_rests_on(model: Path) -> None:
    lines = pricing(*A).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  ml "))
    assert lines[at + 1].strip().startswith("likely range ")
    assert lines[at + 2].strip().startswith("elasticity -")
    assert lines[at + 3].strip().startswith("its category takes in ")
    assert lines[at + 4].strip() == "what drives the units expected:"
    assert lines[at + 5].endswith(" units than on average")
    assert not any("list price 4" in line for line in lines), "a model's move is not split at the list price"


def test_json_has_every_driver_and_the_base_elasticity_for_the_whole_move(model: Path) -> None:
    found = answer(*A)
    assert [each["driver_no"] for each in found["model"]["drivers"]] == list(range(1, 15))
    assert len(found["model"]["sentences"]) == 3
    decision, expected = found["decision"], found["expectation"]
    assert float(decision["final_price"]) < float(decision["list_price"])
    assert (expected["kind"], expected["also"]) == ("base", None)
    assert expected["units_lo"] < expected["units"] < expected["units_hi"]


def test_of_other_prices_the_model_is_asked_on_demand(model: Path) -> None:
    assert answer(*C)["model"]["drivers"] == []
    with in_force(model) as asked:
        found = answer(*C, "--drivers")["model"]
    assert asked == [MADE_BY]
    assert found["drivers"][0]["driver_no"] == 1
    assert found["sentences"] == [], "rules priced it"


def test_kept_drivers_are_not_asked_for_again(model: Path) -> None:
    with in_force(model) as asked:
        assert answer(*A, "--drivers")["model"]["drivers"]
    assert asked == []


def test_a_model_that_cannot_be_had_is_said(model: Path) -> None:
    said = pricing(*C, "--drivers", code=1)
    assert "what drives its demand is not told" in said.stderr and "nothing was ever registered here" in said.stderr
