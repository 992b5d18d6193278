"""Ranges: what sales fall into four times in five, per date and for the sum so far.

Here: conformal q10 and q90 from errors on earlier origins. Not here: the mean they surround (blend).

Cross-conformal prediction (Vovk 2015; Barber et al. 2021) per cell of volume, promotion and steps ahead: the quantiles
of log((y + c) ÷ (mean + c)) on origins already over, by boosters that saw no date of theirs. Demand drifts, so an
origin counts the less the longer it is over (weighted conformal prediction: Barber et al. 2023). Series of an origin
err together, so a cell's errors count as no more than the independent ones they are worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pricing_assets.demand.blend import SEGMENT
from pricing_assets.demand.design import STEP
from pricing_assets.demand.panel import DATE, ID, Y
from pricing_assets.demand.responses import ORIGIN

LOW, HIGH = 0.1, 0.9
OFFSET = 0.5
LEAST_ROWS = 60
"""Errors below which a cell takes the quantiles of a wider one."""
WIDE = (-1.5, 1.0)
"""Log errors assumed where nothing was ever scored."""
HALF_LIFE = 2
"""Horizons after which an origin counts half."""


@dataclass(frozen=True)
class Ranges:
    """Cell → (q10, q90) of the log error, of single dates and of sums; cells are `segment|steps`, `segment`, or ``."""

    dates: dict[str, tuple[float, float]]
    sums: dict[str, tuple[float, float]]

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return {"dates": self.dates, "sums": self.sums}


def ranges_from(told: Mapping[str, Any]) -> Ranges:
    """The ranges that `described()` tells of."""
    dates, sums = ({cell: (low, high) for cell, (low, high) in told[kind].items()} for kind in ("dates", "sums"))
    return Ranges(dates, sums)


def learn_ranges(rows: pl.DataFrame) -> Ranges:
    """Ranges from rows (unique_id, ds, origin, step, segment, y, mean) of origins already over."""
    horizon = (pl.col(DATE) - pl.col(ORIGIN)).max()
    age = (pl.col(ORIGIN).max() - pl.col(ORIGIN)).dt.total_days() / horizon.dt.total_days()
    weighted = rows.filter(pl.col(Y).is_not_null()).with_columns((0.5 ** (age / HALF_LIFE)).alias("weight"))
    summed = with_sums(weighted)
    return Ranges(_quantiles(summed, Y, "mean", SEGMENT), _quantiles(summed, "sum_y", "sum_mean", "sum_segment"))


def with_sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds sum_mean (and sum_y) from the first date of the horizon on, and sum_segment: promoted once any date is."""
    rows = rows.sort(ORIGIN, ID, DATE)
    by = _horizon()
    any_promoted = pl.col(SEGMENT).str.ends_with("promoted").cum_max().over(by)
    promoted = pl.col(SEGMENT).str.replace("|plain", "|promoted", literal=True)
    made = [pl.col("mean").cum_sum().over(by).alias("sum_mean")]
    if Y in rows.columns:
        made.append(pl.col(Y).cum_sum().over(by).alias("sum_y"))
    return rows.with_columns(*made, pl.when(any_promoted).then(promoted).otherwise(SEGMENT).alias("sum_segment"))


def with_ranges(rows: pl.DataFrame, ranges: Ranges) -> pl.DataFrame:
    """Adds q10, q90, sum_mean, sum_q10, sum_q90 to rows (unique_id, ds, origin, step, segment, mean), by origin, series
    and date.
    """
    rows = with_sums(rows)
    rows = _spread(rows, ranges.dates, "mean", SEGMENT, ("q10", "q90"))
    rows = _spread(rows, ranges.sums, "sum_mean", "sum_segment", ("sum_q10", "sum_q90"))
    grown = [pl.col(name).cum_max().over(_horizon()) for name in ("sum_q10", "sum_q90")]
    return rows.with_columns(grown).drop("sum_segment")


def _horizon() -> pl.Expr:
    """A number for each origin and series of rows sorted by them: cheaper to group by than the two."""
    begins = (pl.col(ID) != pl.col(ID).shift()) | (pl.col(ORIGIN) != pl.col(ORIGIN).shift())
    return begins.fill_null(value=True).cum_sum()


def _steps() -> pl.Expr:
    """Steps ahead in groups that double: 1, 2, 3–4, 5–8 …"""
    return pl.col(STEP).log(2).ceil().cast(pl.Int64)


def _quantiles(rows: pl.DataFrame, actual: str, mean: str, segment: str) -> dict[str, tuple[float, float]]:
    error = ((pl.col(actual) + OFFSET) / (pl.col(mean) + OFFSET)).log().alias("error")
    frame = rows.select(error, segment, _steps(), "weight", ORIGIN).sort("error", maintain_order=True)
    found = {"": _pair(frame)} if frame.height >= LEAST_ROWS else {"": WIDE}
    for cells in ([segment, STEP], [segment]):
        for cell, part in frame.group_by(cells, maintain_order=True):
            if part.height >= LEAST_ROWS:
                found["|".join(map(str, cell))] = _pair(part)
    return dict(sorted(found.items()))


def _pair(rows: pl.DataFrame) -> tuple[float, float]:
    """The conformal quantiles of rows (error, weight, origin) sorted by error: of n + 1, where n rows are independent.

    As many are as would leave the share outside the quantiles as uncertain as its scatter over origins says it is.
    """
    errors, weight = rows["error"].to_numpy(), rows["weight"].to_numpy()
    weight = weight / weight.sum()
    below = np.cumsum(weight)

    def quantile(level: float) -> float:
        return float(errors[min(int(np.searchsorted(below, level)), len(errors) - 1)])

    outside = (errors < quantile(LOW)) | (errors > quantile(HIGH))
    share = float((weight * outside).sum())
    origin = np.searchsorted(rows[ORIGIN].unique().sort().to_physical(), rows[ORIGIN].to_physical())
    variance = float((np.bincount(origin, weight * (outside - share)) ** 2).sum())
    number = float(np.clip(share * (1 - share) / max(variance, 1e-12), 1.0, len(errors)))
    tail = max(1 - HIGH * (number + 1) / number, 0.0)
    return quantile(tail), quantile(1 - tail)


def _spread(
    rows: pl.DataFrame, cells: Mapping[str, tuple[float, float]], mean: str, segment: str, names: tuple[str, str]
) -> pl.DataFrame:
    fine = pl.concat_str(pl.col(segment), _steps(), separator="|")
    made = []
    for number, name in enumerate(names):
        table = {cell: pair[number] for cell, pair in cells.items()}
        of_cell = [
            column.replace_strict(table, default=None, return_dtype=pl.Float64) for column in (fine, pl.col(segment))
        ]
        error = pl.coalesce(*of_cell, pl.lit(table[""]))
        value = ((pl.col(mean) + OFFSET) * error.exp() - OFFSET).clip(lower_bound=0.0)
        made.append(value.alias(name))
    return rows.with_columns(made)
