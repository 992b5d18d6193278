"""What `pricing explain` says of units, sentence by sentence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pricing_assets.shell.expecting import sentences

BY = "demand-daily/3@ab12cd34ef56"
DECISION: dict[str, Any] = {"model_hashes": BY + "0" * 52, "model_fallback": None, "final_price": Decimal("9.0000")}
TOLD: dict[str, Any] = {
    "days": 28,
    "dates_apart": False,
    "units": 42.0123,
    "units_lo": 20.04,
    "units_hi": 1234.5,
    "planned_price": Decimal("10.0000"),
    "kind": "promotion",
    "elasticity": -2.104,
    "std_error": 0.3,
    "curvature": None,
    "borrowed": None,
    "also": None,
}
AT_THIS = "expected 42.0 units in 28 days at this price (likely 20.0 to 1,234)"


def said(*, places: int = 2, decision: dict[str, Any] | None = None, **told: Any) -> list[str]:
    return sentences(DECISION | (decision or {}), TOLD | told, places)


def test_units_their_range_who_says_so_and_how_they_answer_the_price() -> None:
    assert said() == [f"{AT_THIS}, from {BY}", "forecast at 10.00; promotion elasticity -2.10 ± 0.30"]


def test_a_borrowed_elasticity_says_why() -> None:
    why = "the regular price hardly moved: 0.1 % beside all else"
    assert said(borrowed=why)[1].endswith(f"± 0.30, borrowed: {why}")


def test_across_the_list_price_both_elasticities_are_told() -> None:
    also = {"kind": "base", "elasticity": -1.0, "std_error": 0.1, "curvature": 1.5, "borrowed": None}
    assert said(decision={"list_price": Decimal("9.5")}, also=also)[1] == (
        "forecast at 10.00; below the list price 9.50: promotion elasticity -2.10 ± 0.30; "
        "above it: base elasticity -1.00 ± 0.10, growing with the price to the power of 1.50"
    )


def test_at_the_planned_price_no_elasticity_is_at_work() -> None:
    assert said(planned_price=Decimal("9")) == [f"{AT_THIS}, from {BY}"]


def test_without_an_elasticity_of_its_own_it_says_whose() -> None:
    assert (
        said(elasticity=None)[1]
        == "forecast at 10.00; no elasticity of its own: that of its category, of all, or as published"
    )


def test_dates_with_planned_prices_of_their_own_are_told() -> None:
    found = said(dates_apart=True, **dict.fromkeys(("units_lo", "units_hi", "planned_price", "elasticity")))
    assert found[0] == f"expected 42.0 units in 28 days at this price, from {BY}"
    assert found[1].startswith("prices are planned to change meanwhile")


@pytest.mark.parametrize("by", [None, BY])
def test_a_simple_method_says_why_no_model_did(by: str | None) -> None:
    fallback = {"model_hashes": by, "model_fallback": "model demand-daily has no champion yet"}
    assert said(decision=fallback)[0] == f"{AT_THIS}, by a simple method: model demand-daily has no champion yet"


def test_no_units_say_why() -> None:
    unknown = dict.fromkeys(("units", "units_lo", "units_hi", "planned_price", "elasticity"))
    none = {"model_hashes": None, "model_fallback": "no forecast for it"}
    assert said(decision=none, **unknown) == ["units expected: unknown, no forecast for it"]
    assert said(decision={"final_price": None}, **unknown) == ["units expected: unknown, its price is not known"]
    earlier = {"model_hashes": None, "model_fallback": None}
    assert said(decision=earlier, **unknown)[0].endswith("it was decided before forecasts joined the line")


def test_amounts_have_the_decimals_of_their_currency() -> None:
    assert said(places=0)[1].startswith("forecast at 10;")
