"""Flags: which rows of a day's snapshot deviate by more than they may, by how much, and what a week of it may cost.

Here: one function per reason, row by row over features.feature_snapshots. Not here: how large a deviation must be
(thresholds), how serious it is (severity), the sentence (explanation), earlier days (causes).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from pricing_assets.anomalies.thresholds import EXTREMES, FLOORS, LOSS_STEP, TIMES_OWN

KEY = ["date", "sku", "market"]
COLUMNS = (
    *("date", "sku", "market", "category", "currency", "cost_source", "units_28d", "revenue_28d"),
    *("current_price", "usual_price", "usual_price_move_pct", "planned_price_today"),
    *("cost", "margin_pct", "usual_margin_pct", "usual_margin_move"),
    *("competitor_min", "competitor_delta_pct", "usual_competitor_delta_pct", "usual_competitor_delta_move"),
    *("price_age_days", "missing_data"),
)
"""The columns of features.feature_snapshots that flags and their sentences read."""


class Deviation(NamedTuple):
    """Expressions over a snapshot: what is measured, the SKU's own usual deviation, money lost per unit sold.

    `counts` says where the reason applies at all; a null anywhere but in `loss` flags nothing.
    """

    reason: str
    value: pl.Expr
    own: pl.Expr
    loss: pl.Expr
    counts: pl.Expr


def flags(snapshot: pl.DataFrame) -> pl.DataFrame:
    """The flagged rows: the snapshot's columns with reason, value, threshold, effect, and at_stake (Float64).

    One row per SKU, market, day and reason; what another reason of the same row explains is left out.
    """
    rows = snapshot.select(COLUMNS).with_columns(_expected())
    found = [_flagged(rows, deviation) for deviation in (*_prices(), *_margins(), _undercut(), *_data())]
    return _unexplained(pl.concat(found))


def _expected() -> list[pl.Expr]:
    """What a plan, known before the day, makes of the usual price: `lower` and `upper`; and the `usual_cost`."""
    usual, plan = _number("usual_price"), _number("planned_price_today")
    lower, upper = pl.min_horizontal(usual, plan), pl.max_horizontal(usual, plan)
    return [
        pl.when(usual.is_not_null()).then(lower).alias("lower"),
        pl.when(usual.is_not_null()).then(upper).alias("upper"),
        (usual * (1 - pl.col("usual_margin_pct") / pl.lit(100.0))).alias("usual_cost"),
    ]


def _prices() -> Sequence[Deviation]:
    price, own = _number("current_price"), pl.col("usual_price_move_pct")
    above, below = price - pl.col("upper"), pl.col("lower") - price
    return (
        Deviation("PRICE_SPIKE", 100 * above / pl.col("upper"), own, above, pl.lit(True)),
        Deviation("PRICE_TOO_LOW", 100 * below / pl.col("lower"), own, below, pl.lit(True)),
    )


def _margins() -> Sequence[Deviation]:
    """A loss, and margin lost to cost: what a lower price takes of it is planned, small, or a price too low."""
    price, cost, margin = _number("current_price"), _number("cost"), pl.col("margin_pct")
    risen = cost - pl.col("usual_cost")
    return (
        Deviation("NEGATIVE_MARGIN", -margin, pl.lit(0.0), cost - price, margin < 0),
        Deviation("LOW_MARGIN", 100 * risen / price, pl.col("usual_margin_move"), risen, margin >= 0),
    )


def _undercut() -> Deviation:
    gap = pl.col("competitor_delta_pct") - pl.col("usual_competitor_delta_pct")
    loss = _number("current_price") - _number("competitor_min")
    return Deviation("COMPETITOR_UNDERCUT", gap, pl.col("usual_competitor_delta_move"), loss, loss > 0)


def _data() -> Sequence[Deviation]:
    nothing, none = pl.lit(None, pl.Float64), pl.lit(0.0)
    age = pl.col("price_age_days").cast(pl.Float64)
    stale = (age >= FLOORS["STALE_PRICE"]).fill_null(False)
    missing = pl.col("missing_data").str.split(",").list.eval(pl.element().filter(pl.element() != "")).list.len()
    number = missing - pl.when(stale).then(1).otherwise(0)
    return (
        Deviation("STALE_PRICE", age, none, nothing, pl.lit(True)),
        Deviation("MISSING_DATA", number.cast(pl.Float64), none, nothing, pl.lit(True)),
    )


def _flagged(rows: pl.DataFrame, deviation: Deviation) -> pl.DataFrame:
    floor, loses = FLOORS[deviation.reason], deviation.reason == "NEGATIVE_MARGIN"
    threshold = pl.max_horizontal(pl.lit(floor), TIMES_OWN * deviation.own)
    threshold = pl.min_horizontal(threshold, pl.lit(EXTREMES.get(deviation.reason, math.inf)))
    value, least = pl.col("value"), pl.col("threshold")
    measured = rows.with_columns(
        value=deviation.value,
        threshold=pl.when(deviation.own.is_not_null()).then(threshold),
        at_stake=deviation.loss * pl.col("units_28d").cast(pl.Float64) / 4,
        counts=deviation.counts,
    )
    over = (value > least) if loses else (value >= least)
    found = measured.filter(pl.col("counts") & over).drop("counts")
    effect = 1 + value / LOSS_STEP if loses else value / least
    return found.with_columns(reason=pl.lit(deviation.reason), effect=effect)


def _unexplained(found: pl.DataFrame) -> pl.DataFrame:
    """Without a thin margin that a low price or a loss explains, or an undercut that our own spike explains."""
    beside = {
        "LOW_MARGIN": ["PRICE_TOO_LOW"],
        "COMPETITOR_UNDERCUT": ["PRICE_SPIKE"],
    }
    for reason, others in beside.items():
        explained = found.filter(pl.col("reason").is_in(others)).select(*KEY, reason=pl.lit(reason))
        found = found.join(explained, on=[*KEY, "reason"], how="anti", maintain_order="left")
    return found


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64)
