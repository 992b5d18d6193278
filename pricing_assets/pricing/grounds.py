"""Grounds: what a model's price rests on, in a manager's words; stored with the decision, and made again by replay.

Here: which decisions are told of, and a sentence each on units, elasticity and gain. Not here: what drives the
estimate of demand, which its model is asked (drivers); the steps of a price (explanation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from pricing_assets.counting import counted_units
from pricing_assets.demand.response import FLAT, PUBLISHED, PUBLISHED_SPREAD, respond
from pricing_assets.pricing import learned
from pricing_assets.pricing.interventions import Interventions, with_odd
from pricing_assets.pricing.outlook import DAYS, KEY, Outlook
from pricing_assets.strategies import Learned, Strategy
from pricing_assets.tables import money
from pricing_assets.tables.decisions import PriceSentences

UNITS, ELASTICITY, GAIN = "units", "elasticity", "gain"
_EARNS = {"profit": "earns", "revenue": "takes in", "clearance": "takes in"}
_DECISION = [
    *(*KEY, "decision_id", "currency", "action", "method", "current_price", "list_price", "final_price"),
    *("expected_gain", "gain_low", "confidence", "model_hashes", "model_fallback", "strategy_hash"),
]
_FORECAST = ["sum_mean", "sum_q10", "sum_q90", "conditioning_price"]


class _Units(NamedTuple):
    currency: str | None
    low: float | None
    high: float
    apart: bool | None
    final_price: Decimal
    model_fallback: str | None


class _Evidence(NamedTuple):
    elasticity: float | None
    std_error: float
    curvature: float | None
    fallback_reason: str | None


class _Gained(NamedTuple):
    strategy_hash: str
    action: str
    method: str
    currency: str | None
    expected_gain: Decimal | None
    gain_low: Decimal
    confidence: float
    odd: str | None


def told(decisions: pl.DataFrame, strategies: Sequence[Strategy]) -> pl.DataFrame:
    """The rows that are told of: of a strategy with a model, with another price or a reason that a person should see.

    `decisions` are rows of decisions.price_decisions; `strategies` are those they name.
    """
    models = {each.hash: each for each in strategies if each.ml}
    if not models:
        return decisions.clear()
    by = pl.col("strategy_hash").cast(pl.String)
    mine = decisions.filter(by.is_in(list(models)))
    seen = pl.any_horizontal(
        (by == text_hash) & learned.to_be_seen(each.ml) for text_hash, each in models.items() if each.ml
    )
    return mine.filter((pl.col("action").cast(pl.String) != "hold") | seen)


def sentences(
    decisions: pl.DataFrame, strategies: Sequence[Strategy], known: Outlook, before: Interventions | None = None
) -> pl.DataFrame:
    """Rows of decisions.price_sentences, in canonical order, on the decisions that are told of."""
    rows = told(decisions, strategies)
    if not rows.height:
        return PriceSentences.create_empty()
    return of_each(rows, strategies, known, before)


def of_each(
    rows: pl.DataFrame, strategies: Sequence[Strategy], known: Outlook, before: Interventions | None = None
) -> pl.DataFrame:
    """The same on each of `rows`, which a strategy with a model claims. `known` was read for a model (see outlook)."""
    models = {each.hash: each.ml for each in strategies if each.ml}
    frame = rows.select(_DECISION).with_columns(pl.col("strategy_hash", "action").cast(pl.String))
    frame = frame.join(known.forecasts.select(*KEY, *_FORECAST), on=KEY, how="left", maintain_order="left")
    frame = frame.join(known.plans.select(KEY).unique().with_columns(apart=True), on=KEY, how="left")
    answers = [_ranges(part, known.elasticities) for part in frame.partition_by("date")]
    frame = frame.join(pl.concat(answers), on=KEY, how="left")
    frame = with_odd(frame, before)
    base = known.elasticities.filter(pl.col("kind").cast(pl.String) == "base")
    frame = frame.join(base.select(*KEY, *_Evidence._fields), on=KEY, how="left")
    told = [
        frame.select(*KEY, "decision_id", about=pl.lit(about), sentence=pl.Series(said, dtype=pl.String))
        for about, said in _said(frame, models).items()
    ]
    return PriceSentences.cast(pl.concat(told).drop_nulls("sentence")).sort(PriceSentences.order())


def _said(frame: pl.DataFrame, models: Mapping[str, Learned]) -> dict[str, list[str | None]]:
    """What can be said of each row; None where nothing can."""

    units, evidence, gained = (frame.select(kind._fields).iter_rows() for kind in (_Units, _Evidence, _Gained))
    return {
        UNITS: [_units(row) for row in map(_Units._make, units)],
        ELASTICITY: [_elasticity(row) for row in map(_Evidence._make, evidence)],
        GAIN: [_gain(row, models[row.strategy_hash]) for row in map(_Gained._make, gained)],
    }


def answer(rows: pl.DataFrame, elasticities: pl.DataFrame) -> pl.DataFrame:
    """What demand.response says of each final price, in the order of `rows`, which are of one day.

    `rows` are decisions with the forecasts' sums and conditioning_price beside. A model moves the base price itself, so
    its move is not split at the list price.
    """
    numbers = {name: pl.col(name).cast(pl.Float64) for name in ("current_price", "list_price", "final_price")}
    plan = rows.select(
        *("sku", "market"),
        units="sum_mean",
        planned_price=pl.coalesce(pl.col("conditioning_price").cast(pl.Float64), numbers["current_price"]),
        units_lo="sum_q10",
        units_hi="sum_q90",
        list_price=pl.when(pl.col("method").cast(pl.String) != "ml").then(numbers["list_price"]),
    )
    return respond(plan, elasticities, rows.select("sku", "market", candidate=numbers["final_price"]))


def _ranges(rows: pl.DataFrame, elasticities: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market, low, high: units at the final prices of one day, where a forecast and a price are known."""
    planned = pl.coalesce("conditioning_price", "current_price")
    rows = rows.filter(pl.col("sum_mean").is_not_null() & (pl.col("final_price") > 0) & (planned > 0))
    mine = elasticities.join(rows.select(KEY), on=KEY, how="semi", maintain_order="left")
    answers = answer(rows, mine)
    return rows.select(KEY).with_columns(low=answers["units_lo"], high=answers["units_hi"])


def _units(row: _Units) -> str | None:
    if row.low is None or row.apart:
        return None
    said = f"likely range {counted_units(row.low)} to {counted_units(row.high)} units in {DAYS} days"
    by = f"; forecast by a simple method: {row.model_fallback}" if row.model_fallback else ""
    return f"{said} at {row.final_price:.{money.exponent(row.currency or '')}f}{by}"


def _elasticity(row: _Evidence) -> str | None:
    if row.elasticity is None:
        return None
    growing = ", growing with the price" if (row.curvature or 0.0) > FLAT else ""
    return f"elasticity {row.elasticity:.2f} ± {row.std_error:.2f}{growing}, {_source(row)}"


def _source(row: _Evidence) -> str:
    """Where an elasticity is known from."""
    if row.fallback_reason is None:
        return "known from its own sales"
    if (row.elasticity, row.std_error) == (PUBLISHED, PUBLISHED_SPREAD):
        return f"as published of such goods: {row.fallback_reason}"
    return f"borrowed from its category: {row.fallback_reason}"


def _gain(row: _Gained, model: Learned) -> str | None:
    if row.action == "hold":
        return None
    if row.expected_gain is None or row.method != "ml":
        return "not the model's own price: what its category gains by it is not known"
    places = money.exponent(row.currency or "")
    gain, low = (f"{amount:,.{places}f}" for amount in (row.expected_gain, row.gain_low))
    more = f"its category {_EARNS[model.objective]} {gain} {row.currency} more in {DAYS} days than by holding"
    odd = f"; doubted {learned.ODD:g} times as much, for it looks odd: {row.odd}" if row.odd else ""
    sure = f"{_sure(row.confidence)} that it gains"
    return f"{more}, at least {low} with probability {model.bound_level}; {sure}{odd}"


def _sure(confidence: float) -> str:
    """A confidence in words; never rounded up to what is certain."""
    percent = min(int(confidence * 100 + 1e-9), 99)
    return f"{percent} % sure"
