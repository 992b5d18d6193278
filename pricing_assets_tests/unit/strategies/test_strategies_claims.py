"""Which strategy claims a row, and which strategies cannot both be active."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from strategies_reference import frame_row

from pricing_assets.errors import PricingError
from pricing_assets.strategies import Strategy, claims, conflicts, parse
from pricing_assets.strategies.claims import clashes
from pricing_assets.tables.features import FeatureSnapshots


def made(name: str, **head: Any) -> Strategy:
    rules = [{"name": "r", "then": {"set": 3}}]
    return parse(json.dumps({"strategy": name, "type": "rules", **head, "rules": rules}))


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([frame_row(**row) for row in rows], schema=FeatureSnapshots.create_empty().schema)


def test_the_highest_priority_in_scope_claims() -> None:
    strategies = [
        made("all"),
        made("home", priority=2, scope={"category": ["HOME"]}),
        made("a", priority=9, scope={"sku": ["A"]}),
    ]
    rows = frame({"sku": "A"}, {"sku": "B", "category": "HOME"}, {"sku": "C"}, {"sku": "A", "category": "HOME"})
    found = claims(strategies, rows)
    assert found.to_list() == [2, 1, 0, 2] and found.dtype == pl.Int64


def test_every_list_of_a_scope_must_fit_and_null_is_in_none() -> None:
    strategies = [made("s", scope={"category": ["HOME"], "market": ["UK", "DE"]})]
    rows = frame({"category": "HOME"}, {"category": "HOME", "market": "FR"}, {"category": None}, {"category": "TOYS"})
    assert claims(strategies, rows).to_list() == [0, None, None, None]


def test_active_windows_include_both_ends() -> None:
    strategies = [made("s", active={"from": "2026-03-02", "until": "2026-03-03"})]
    rows = frame(*({"date": date(2026, 3, day)} for day in (1, 2, 3, 4)))
    assert claims(strategies, rows).to_list() == [None, 0, 0, None]


def test_no_strategies_and_no_rows() -> None:
    assert claims([], frame({})).to_list() == [None]
    assert claims([made("s")], frame()).dtype == pl.Int64


def test_an_overlap_at_run_time_names_both_and_a_sku() -> None:
    strategies = [made("b", scope={"brand": ["X"]}), made("c", scope={"sku": ["A"]})]
    assert claims(strategies, frame({"sku": "A"}, {"sku": "B", "brand": "X"})).to_list() == [1, 0]
    with pytest.raises(PricingError, match=r"b and c both claim SKU A in UK on 2026-03-04 at priority 0; so for 1 row"):
        claims(strategies, frame({"sku": "B"}, {"sku": "A", "brand": "X"}))


def test_an_overlap_below_a_higher_claim_is_none() -> None:
    strategies = [made("b", scope={"brand": ["X"]}), made("c", scope={"sku": ["A"]}), made("top", priority=1)]
    assert claims(strategies, frame({"sku": "A", "brand": "X"})).to_list() == [2]


@pytest.mark.parametrize(
    ("one", "two", "meet"),
    [
        ({}, {}, "every SKU"),
        ({}, {"priority": 1}, None),
        ({"scope": {"category": ["A", "B"]}}, {"scope": {"category": ["B"]}}, "category B"),
        ({"scope": {"category": ["A"]}}, {"scope": {"category": ["B"]}}, None),
        ({"scope": {"category": ["A"]}}, {"scope": {"sku": ["1"]}}, "category A and sku 1"),
        ({"scope": {"category": ["A"], "market": ["UK"]}}, {"scope": {"category": ["A"], "market": ["DE"]}}, None),
        ({"active": {"until": "2026-01-31"}}, {"active": {"from": "2026-02-01"}}, None),
        ({"active": {"until": "2026-02-01"}}, {"active": {"from": "2026-02-01"}}, "every SKU"),
    ],
)
def test_conflicts(one: dict[str, Any], two: dict[str, Any], meet: str | None) -> None:
    found = conflicts([made("y", **two), made("x", **one)])
    assert [str(conflict) for conflict in found] == ([f"x and y both claim {meet} at priority 0"] if meet else [])
    assert clashes(made("x", **one).text, {"y": made("y", **two).text}) == [str(conflict) for conflict in found]
