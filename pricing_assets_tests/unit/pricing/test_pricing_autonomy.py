"""Modes and thresholds: what becomes of a change, row by row, against an oracle that looks at one row at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import DAY, day, strategy

from pricing_assets.pricing import autonomy
from pricing_assets.strategies import Autonomy, parse
from pricing_assets.tables.decisions import Autonomy as AutonomyTable

TENTH = "{name: tenth, then: {multiply: 0.9}}"
MODES = [None, "manual", "semi-auto", "full-auto"]
SCHEMA = {name: column.dtype for name, column in AutonomyTable.columns().items()}


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    shared = {"date": DAY, "sku": "S", "market": "UK", "category": "TEA", "changed": True, "late": False}
    schema = {
        **{"date": pl.Date, "sku": pl.String, "market": pl.String, "category": pl.String},
        **{"changed": pl.Boolean, "late": pl.Boolean, "confidence": pl.Float64},
    }
    return pl.DataFrame([{**shared, "confidence": None, **row} for row in given], schema=schema, orient="row")


def tightened(*given: dict[str, Any]) -> pl.DataFrame:
    shared = {"date": DAY, "category": None, "market": None, "mode": None, "threshold": None}
    numbered = [{**shared, "autonomy_id": f"AU-{number}", **row} for number, row in enumerate(given)]
    return pl.DataFrame(numbered, schema=SCHEMA, orient="row")


def act(row: dict[str, Any], own: Autonomy | None, *tight: dict[str, Any]) -> tuple[str, str | None]:
    frame = autonomy.in_force(rows(row), own, tightened(*tight))
    [found] = autonomy.acts(frame).rows()
    return found  # type: ignore[no-any-return]


SEMI, FULL, MANUAL = (Autonomy(mode) for mode in ("semi-auto", "full-auto", "manual"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "own", "action", "why"),
    [
        ({"confidence": 0.78}, SEMI, "review", "confidence 0.78 below 0.85: for review"),
        ({"confidence": 0.8499}, SEMI, "review", "confidence 0.84 below 0.85: for review"),
        ({"confidence": 0.85}, SEMI, "publish", "confidence 0.85, 0.85 is enough"),
        ({"confidence": None}, SEMI, "review", "confidence unknown: for review"),
        ({"confidence": float("nan")}, SEMI, "review", "confidence unknown: for review"),
        ({"confidence": 0.78}, FULL, "hold", "confidence 0.78 below 0.85: held"),
        ({"confidence": 0.9}, FULL, "publish", "confidence 0.90, 0.85 is enough"),
        ({"confidence": 1.0}, MANUAL, "review", "every change is for a person to decide: for review"),
        ({"confidence": 0.1}, None, "publish", None),
        ({"confidence": 0.1, "late": True}, SEMI, "recommend", None),
        ({"confidence": 1.0, "late": True}, MANUAL, "recommend", None),
        ({"confidence": 0.1, "changed": False}, SEMI, "hold", None),
        ({"confidence": 0.93}, Autonomy("semi-auto", Decimal("0.925")), "publish", "confidence 0.93, 0.925 is enough"),
    ],
)
def test_each_mode_does_what_it_says(row: dict[str, Any], own: Autonomy | None, action: str, why: str | None) -> None:
    assert act(row, own) == (action, why)


@pytest.mark.parametrize(
    ("own", "tight", "action"),
    [
        (SEMI, {"mode": "manual"}, "review"),
        (SEMI, {"mode": "full-auto"}, "publish"),
        (SEMI, {"threshold": 0.95}, "review"),
        (SEMI, {"threshold": 0.5}, "publish"),
        (FULL, {"mode": "semi-auto", "threshold": 0.95}, "review"),
        (SEMI, {"mode": "manual", "market": "DE"}, "publish"),
        (SEMI, {"mode": "manual", "category": "TEA"}, "review"),
        (SEMI, {"mode": "manual", "category": "TEA", "market": "UK"}, "review"),
        (SEMI, {"mode": "manual", "category": ""}, "publish"),
        (SEMI, {"mode": "manual", "date": day(1)}, "publish"),
        (None, {"mode": "semi-auto", "threshold": 1.0}, "publish"),
        (None, {"mode": "manual"}, "review"),
    ],
)
def test_governance_tightens_and_never_loosens(own: Autonomy | None, tight: dict[str, Any], action: str) -> None:
    assert act({"confidence": 0.9}, own, tight)[0] == action


def test_what_has_no_category_is_a_scope_of_its_own() -> None:
    assert act({"confidence": 0.9, "category": None}, SEMI, {"mode": "manual", "category": ""})[0] == "review"


def test_a_model_alone_is_semi_automatic_and_rules_publish() -> None:
    assert autonomy.autonomy_of(strategy(TENTH)) is None
    said = strategy(TENTH, "autonomy: {mode: full-auto, threshold: 0.9, expires_days: 5}")
    assert autonomy.autonomy_of(said) == Autonomy("full-auto", Decimal("0.9"), 5)
    learned = parse("strategy: s\ntype: ml\nml: {objective: profit}\n")
    assert autonomy.autonomy_of(learned) == SEMI


def oracle(row: dict[str, Any], own: Autonomy | None, tight: list[dict[str, Any]]) -> str:
    strictness = {"manual": 0, "semi-auto": 1, "full-auto": 2, None: 3}
    mode, threshold = (own.mode, float(own.threshold)) if own else (None, 0.0)
    for each in tight:
        if each["category"] not in (None, row["category"] or "") or each["market"] not in (None, row["market"]):
            continue
        if own is None and each["mode"] != "manual":
            continue
        if strictness[each["mode"]] < strictness[mode]:
            mode = each["mode"]
        threshold = max(threshold, each["threshold"] or 0.0) if own else threshold
    if not row["changed"]:
        return "hold"
    if row["late"]:
        return "recommend"
    if mode is None:
        return "publish"
    if mode == "manual":
        return "review"
    if row["confidence"] is not None and row["confidence"] >= threshold:
        return "publish"
    return "review" if mode == "semi-auto" else "hold"


LEVELS = [0.0, 0.5, 0.85, 0.9, 1.0]
ROWS = st.fixed_dictionaries(
    {
        "market": st.sampled_from(["UK", "DE"]),
        "category": st.sampled_from([None, "TEA", "HOME"]),
        "changed": st.booleans(),
        "late": st.booleans(),
        "confidence": st.none() | st.sampled_from(LEVELS),
    }
)
TIGHT = st.fixed_dictionaries(
    {
        "category": st.sampled_from([None, "", "TEA"]),
        "market": st.sampled_from([None, "UK"]),
        "mode": st.sampled_from(MODES),
        "threshold": st.none() | st.sampled_from(LEVELS),
    }
)
OWN = st.none() | st.builds(Autonomy, st.sampled_from(MODES[1:]), st.sampled_from([Decimal("0.85"), Decimal("0.5")]))


@settings(max_examples=100)
@given(st.lists(ROWS, min_size=1, max_size=6), OWN, st.lists(TIGHT, max_size=6))
def test_actions_are_those_of_one_row_at_a_time(given_rows: list[Any], own: Autonomy | None, tight: list[Any]) -> None:
    frame = autonomy.in_force(rows(*given_rows), own, tightened(*tight))
    assert autonomy.acts(frame)["action"].to_list() == [oracle(row, own, tight) for row in given_rows]
