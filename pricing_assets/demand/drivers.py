"""Drivers: what is known in advance about the date a forecast is for.

Here: prices against their own recent level and against rivals', promotions, how much of the group is promoted,
calendar. Not here: anything that needs sales (past).

All of it is computed on the panel's grid from known columns alone, up to the date itself, never after it.
"""

from __future__ import annotations

import math

import polars as pl

from pricing_assets.demand.holidays import holiday_features
from pricing_assets.demand.panel import DATE, ID, lagged
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.roles import Roles, without_own

PROMOTED = "promoted"
DEPTH = "depth"
PROMOTED_FROM = 0.05
"""Discount from which a date counts as promoted, whatever the flags say."""
REGULAR_QUANTILE = 0.8
LEVEL = ":level"
"""Ends the names of features in units or money as they are; other features are ratios, alike for all series."""


def drivers(panel: pl.DataFrame, plan: Plan, roles: Roles) -> pl.DataFrame:
    """One row per row of the gridded panel, in its order: `promoted` (Boolean), `depth` (log) and all known features.

    `depth` is log(price ÷ regular price), where the regular price is a high quantile of a quarter's trailing prices.
    """
    frame = without_own(panel, roles).with_columns(_prices(plan, roles))
    frame = frame.with_columns(_price_features(plan, roles))
    promoted = [pl.col(flag).fill_null(0.0) > 0.5 for flag in roles.promotions]
    cheap = pl.col(DEPTH) < math.log1p(-PROMOTED_FROM)
    frame = frame.with_columns(pl.any_horizontal(*promoted, cheap).fill_null(value=False).alias(PROMOTED))
    frame = frame.with_columns(*_group_features(roles), *_recent_promotions(plan), *_calendar(plan))
    frame = frame.with_columns(*_just_before(roles), *holiday_features(frame[DATE], plan))
    flags = [*roles.flags, *roles.numbers, *roles.measures]
    made = [name for name in frame.columns if name not in panel.columns]
    return frame.select(made + flags + ([roles.own] if roles.own else []))


def _prices(plan: Plan, roles: Roles) -> list[pl.Expr]:
    """Regular prices: own and rivals'."""
    quarter = 13 if plan.frequency == "W" else 91
    return [
        pl.col(column)
        .rolling_quantile(REGULAR_QUANTILE, "lower", window_size=quarter, min_samples=1)
        .over(ID)
        .alias(f"{column}:regular")
        for column in ([roles.own] if roles.own else []) + list(roles.rivals)
    ]


def _price_features(plan: Plan, roles: Roles) -> list[pl.Expr]:
    if roles.own is None:
        return [pl.lit(None, pl.Float64).alias(DEPTH)]
    own = pl.col(roles.own)
    depth = (own / pl.col(f"{roles.own}:regular")).log()
    short = 4 if plan.frequency == "W" else 28
    recent = own.rolling_mean(short, min_samples=1).over(ID)
    made = [
        depth.alias(DEPTH),
        own.log().alias("log_price"),
        (own / own.shift(1).over(ID)).log().alias("price_step"),
        (own / own.shift(1).rolling_min(short, min_samples=1).over(ID)).log().alias("price_to_recent_low"),
        (own / recent).log().alias("price_to_recent"),
    ]
    if roles.rivals:
        made += _rival_features(roles, own)
    return made


def _rival_features(roles: Roles, own: pl.Expr) -> list[pl.Expr]:
    rivals = [pl.col(column) for column in roles.rivals]
    depths = [(pl.col(column) / pl.col(f"{column}:regular")).log() for column in roles.rivals]
    ratios = [(own / rival).log() for rival in rivals]
    below = pl.sum_horizontal((rival < own).cast(pl.Float64) for rival in rivals)
    return [
        (own / pl.min_horizontal(rivals)).log().alias("price_to_cheapest"),
        pl.mean_horizontal(ratios).alias("price_to_rivals"),
        below.alias("rivals_below"),
        *(rival.log().alias(f"{column}{LEVEL}") for column, rival in zip(roles.rivals, rivals, strict=True)),
        pl.min_horizontal(depths).alias("deepest_rival"),
        pl.mean_horizontal(depths).alias("mean_rival_depth"),
        *(depth.alias(f"{column}:depth") for column, depth in zip(roles.rivals, depths, strict=True)),
        *(ratio.alias(f"{column}:ratio") for column, ratio in zip(roles.rivals, ratios, strict=True)),
    ]


def _group_features(roles: Roles) -> list[pl.Expr]:
    """Of the other series of the group on the date: the share promoted, the mean depth."""
    made = []
    promoted, depth = pl.col(PROMOTED).cast(pl.Int64), pl.col(DEPTH).fill_null(0.0)
    for group in ("", *roles.groups):
        keys = [DATE, group] if group else [DATE]
        others = pl.len().over(keys) - 1
        made.append(((promoted.sum().over(keys) - promoted) / others).fill_nan(None).alias(f"{group}:promoted_share"))
        if roles.own:
            made.append(((depth.sum().over(keys) - depth) / others).fill_nan(None).alias(f"{group}:depth_mean"))
    return made


def _just_before(roles: Roles) -> list[pl.Expr]:
    """Depth and flags of the two dates before: after a promotion cupboards are full."""
    return [
        pl.col(name).shift(k).over(ID).alias(f"{name}:before_{k}")
        for name in (DEPTH, *roles.promotions)
        for k in (1, 2)
    ]


def _recent_promotions(plan: Plan) -> list[pl.Expr]:
    """How long the present promotion has run, and how much of the weeks before was promoted: stocked-up cupboards."""
    flag = pl.col(PROMOTED).cast(pl.Int64)
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    last_off = pl.when(flag == 0).then(row).otherwise(None).forward_fill().over(ID).fill_null(-1)
    last_on = pl.when(flag == 1).then(row).otherwise(None).forward_fill().shift(1).over(ID)
    row = row.over(ID)
    windows = (2, 4, 8) if plan.frequency == "W" else (7, 28, 56)
    before = flag.cum_sum().over(ID) - flag
    return [
        (row - last_off).cast(pl.Float64).alias("promoted_for"),
        (row - last_on).cast(pl.Float64).alias("since_promotion"),
        *(((before - lagged(before, k, 0)) / k).alias(f"promoted_before_{k}") for k in windows),
    ]


def _calendar(plan: Plan) -> list[pl.Expr]:
    day = pl.col(DATE)
    angle = day.dt.ordinal_day() * (2 * math.pi / 365.25)
    made = [angle.sin().alias("year_sin"), angle.cos().alias("year_cos"), (2 * angle).sin().alias("year_sin_2")]
    made += [(2 * angle).cos().alias("year_cos_2"), day.dt.day().cast(pl.Float64).alias("day_of_month")]
    if plan.frequency == "D":
        made.append(day.dt.weekday().cast(pl.Float64).alias("weekday"))
    return made
