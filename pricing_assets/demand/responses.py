"""Past answers to discounts like the one planned: of the series, of its groups, of all.

Here: mean lifts by depth and promotion, as known on an origin. Not here: elasticities as such (elasticity).
"""

from __future__ import annotations

import polars as pl

from pricing_assets.demand.drivers import DEPTH, PROMOTED
from pricing_assets.demand.panel import DATE, ID, Y
from pricing_assets.demand.roles import Roles

MICRO = 1_000_000
SHRINK = 3.0
"""Dates like it before a mean lift is believed by half."""
BINS = (-0.5, -0.35, -0.22, -0.12, -0.04)
"""Edges of discount depth, as logarithms, between which past answers are kept apart."""
CELL, ORIGIN = "cell", "origin"


def with_cells(known: pl.DataFrame, roles: Roles) -> pl.Series:
    """The cell of each date's discount: its depth's bin, and which promotions are on."""
    deeper = pl.sum_horizontal((pl.col(DEPTH).fill_null(0.0) < edge).cast(pl.Int64) for edge in BINS)
    cell = deeper
    for flag in roles.promotions[:3]:
        cell = cell * 2 + (pl.col(flag).fill_null(0.0) > 0.5).cast(pl.Int64)
    if not roles.promotions:
        cell = cell * 2 + pl.col(PROMOTED).cast(pl.Int64)
    return known.select(cell.alias(CELL)).to_series()


def lifts(panel: pl.DataFrame, base_before: pl.Series, cells: pl.Series, roles: Roles) -> pl.DataFrame:
    """unique_id, ds, groups, cell, lift (millionths of a logarithm): what each observed date sold above its base."""
    lift = ((panel[Y].log1p() - base_before.log1p()) * MICRO).round().cast(pl.Int64)
    frame = panel.select(ID, DATE, *roles.groups).with_columns(cells.alias(CELL), lift.alias("lift"))
    return frame.drop_nulls("lift")


def answers(rows: pl.DataFrame, seen: pl.DataFrame, roles: Roles) -> pl.DataFrame:
    """For rows (unique_id, groups, cell, origin, in any order): mean lift in the cell, by series, group and all.

    Only dates up to a row's origin count. The means are shrunk towards 0 by SHRINK dates; `…:seen` says how many.
    """
    frame = rows.select(ID, *roles.groups, CELL, ORIGIN).with_row_index("row")
    for level in (ID, *roles.groups, ""):
        keys = [level, CELL] if level else [CELL]
        sums = seen.group_by(*keys, DATE).agg(pl.col("lift").sum(), n=pl.len().cast(pl.Int64)).sort(*keys, DATE)
        sums = sums.with_columns(pl.col("lift", "n").cum_sum().over(keys)).sort(DATE)
        mean = (pl.col("lift") / (pl.col("n") + SHRINK) / MICRO).alias(f"{level}:answer")
        sums = sums.select(*keys, DATE, mean, pl.col("n").cast(pl.Float64).alias(f"{level}:seen"))
        frame = frame.sort(ORIGIN, "row").join_asof(
            sums, left_on=ORIGIN, right_on=DATE, by=keys, strategy="backward", check_sortedness=False
        )
        frame = frame.drop(DATE, strict=False)
    made = [f"{level}:{what}" for level in (ID, *roles.groups, "") for what in ("answer", "seen")]
    return frame.sort("row").select(made)
