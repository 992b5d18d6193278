"""Categories as a whole: units of all SKUs of a category that are sold beside each other, date by date.

Here: what these units should be by each SKU's own prices, how dear the others were to each, and the design that
compares the two. Not here: cross effects (substitution).

An effect of each date on a whole category, which own elasticities are estimated beside, would take away nearly all that
prices moving together do. So this asks another question of the same rows: whether a category sells more than its own
prices say when its prices rise together. Dates are told apart over all categories at once, a category has only its
level, trend and season for itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.censoring import sold_out
from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.columns import DATE, ID, Y
from pricing_assets.demand.elasticity.design import PRICES, Design, design, series_sums
from pricing_assets.demand.elasticity.observations import BASE, CENSORED, LEAST_ROWS, PROMOTION, Observations

PLACE, SKUS = "place", "skus"


class Categories(NamedTuple):
    """Categories in zones, in order: `table` has category, zone, SKUs ever sold there and n_obs, one row each.

    `of_series` is the number of each series' own, `category` that of each one's category.
    """

    table: pl.DataFrame
    of_series: Ints
    category: Ints


def categories(series: pl.DataFrame) -> Categories:
    """The categories in zones of observed series."""
    keys = ["category", "zone"]
    table = series.group_by(keys).agg(pl.col("sku").n_unique().alias(SKUS)).sort(keys).with_row_index(PLACE)
    of_series = series.select(keys).join(table, on=keys, how="left", maintain_order="left")[PLACE]
    numbers = table["category"].rank("dense") - 1
    return Categories(table, of_series.to_numpy().astype(np.int64), numbers.to_numpy().astype(np.int64))


def as_a_whole(observed: Observations, asked: Design, slopes: Floats, found: Categories) -> Design | None:
    """The design of each category's units on the mean price of the others, beside what own prices say.

    `slopes` are those of each series of `asked`, whose rows are the observed ones. Its two prices are means over the
    category's SKUs of the mean log base price of all others on sale (and of the log of what promotions take off it),
    each beside its own usual level, weighed by units expected. A SKU alone on a date is in no row, nor are places with
    too few dates; None where nothing is left.
    """
    expected, demand = _expected(asked, slopes)
    zone = found.of_series[asked.series]
    number, rows = _dated(zone, asked.day)
    beside, others = _others(asked, number)
    dates = np.bincount(zone[rows[np.unique(number[beside > 0])]], minlength=found.table.height)
    kept = (beside > 0) & (dates >= LEAST_ROWS)[zone]
    if not kept.any():
        return None
    number, where = np.unique(number[kept], return_inverse=True)
    size = len(number)
    whole = np.bincount(where, expected[kept], size)
    dear = [np.bincount(where, (column * expected)[kept], size) / np.maximum(whole, 1e-12) for column in others.T]
    days = observed.rows[DATE].gather(rows[number].tolist())
    frame = pl.DataFrame(
        {
            ID: found.table.select(_named())[ID].gather(zone[rows[number]].tolist()),
            DATE: days,
            Y: np.bincount(where, demand[kept], size),
            CENSORED: np.zeros(size, dtype=np.bool_),
            BASE: dear[0],
            PROMOTION: dear[1],
        }
    )
    every = found.table.select(_named(), "zone", category=pl.lit("all"), sku=pl.col(PLACE).cast(pl.String))
    made = design(Observations(frame, every, observed.step), ())
    return replace(made, offset=np.log(np.maximum(whole, 1e-12)))


def _named() -> pl.Expr:
    return pl.col(PLACE).cast(pl.String).str.zfill(9).alias(ID)


def _expected(asked: Design, slopes: Floats) -> tuple[Floats, Floats]:
    """Units of each row by its series' level, prices, trend and season alone; and what customers wanted."""
    shape = np.exp(np.clip(np.einsum("nk,nk->n", asked.x, slopes[asked.series]), -20.0, 20.0))
    level = series_sums(asked, asked.y) / np.maximum(series_sums(asked, shape), 1e-12)
    expected = shape * level[asked.series]
    return expected, sold_out(expected, asked.y, asked.censored)[0]


def _dated(zone: Ints, day: Ints) -> tuple[Ints, Ints]:
    """The number of each row's category and date, in that order, and a row of each number."""
    first = int(day.min(initial=0))
    _, rows, number = np.unique(
        zone * (day.max(initial=0) - first + 1) + day - first, return_index=True, return_inverse=True
    )
    return number.astype(np.int64), rows.astype(np.int64)


def _others(asked: Design, number: Ints) -> tuple[Floats, Floats]:
    """Of each row how many others are beside it, and the mean of their prices beside usual ones, base and promotion."""
    prices = asked.x[:, :PRICES]
    count = np.maximum(series_sums(asked, np.ones_like(asked.y)), 1.0)
    away = prices - (series_sums(asked, prices) / count[:, None])[asked.series]
    beside = np.asarray(np.bincount(number)[number] - 1.0, dtype=np.float64)
    sums = np.column_stack([np.bincount(number, column)[number] for column in away.T])
    return beside, np.asarray((sums - away) / np.maximum(beside, 1.0)[:, None])
