"""The past as it stands on an origin: what sales up to that date say about a series.

Here: levels, baselines without promotions, response to past discounts, groups' momentum. Not here: anything known
about the date a forecast is for (drivers).

Every figure of a row uses rows of its date and before. Means are differences of running integer sums (thousandths of
a unit, millionths of a logarithm): they are the same to the bit however long the history before the window is.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.demand.drivers import DEPTH, LEVEL, PROMOTED
from pricing_assets.demand.panel import CENSORED, DATE, ID, Y, carried, lagged
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.roles import Roles

MILLI, MICRO = 1_000, 1_000_000
BASE = "base"
SUM, SEEN = ":sum", ":seen"
"""Of a column, its running sum and the number of its values."""
SHRINK = 4.0
"""Promoted dates a response is worth before it is believed by half."""

WINDOWS = {"W": (2, 4, 8, 13, 26, 52), "D": (3, 7, 14, 28, 56, 91, 182)}
BASE_WINDOWS = {"W": (6, 13, 26), "D": (28, 56, 91)}


def uncensored(panel: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """The panel with sold-out dates raised to what the series usually sells: `y` there is only a lower bound.

    A date sold out counts as the greater of its `y` and the mean of the last eight dates in stock (on days: of the
    same weekday), so it neither pulls the level down nor leaves a hole.
    """
    if not panel[CENSORED].any():
        return panel
    in_stock = pl.when(~pl.col(CENSORED)).then(pl.col(Y))
    season = 7 if plan.frequency == "D" else 1
    usual = pl.mean_horizontal(in_stock.shift(season * k).over(ID) for k in range(1, 9))
    raised = pl.when(pl.col(CENSORED)).then(pl.max_horizontal(Y, usual)).otherwise(pl.col(Y))
    return panel.with_columns(raised.alias(Y))


def past(panel: pl.DataFrame, known: pl.DataFrame, plan: Plan, roles: Roles) -> pl.DataFrame:
    """One row per row of the panel (gridded, uncensored), in its order: what is known at the end of its date.

    `base` is the level of dates without promotion (units), above 0; null before the first observation.
    """
    frame = panel.select(ID, DATE, Y, *roles.groups).with_columns(known[PROMOTED], known[DEPTH])
    frame = frame.with_columns(
        u=(pl.col(Y) * MILLI).round().cast(pl.Int64), l=(pl.col(Y).log1p() * MICRO).round().cast(pl.Int64)
    )
    frame = frame.with_columns(*_baselines(plan), *_running("u"), *_running("l")).with_columns(_base(plan))
    frame = frame.with_columns(
        lift=((pl.col(Y).log1p() - pl.col("base_before").log1p()) * MICRO).round().cast(pl.Int64)
    ).with_columns(_running("lift"))
    frame = frame.with_columns(
        *_levels(plan), *_rhythm(plan), *_responses(), lately=_mean("lift", WINDOWS[plan.frequency][1]) / MICRO
    )
    frame = frame.with_columns(_momentum(roles))
    summed = [f"{column}{running}" for column in ("u", "l", "lift") for running in ("", SUM, SEEN)]
    return frame.drop(ID, DATE, Y, PROMOTED, DEPTH, *summed, "lately", "base_before", *roles.groups)


def _baselines(plan: Plan) -> list[pl.Expr]:
    """Medians of dates without promotion, the last ones where a window has none."""
    plain = pl.when(~pl.col(PROMOTED)).then(pl.col(Y))
    return [
        carried(plain.rolling_median(k, min_samples=max(1, k // 4)).over(ID)).alias(f"plain_{k}")
        for k in BASE_WINDOWS[plan.frequency]
    ]


def _base(plan: Plan) -> list[pl.Expr]:
    """The level all ratios are taken to: a median without promotions, else the mean so far; never 0."""
    short, *_, long = BASE_WINDOWS[plan.frequency]
    mean = _mean("u", WINDOWS[plan.frequency][4]) / MILLI
    plain = pl.mean_horizontal(pl.col(f"plain_{short}"), pl.col(f"plain_{long}"))
    floor = pl.lit(0.05)
    base = pl.max_horizontal(pl.when(plain > 0).then(plain).otherwise(mean), mean * 0.1, floor)
    base = carried(base)
    return [base.alias(BASE), lagged(base, 1).alias("base_before")]


def _running(column: str) -> list[pl.Expr]:
    """Sum and number of a series' observed values so far; windows are differences of these."""
    there = pl.col(column).is_not_null().cast(pl.Int64)
    return [
        pl.col(column).fill_null(0).cum_sum().over(ID).alias(f"{column}{SUM}"),
        there.cum_sum().over(ID).alias(f"{column}{SEEN}"),
    ]


def _window(column: str, k: int) -> tuple[pl.Expr, pl.Expr]:
    """Sum and number of the observed values of the last `k` dates."""
    total, seen = pl.col(f"{column}{SUM}"), pl.col(f"{column}{SEEN}")
    return total - lagged(total, k, 0), seen - lagged(seen, k, 0)


def _mean(column: str, k: int) -> pl.Expr:
    total, seen = _window(column, k)
    return pl.when(seen > 0).then(total / seen)


def _levels(plan: Plan) -> list[pl.Expr]:
    """Levels as log ratios to the base, and the base itself: ratios carry over from one series to another."""
    base = pl.col(BASE)
    made = [base.log().alias("log_base")]
    made += [((_mean("u", k) / MILLI + 0.01) / base).log().alias(f"mean_{k}") for k in WINDOWS[plan.frequency]]
    made += [(_mean("l", k) / MICRO - base.log1p()).alias(f"log_mean_{k}") for k in WINDOWS[plan.frequency][2:5]]
    made += [
        ((pl.col(f"plain_{k}") + 0.01) / base).log().alias(f"plain_ratio_{k}") for k in BASE_WINDOWS[plan.frequency]
    ]
    lags = range(4) if plan.frequency == "W" else range(7)
    made += [((pl.col(Y).shift(k).over(ID) + 0.01) / base).log().alias(f"last_{k}") for k in lags]
    made += [pl.col(Y).shift(k).over(ID).log1p().alias(f"last_{k}{LEVEL}") for k in lags]
    made += [(_mean("l", k) / MICRO).alias(f"mean_{k}{LEVEL}") for k in WINDOWS[plan.frequency][1:]]
    return made


def _rhythm(plan: Plan) -> list[pl.Expr]:
    """How old the series is, how often it sells nothing, how much it scatters."""
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    sold = pl.when(pl.col(Y) > 0).then(row).forward_fill().over(ID)
    row = row.over(ID)
    quarter = 13 if plan.frequency == "W" else 91
    is_zero = pl.when(pl.col(Y).is_not_null()).then((pl.col(Y) == 0).cast(pl.Float64))
    spread = (pl.col(Y).log1p() - pl.col("base_before").log1p()).clip(-3, 3)
    return [
        row.cast(pl.Float64).clip(upper_bound=2 * plan.year).alias("age"),
        (row - sold).cast(pl.Float64).alias("since_sale"),
        is_zero.rolling_mean(quarter, min_samples=1).over(ID).alias("zero_share"),
        spread.rolling_std(quarter, min_samples=4).over(ID).alias("spread"),
    ]


def _responses() -> list[pl.Expr]:
    """The series' own answer to promotions so far: mean lift, and the slope of log sales on log depth."""
    on = pl.when(pl.col(PROMOTED)).then(pl.col("lift"))
    seen, total = on.is_not_null().cast(pl.Int64).cum_sum().over(ID), on.fill_null(0).cum_sum().over(ID)
    depth = pl.when(pl.col("lift").is_not_null()).then((pl.col(DEPTH) * 1000).round().cast(pl.Int64))
    lift = (pl.col("lift") / 1000).round().cast(pl.Int64)
    crossed, squared = (depth * lift).fill_null(0), (depth * depth).fill_null(0)
    slope = crossed.cum_sum().over(ID) / (squared.cum_sum().over(ID) + 20_000)
    return [
        (total / (seen + SHRINK) / MICRO).alias("own_lift"),
        seen.cast(pl.Float64).alias("promotions_seen"),
        slope.alias("own_slope"),
    ]


def _momentum(roles: Roles) -> list[pl.Expr]:
    """How the group's sales stand to their levels lately."""
    keys = {group: [DATE, group] if group else [DATE] for group in ("", *roles.groups)}
    return [pl.col("lately").mean().over(by).alias(f"{group}:momentum") for group, by in keys.items()]
