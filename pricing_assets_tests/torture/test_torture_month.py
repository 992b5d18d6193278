"""A month in which all that may change a price does: it replays bit for bit.

A simulated market is priced for thirty days. Meanwhile a first model is approved, trained and promoted, another version
of the strategy comes into force, prices are frozen, and people approve, amend and reject what waits for them. It takes
some minutes.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from torture_findings import standing
from torture_runs import Place

from pricing_assets.settings import EXAMPLES
from pricing_assets.tables.decisions import Reviews

FIRST = date(2026, 10, 2)
BY_RULES = """strategy: shop
type: rules
priority: 10
rules: [{name: follow, when: "has(competitor_median)", then: {multiply: 1.01}}]
constraints: [{min_price: {cost_times: 1.05}}, {max_daily_change: 0.05}]
"""
BY_MODEL = """strategy: shop
type: ml
priority: 10
ml: {objective: profit, bound_level: 0.6, drift_28d: 0.25, untested: 0.10}
constraints: [{min_price: {cost_times: 1.05}}, {max_daily_change: 0.05}]
autonomy: {mode: manual, expires_days: 5}
"""
WORD = ("--reason", "the month goes on", "--by", "ann")

pytestmark = pytest.mark.torture


def day(number: int) -> date:
    """The day of the month, from 1."""
    return FIRST + timedelta(days=number - 1)


def test_a_month_of_overrides_verdicts_another_strategy_and_a_new_model_replays_to_the_same_hashes(
    home: Path, tmp_path: Path
) -> None:
    place = Place(home, EXAMPLES / "sap_like")
    activate(place, tmp_path, BY_RULES)
    priced(place, 1, 3)
    event = next(each for each in answer(place, "drift", "list") if each["model"] == "demand-daily")
    place.run("drift", "approve", event["id"], *WORD)
    place.run("models", "retrain")
    assert any(each["role"] == "champion" for each in answer(place, "models", "list"))
    priced(place, 4, 12)
    activate(place, tmp_path, BY_MODEL)
    priced(place, 13, 18)
    for verdict in ("approve", "amend", "reject"):
        waits = answer(place, "review", "list")[0]
        more = ["--price", str(round(float(waits["now"]) * 1.01, 2))] if verdict == "amend" else []
        place.run("review", verdict, waits["id"], *more, *WORD)
    place.run("freeze", "--market", "UK", "--from", str(day(22)), "--until", str(day(26)), *WORD)
    priced(place, 19, 30)

    decided = standing(place.lake)
    assert decided["date"].n_unique() == 30
    assert decided["strategy_hash"].n_unique() == 2
    assert decided.filter(pl.col("reason").cast(pl.String).str.contains("frozen")).height > 0
    assert place.lake.read(Reviews)["answer"].n_unique() == 3
    outcomes = place.run("replay", "--from", str(FIRST), "--to", str(day(30))).splitlines()
    assert len([line for line in outcomes if ": equal " in line]) == 30


def priced(place: Place, first: int, last: int) -> None:
    """The market goes on, and its days are priced."""
    place.run("simulate", "--last-day", str(day(31)), "--until", str(day(last)))
    place.run("run", "--from", str(day(first)), "--to", str(day(last)))


def activate(place: Place, folder: Path, text: str) -> None:
    """The text comes into force with the next run."""
    (folder / "shop.yaml").write_text(text)
    place.run("strategy", "activate", str(folder / "shop.yaml"), *WORD)


def answer(place: Place, *words: str) -> list[dict[str, Any]]:
    """The rows a command prints for programs."""
    return json.loads(place.run(*words, "--json"))  # type: ignore[no-any-return]
