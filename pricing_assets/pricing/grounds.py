"""Grounds: what a model's price rests on, in a manager's words; stored with the decision, and made again by replay.

Here: which decisions are told of, and a sentence each on units, elasticity and gain. Not here: what drives the
estimate of demand, which its model is asked (drivers); the steps of a price (explanation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pricing_assets.demand.response import FLAT, PUBLISHED, PUBLISHED_SPREAD, respond
from pricing_assets.pricing import learned
from pricing_assets.pricing.interventions import Interventions, with_odd
from pricing_assets.pricing.numbers import amount, fixed, units
from pricing_assets.pricing.outlook import DAYS, KEY, Outlook
from pricing_assets.strategies import Learned, Strategy
from pricing_assets.tables.decisions import PriceSentences

UNITS, ELASTICITY, GAIN = "units", "elasticity", "gain"
_EARNS = {"profit": "earns", "revenue": "takes in", "clearance": "takes in"}
_ODD = f"; its errors count {learned.ODD:g} times, for it looks odd: {{}}"
_DECISION = [
    *(*KEY, "decision_id", "currency", "action", "method", "current_price", "list_price", "final_price"),
    *("expected_gain", "gain_low", "confidence", "model_hashes", "model_fallback", "strategy_hash"),
]
_EVIDENCE = ["elasticity", "std_error", "curvature", "fallback_reason"]
_FORECAST = ["sum_mean", "sum_q10", "sum_q90", "conditioning_price"]


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
    made = pl.concat(
        frame.lazy().select(*KEY, "decision_id", about=pl.lit(about), sentence=sentence).drop_nulls("sentence")
        for about, sentence in _said(frame["currency"].unique(), models).items()
    )
    return PriceSentences.cast(made.collect()).sort(PriceSentences.order())


def _said(currencies: pl.Series, models: Mapping[str, Learned]) -> dict[str, pl.Expr]:
    """What can be said of each row; null where nothing can."""

    def of_money(name: str) -> pl.Expr:
        return amount(pl.col(name), pl.col("currency"), currencies)

    return {
        UNITS: _units(of_money("final_price")),
        ELASTICITY: _elasticity(),
        GAIN: _gain(of_money("expected_gain"), of_money("gain_low"), models),
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


def _units(price: pl.Expr) -> pl.Expr:
    simple = pl.col("model_fallback")
    return pl.when(pl.col("low").is_not_null() & pl.col("apart").is_null()).then(
        pl.format("likely range {} to {} units in {} days at {}{}", units(pl.col("low")), units(pl.col("high")),
                  pl.lit(DAYS), price, _where(simple, "; forecast by a simple method: {}"))
    )  # fmt: skip


def _elasticity() -> pl.Expr:
    value, error, borrowed = pl.col("elasticity"), pl.col("std_error"), pl.col("fallback_reason")
    growing = pl.when(pl.col("curvature") > FLAT).then(pl.lit(", growing with the price")).otherwise(pl.lit(""))
    as_published = (value == PUBLISHED) & (error == PUBLISHED_SPREAD)
    source = (
        pl.when(borrowed.is_null())
        .then(pl.lit("known from its own sales"))
        .when(as_published)
        .then(pl.format("as published of such goods: {}", borrowed))
        .otherwise(pl.format("borrowed from its category: {}", borrowed))
    )
    return pl.format("elasticity {} ± {}{}, {}", fixed(value, 2), fixed(error, 2), growing, source)


def _gain(gain: pl.Expr, low: pl.Expr, models: Mapping[str, Learned]) -> pl.Expr:
    verb, level = (
        pl.col("strategy_hash").replace_strict(said, return_dtype=pl.String)
        for said in (
            {text_hash: _EARNS[each.objective] for text_hash, each in models.items()},
            {text_hash: str(each.bound_level) for text_hash, each in models.items()},
        )
    )
    expected = pl.format(
        "its category {} {} {} more in {} days than by holding, at least {} with probability {}; {} that it gains{}",
        *(verb, gain, pl.col("currency"), pl.lit(DAYS), low, level, _sure(), _where(pl.col("odd"), _ODD)),
    )
    return (
        pl.when(pl.col("action") == "hold")
        .then(pl.lit(None, pl.String))
        .when(pl.col("expected_gain").is_null() | (pl.col("method").cast(pl.String) != "ml"))
        .then(pl.lit("not the model's own price: what its category gains by it is not known"))
        .otherwise(expected)
    )


def _sure() -> pl.Expr:
    """A confidence in words; never rounded up to what is certain."""
    percent = (pl.col("confidence") * 100 + 1e-9).floor().clip(upper_bound=99)
    return pl.format("{} % sure", percent.cast(pl.Int64))


def _where(text: pl.Expr, words: str) -> pl.Expr:
    """The words with the text in them; nothing where there is none."""
    return pl.when(text.fill_null("") != "").then(pl.format(words, text)).otherwise(pl.lit(""))
