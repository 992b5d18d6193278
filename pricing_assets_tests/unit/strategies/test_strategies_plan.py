"""The compiled plan against the oracle, and the traps by name."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies_reference import evaluate, frame_row
from strategies_reference import propose as reference

from pricing_assets.strategies import Strategy, StrategyError, parse, propose
from pricing_assets.tables.features import FeatureSnapshots

SCHEMA = FeatureSnapshots.create_empty().schema


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def strategy(*rules: dict[str, Any], **head: Any) -> Strategy:
    """A strategy from rules as objects; JSON is YAML."""
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    return parse(json.dumps({"strategy": "s", "type": "rules", **head, "rules": named}))


def one(rules: Strategy, **values: Any) -> dict[str, Any]:
    return propose(rules, frame(frame_row(**values))).row(0, named=True)


# -- oracle ---------------------------------------------------------------------------------------------------------

NUMBERS = ["cost_pct", "margin_pct", "stock_age_days", "on_hand", "competitor_min", "units_7d", "price"]
TEXTS = ["category", "brand"]
literals = st.sampled_from(["0", "1", "-1", "2.5", "90", "1e300", "0.1", "1e-300"])
texts = st.sampled_from(['"HOME"', '"TOYS"', "'x'"])


def _numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*"]), inner)
    # a divisor that names a feature: literal zero divisors are refused, and tested below
    divided = st.builds("({} / ({} {} {}))".format, inner, st.sampled_from(NUMBERS), st.sampled_from(["-", "*"]), inner)
    shared = st.builds("({} / {})".format, inner, st.sampled_from(["3", "-49", "0.1", "180"]))
    return st.one_of(pairs, divided, shared, st.builds("-{}".format, st.sampled_from(NUMBERS)))


numbers = st.recursive(st.one_of(st.sampled_from(NUMBERS), literals), _numbers, max_leaves=4)
atoms = st.one_of(
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers),
    st.builds("{} {} {}".format, st.sampled_from(TEXTS), st.sampled_from(["==", "!="]), texts),
    st.builds("{} in [{}, {}]".format, st.sampled_from(TEXTS), texts, texts),
    st.builds("{} in [{}, {}]".format, st.sampled_from(NUMBERS), literals, literals),
    st.builds("has({})".format, st.sampled_from([name for name in [*NUMBERS, *TEXTS] if name != "price"])),
    st.sampled_from(["is_holiday", "!is_holiday", "true", "false", "is_holiday == true"]),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner), st.builds("!({})".format, inner)
    ),
    max_leaves=5,
)
floats = st.one_of(
    st.none(), st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 1e308, 5e-324]), st.floats(-200, 200)
)
counts = st.one_of(st.none(), st.integers(-3, 400))
money = st.one_of(st.none(), st.decimals(-5, 10**9, places=4), st.sampled_from([Decimal("0"), Decimal("10.0050")]))
facts = st.builds(
    dict,
    currency=st.sampled_from(["GBP", "JPY", "KWD", None]),
    list_price=money,
    competitor_min=money,
    cost_pct=floats,
    margin_pct=floats,
    stock_age_days=counts,
    on_hand=counts,
    units_7d=st.integers(0, 9),
    category=st.sampled_from([None, "HOME", "x"]),
    brand=st.sampled_from([None, "TOYS"]),
    is_holiday=st.sampled_from([None, True, False]),
)
actions = st.one_of(
    st.builds(lambda n: {"multiply": n}, st.sampled_from([0.8, 1.05, 1000])),
    st.builds(lambda text: {"multiply": text}, numbers),
    st.builds(lambda n: {"add": n}, st.sampled_from([-3, 0.1, 2.3456])),
    st.builds(lambda n: {"set": n}, st.sampled_from([4.99, 1.15, "competitor_min"])),
    st.builds(
        lambda beat: {"match": "competitor_min", **beat}, st.sampled_from([{}, {"beat_by": 0.01}, {"beat_by_pct": 5}])
    ),
)
rules = st.fixed_dictionaries(
    {"then": actions}, optional={"when": conditions, "stop": st.booleans(), "priority": st.integers(0, 3)}
)


def same(mine: Any, theirs: Any) -> bool:
    return mine == theirs and type(mine) is type(theirs)


@settings(max_examples=150)
@given(condition=conditions, drawn_rows=st.lists(facts, min_size=1, max_size=8))
def test_conditions_agree_with_the_oracle(condition: str, drawn_rows: list[dict[str, Any]]) -> None:
    data = [frame_row(**drawn) for drawn in drawn_rows]
    try:
        built = strategy({"when": condition, "then": {"add": 1}})
    except StrategyError as error:  # a drawn literal division or overflow is refused; anything else fails the test
        assert "divides by zero" in str(error) or "too large a number" in str(error)
        return
    result = propose(built, frame(*data))
    for row, mine in zip(data, result.iter_rows(named=True), strict=True):
        theirs = reference(built, row)
        assert (mine["hold"] is not None) == theirs["hold"], (condition, row, mine)
        assert mine["rule:r0"] == theirs["rule:r0"]


@settings(max_examples=150)
@given(drawn=st.lists(rules, min_size=1, max_size=5), drawn_rows=st.lists(facts, min_size=1, max_size=8))
def test_strategies_agree_with_the_oracle(drawn: list[dict[str, Any]], drawn_rows: list[dict[str, Any]]) -> None:
    data = [frame_row(**drawn) for drawn in drawn_rows]
    try:
        built = strategy(*drawn)
    except StrategyError as error:
        assert "divides by zero" in str(error) or "too large a number" in str(error)
        return
    result = propose(built, frame(*data))
    for row, mine in zip(data, result.iter_rows(named=True), strict=True):
        theirs = reference(built, row)
        reason = mine.pop("hold")
        assert (reason is not None) == theirs.pop("hold"), (row, reason)
        assert all(same(mine[name], theirs[name]) for name in theirs), (row, mine, theirs)


known = st.fixed_dictionaries(
    {
        **dict.fromkeys(["cost_pct", "margin_pct"], st.floats(-200, 200)),
        **dict.fromkeys(["stock_age_days", "on_hand", "units_7d"], st.integers(0, 400)),
        "competitor_min": st.decimals(1, 100, places=2),
        **dict.fromkeys(TEXTS, st.sampled_from(["HOME", "TOYS", "x"])),
        "is_holiday": st.booleans(),
    }
)


@settings(max_examples=60)
@given(condition=conditions.filter(lambda text: "has(" not in text), row=known)
def test_the_oracle_agrees_with_cel_python(condition: str, row: dict[str, Any]) -> None:
    """Where everything is known, cel-python's own evaluator is the judge of the oracle."""
    import celpy
    from celpy import celtypes

    mine = evaluate(condition, row, 10.0)
    assume(mine is not None)
    # the language has doubles only, CEL does not mix them with integers
    doubles = re.sub(r"(?<![\w.])(?<!e-)(\d+)(?![\w.])", r"\1.0", condition)
    kinds = {str: celtypes.StringType, bool: celtypes.BoolType}
    context = {
        name: kinds[type(value)](value) if type(value) in kinds else celtypes.DoubleType(float(value))
        for name, value in {**row, "price": 10.0}.items()
    }
    environment = celpy.Environment()
    theirs = environment.program(environment.compile(doubles)).evaluate(context)
    assert bool(theirs) == mine


@pytest.mark.parametrize("rows_no", [1, 2, 60])
@pytest.mark.parametrize("divisor", ["49", "(0 - 180)", "month"])
def test_division_is_exact_whatever_the_size_of_the_frame(divisor: str, rows_no: int) -> None:
    """Polars multiplies by the reciprocal of a divisor that is the same in all rows, but not in a frame of one row."""
    data = frame(*(frame_row(stock_age_days=n + 3) for n in range(rows_no))).with_columns(month=pl.lit(7, pl.Int64))
    result = propose(strategy({"then": {"multiply": f"1 + stock_age_days / {divisor}  * 0.37 + 100"}}), data)
    by = {"49": 49.0, "(0 - 180)": -180.0, "month": 7.0}[divisor]
    assert result["proposed"].to_list() == [1000 * (1 + (n + 3) / by * 0.37 + 100) for n in range(rows_no)]


# -- traps ----------------------------------------------------------------------------------------------------------


def test_nan_does_not_exceed_anything() -> None:
    result = one(strategy({"when": "margin_pct > 0.9", "then": {"multiply": 2}}), margin_pct=math.nan)
    assert result["hold"] == "rule r0: margin_pct is not finite" and result["proposed"] is None


@pytest.mark.parametrize(
    ("when", "values", "reason"),
    [
        ("stock_age_days > 180", {}, "rule r0: stock_age_days is null"),
        ("has(brand) || stock_age_days > 1", {}, "rule r0: stock_age_days is null"),
        ("1 / on_hand > 1", {"on_hand": 0}, "rule r0: 1 / on_hand is not finite (division by zero or overflow)"),
        ("1 / (1 / on_hand) < 1", {"on_hand": 0}, "rule r0: 1 / on_hand is not finite (division by zero or overflow)"),
        ("-(margin_pct * 10) < 1", {"margin_pct": 1e308}, "rule r0: margin_pct * 10 is not finite"),
        ("is_holiday", {}, "rule r0: is_holiday is null"),
        ('category == "HOME"', {}, "rule r0: category is null"),
    ],
)
def test_what_cannot_be_known_holds_with_the_reason(when: str, values: dict[str, Any], reason: str) -> None:
    assert one(strategy({"when": when, "then": {"multiply": 2}}), **values)["hold"].startswith(reason)


@pytest.mark.parametrize(
    "when", ["has(stock_age_days) && stock_age_days > 1", "false && on_hand > 1", "!has(list_price)"]
)
def test_a_guarded_null_is_false(when: str) -> None:
    result = one(strategy({"when": when, "then": {"multiply": 2}}))
    assert result["hold"] is None and result["proposed"] == 1000.0 and result["rule:r0"] is None


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ({"match": "competitor_min"}, "rule r0: competitor_min is null"),
        ({"multiply": "cost_pct"}, "rule r0: cost_pct is null"),
        ({"add": -10}, "rule r0: its price is not above zero"),
        ({"multiply": "0 - 1"}, "rule r0: its price is not above zero"),
        ({"multiply": "1e300"}, "rule r0: its price is too large"),
    ],
)
def test_an_action_without_a_price_holds(then: dict[str, Any], reason: str) -> None:
    assert one(strategy({"then": then}))["hold"] == reason


@pytest.mark.parametrize(
    ("price", "reason"),
    [(None, "is null"), (Decimal("0.0040"), "is not above zero"), (Decimal("99999999999999"), "is too large")],
)
def test_without_a_usable_list_price_the_row_holds(price: Decimal | None, reason: str) -> None:
    assert one(strategy({"then": {"set": 5}}), list_price=price)["hold"] == f"start: list_price {reason}"


def test_rules_compound_by_priority_until_stop() -> None:
    built = strategy(
        {"then": {"multiply": 0.5}, "priority": 1},
        {"then": {"add": 2}, "priority": 2},
        {"then": {"multiply": 0.9}, "priority": 1, "stop": True},
        {"then": {"set": 1}, "when": "stock_age_days > 1"},
    )
    result = one(built)
    assert [rule.name for rule in built.rules] == ["r1", "r0", "r2", "r3"]
    assert list(result) == ["start", "proposed", "rule:r1", "rule:r0", "rule:r2", "rule:r3", "hold", "confidence"]
    assert (result["rule:r1"], result["rule:r0"], result["proposed"]) == (1200.0, 600.0, 540.0)
    assert result["rule:r3"] is None and result["hold"] is None, "stopped before the rule that could not be known"


def test_price_is_the_price_so_far() -> None:
    built = strategy({"then": {"multiply": 0.8}, "priority": 1}, {"when": "price > 8", "then": {"set": 8}})
    assert one(built)["rule:r1"] is None
    assert one(built, list_price=Decimal("10.02"))["rule:r1"] == 800.0


@pytest.mark.parametrize(("currency", "expected"), [("GBP", 1115.0), ("JPY", 11.15), ("KWD", 11150.0), (None, 1115.0)])
def test_amounts_are_major_units_of_the_rows_currency(currency: str | None, expected: float) -> None:
    assert one(strategy({"then": {"add": 1.15}}), currency=currency)["proposed"] == expected


def test_confidence_is_the_share_of_named_features_present() -> None:
    built = strategy(
        {"when": "has(on_hand) && on_hand > 1", "then": {"match": "competitor_min"}},
        {"when": "has(stock_age_days)", "then": {"multiply": "cost_pct"}},
    )
    assert one(built, on_hand=0, cost_pct=1.0)["confidence"] == 0.5
    assert one(strategy({"then": {"set": 3}}))["confidence"] == 1.0


def test_an_empty_frame_keeps_the_columns() -> None:
    built = strategy({"when": "price > 1", "then": {"set": 3}})
    types = dict(propose(built, frame()).schema)
    assert types == {
        "start": pl.Int64,
        "proposed": pl.Float64,
        "rule:r0": pl.Float64,
        "hold": pl.String,
        "confidence": pl.Float64,
    }
    assert dict(propose(built, frame(frame_row())).schema) == types
    assert dict(propose(built, frame(frame_row(list_price=None))).schema) == types


def test_rows_keep_their_order() -> None:
    data = frame(*(frame_row(sku=str(n), on_hand=n if n % 3 else None, list_price=Decimal(n + 1)) for n in range(50)))
    result = propose(strategy({"when": "on_hand > 25", "then": {"multiply": 2}}), data)
    assert result["start"].to_list() == [(n + 1) * 100 for n in range(50)]
    assert result["hold"].is_not_null().to_list() == [n % 3 == 0 for n in range(50)]


def test_parts_of_a_frame_are_priced_as_the_whole() -> None:
    built = strategy(
        {"when": "price / 3 > on_hand / 7 - 20", "then": {"multiply": "1 - on_hand / 90"}},
        {"then": {"match": "list_price", "beat_by_pct": 3}, "when": "on_hand == 5"},
    )
    rows = [frame_row(on_hand=n % 80, list_price=Decimal(n % 977 + 1), sku=str(n)) for n in range(500)]
    big = pl.concat([frame(*rows)] * 400)
    whole = propose(built, big)
    assert whole["start"].to_list() == (big["list_price"].cast(pl.Int64) * 100).to_list()
    assert whole.head(500).equals(pl.concat([propose(built, frame(row)) for row in rows]))
    assert whole.equals(pl.concat([whole.head(500)] * 400))


def test_many_rules_stay_fast() -> None:
    built = strategy(*({"when": f"on_hand > {n} && price > 0.01", "then": {"multiply": 0.999}} for n in range(120)))
    result = one(built, on_hand=500)
    assert math.isclose(result["proposed"], 1000 * 0.999**120)
