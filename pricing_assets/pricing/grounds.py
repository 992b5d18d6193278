"""Grounds: what a model's price rests on, in a manager's words; stored with the decision, and made again by replay.

Here: which decisions are told of, and a sentence each on units, elasticity and gain. Not here: what drives the
estimate of demand, which its model is asked (drivers); the steps of a price (explanation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
_EVIDENCE = ["elasticity", "std_error", "curvature", "fallback_reason"]
_FORECAST = ["sum_mean", "sum_q10", "sum_q90", "conditioning_price"]
Row = Mapping[str, Any]


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
    frame = frame.join(base.select(*KEY, *_EVIDENCE), on=KEY, how="left")
    made = [
        (row["date"], row["sku"], row["market"], row["decision_id"], about, sentence)
        for row in frame.iter_rows(named=True)
        for about, sentence in _of(row, models[row["strategy_hash"]]).items()
    ]
    schema = PriceSentences.create_empty().schema
    return pl.DataFrame(made, schema=schema, orient="row").sort(PriceSentences.order())


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


def _of(row: Row, model: Learned) -> dict[str, str]:
    """What can be said of one row."""
    places = money.exponent(row["currency"] or "")
    said = {UNITS: _units(row, places), ELASTICITY: _elasticity(row), GAIN: _gain(row, model, places)}
    return {about: sentence for about, sentence in said.items() if sentence}


def _units(row: Row, places: int) -> str | None:
    if row["low"] is None or row["apart"]:
        return None
    said = f"likely range {counted_units(row['low'])} to {counted_units(row['high'])} units in {DAYS} days"
    by = f"; forecast by a simple method: {row['model_fallback']}" if row["model_fallback"] else ""
    return f"{said} at {row['final_price']:.{places}f}{by}"


def _elasticity(row: Row) -> str | None:
    if row["elasticity"] is None:
        return None
    growing = ", growing with the price" if (row["curvature"] or 0.0) > FLAT else ""
    return f"elasticity {row['elasticity']:.2f} ± {row['std_error']:.2f}{growing}, {source(row)}"


def source(row: Row) -> str:
    """Where an elasticity is known from: elasticity, std_error and fallback_reason of forecasts.elasticities."""
    why = row["fallback_reason"]
    if why is None:
        return "known from its own sales"
    if (row["elasticity"], row["std_error"]) == (PUBLISHED, PUBLISHED_SPREAD):
        return f"as published of such goods: {why}"
    return f"borrowed from its category: {why}"


def _gain(row: Row, model: Learned, places: int) -> str | None:
    if row["action"] == "hold":
        return None
    if row["expected_gain"] is None or row["method"] != "ml":
        return "not the model's own price: what its category gains by it is not known"
    gain, low = (f"{row[name]:,.{places}f}" for name in ("expected_gain", "gain_low"))
    more = f"its category {_EARNS[model.objective]} {gain} {row['currency']} more in {DAYS} days than by holding"
    odd = f"; doubted {learned.ODD:g} times as much, for it looks odd: {row['odd']}" if row["odd"] else ""
    sure = f"{_sure(row['confidence'])} that it gains"
    return f"{more}, at least {low} with probability {model.bound_level}; {sure}{odd}"


def _sure(confidence: float) -> str:
    """A confidence in words; never rounded up to what is certain."""
    percent = min(int(confidence * 100 + 1e-9), 99)
    return f"{percent} % sure"
