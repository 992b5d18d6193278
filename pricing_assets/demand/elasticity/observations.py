"""Observations: the rows of a panel that can say something about prices, and per series what was left out and why.

Here: faults of rows and series, regular prices, the logs that estimation looks at. Not here: estimation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.clusters import Floats
from pricing_assets.demand.elasticity.columns import DATE, ID, Columns, Y

LEAST_ROWS = 24
"""Rows a series needs to speak for itself."""
LEAST_SHARE = 0.3
"""Share of the dates between its first and last row that a series must have."""
MOST_FAULTY = 0.05
"""Share of duplicated, negative or priceless rows beyond which nothing of a series is believed."""
LONGEST_PROMOTION = 28
"""Days: a price that comes back within them was a promotion, one that stays is a new regular price."""

MOST_IRREGULAR = 2.0
"""Times the regular price, or one part in so many, beyond which a price is a slip or a clearance and left out."""

MOST_APART = 0.1
"""How far (log) a rival may be from the median of all, each beside its usual price; one farther counts as this far."""

LASTING, PASSING = 28, 7
"""Days an elasticity speaks of: that of base prices of the first of a lasting change, that of promotions of a cut."""
HALF_LIFE = 7
"""Days after which half of what customers remember of a price is newer prices."""

_SERIES = pl.col(ID).rle_id()
"""Rows of a series stand together: a number is grouped by at a fraction of what a text costs."""
BASE, PROMOTION, RIVALS, CENSORED, NEWNESS = "base", "promotion", "rivals", "censored", "newness"


class Observations(NamedTuple):
    """`rows`: unique_id, ds, y, `censored`, log columns base, promotion (log of price ÷ regular price), newness (of the
    price to customers) and rivals where there are any, promotions and controls. `series`: one row per unique_id of the
    panel, sorted: sku, category, zone, n_obs, fault (null where it may speak for itself), left_out. `step` is days from
    row to row.
    """

    rows: pl.DataFrame
    series: pl.DataFrame
    step: int


def observe(panel: pl.DataFrame, columns: Columns) -> Observations:
    """The observations of a checked panel."""
    step = _step(panel)
    marked = panel.with_columns(_fault(columns))
    kept = marked.filter(pl.col("fault").is_null()).drop("fault")
    kept = kept.with_columns(_regular(kept, columns, step).alias("regular"))
    kept = kept.filter((pl.col(columns.price) / pl.col("regular")).is_between(1 / MOST_IRREGULAR, MOST_IRREGULAR))
    series = _series(marked, kept, columns, step)
    speaking = series.filter(pl.col("fault").is_null()).select(ID)
    kept = kept.join(speaking, on=ID, how="semi", maintain_order="left")
    return Observations(_logs(kept, columns, step), series, step)


def _step(panel: pl.DataFrame) -> int:
    """Days from row to row: 7 where all series are weekly, else 1."""
    gaps = panel.select((pl.col(DATE) - pl.col(DATE).shift(1).over(_SERIES)).dt.total_days().alias("gap")).filter(
        pl.col("gap") > 0
    )
    return 7 if gaps.height and (gaps["gap"] % 7 == 0).all() else 1


def _fault(columns: Columns) -> pl.Expr:
    """Why a row says nothing, the first that holds."""
    twice = ((pl.col(ID) == pl.col(ID).shift()) & (pl.col(DATE) == pl.col(DATE).shift())).fill_null(value=False)
    price, y = pl.col(columns.price), pl.col(Y)
    missing = [pl.col(name).is_null() | ~pl.col(name).is_finite() for name in (*columns.promotions, *columns.controls)]
    fault = (
        pl.when(twice | twice.shift(-1))
        .then(pl.lit("duplicated"))
        .when(y < 0)
        .then(pl.lit("negative"))
        .when(price.is_null() | ~price.is_finite() | (price <= 0))
        .then(pl.lit("without price"))
    )
    if columns.regular_price:
        regular = pl.col(columns.regular_price)
        fault = fault.when(regular.is_null() | ~regular.is_finite() | (regular <= 0)).then(pl.lit("without price"))
    fault = fault.when(y.is_null() | ~y.is_finite()).then(pl.lit("not observed"))
    if missing:
        fault = fault.when(pl.any_horizontal(missing)).then(pl.lit("incomplete"))
    return fault.otherwise(None).alias("fault")


def _regular(kept: pl.DataFrame, columns: Columns, step: int) -> pl.Expr:
    """The regular price: as given, else the price with dips of up to LONGEST_PROMOTION days filled.

    Filled by a morphological closing: the lower of the highest prices of the window before and of the window after.
    """
    if columns.regular_price:
        return pl.col(columns.regular_price)
    if not kept.height:
        return pl.col(columns.price)
    window = max(LONGEST_PROMOTION // step, 1) + 1
    price = pl.col(columns.price)
    before = price.rolling_max(window, min_samples=1).over(_SERIES)
    after = price.reverse().rolling_max(window, min_samples=1).reverse().over(_SERIES)
    return pl.min_horizontal(before, after)


def _series(marked: pl.DataFrame, kept: pl.DataFrame, columns: Columns, step: int) -> pl.DataFrame:
    """One row per series: what it is, how much of it is left, why it may not speak for itself."""
    faults = ["duplicated", "negative", "without price"]
    said = pl.col("fault")
    every = marked.group_by(ID).agg(
        (pl.col(columns.sku) if columns.sku else pl.col(ID)).first().alias("sku"),
        (pl.col(columns.category) if columns.category else pl.lit("all")).first().alias("category"),
        (pl.col(columns.zone) if columns.zone else pl.col(ID)).first().alias("zone"),
        pl.len().alias("rows"),
        (said != "not observed").fill_null(value=True).sum().alias("observed"),
        *(said.eq(fault).sum().alias(fault) for fault in faults),
        said.is_null().sum().alias("sound"),
        ((pl.col(DATE).max() - pl.col(DATE).min()).dt.total_days() // step + 1).alias("span"),
    )
    seen = kept.group_by(ID).agg(
        pl.len().alias("n_obs"), pl.col(Y).sum().alias("total"), pl.col(columns.price).n_unique().alias("prices")
    )
    series = every.join(seen, on=ID, how="left").with_columns(pl.col("n_obs", "prices").fill_null(0)).sort(ID)
    irregular = (pl.col("sound") - pl.col("n_obs")).alias("of irregular price")
    series = series.with_columns(irregular)
    wrong = pl.sum_horizontal(faults)
    counted = [*faults, "of irregular price"]
    parts = [pl.when(pl.col(name) > 0).then(pl.format("{} " + name, name)) for name in counted]
    left_out = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    least = pl.col("observed") < LEAST_SHARE * pl.col("span")
    fault = (
        pl.when(wrong > MOST_FAULTY * pl.col("rows"))
        .then(pl.format("{} of {} rows are wrong: {}", wrong, "rows", left_out))
        .when(pl.col("n_obs") < LEAST_ROWS)
        .then(pl.format("too few rows: {}, at least " + str(LEAST_ROWS) + " are needed", "n_obs"))
        .when(least)
        .then(pl.format("gappy: {} of {} dates", "observed", "span"))
        .when(pl.col("total") <= 0)
        .then(pl.lit("nothing was ever sold"))
        .when(pl.col("prices") < 2)
        .then(pl.lit("the price never changed"))
    )
    return series.select(
        ID, "sku", "category", "zone", "n_obs", fault.alias("fault"), left_out.replace("", None).alias("left_out")
    )


def _logs(kept: pl.DataFrame, columns: Columns, step: int) -> pl.DataFrame:
    base = pl.col("regular").log()
    promotion = (pl.col(columns.price) / pl.col("regular")).log()
    others = [pl.col(name) for name in (*columns.promotions, *columns.controls)]
    censored = pl.col(columns.censored) if columns.censored else pl.lit(value=False)
    rows = kept.select(ID, DATE, Y, censored.alias(CENSORED), base.alias(BASE), promotion.alias(PROMOTION), *others)
    rows = rows.with_columns(_newness(step).alias(NEWNESS))
    return rows.with_columns(_rivals(kept, columns)) if columns.rivals else rows


def _newness(step: int) -> pl.Expr:
    """How far the price is from what customers remember, beyond what both elasticities already say of it.

    They remember prices by exponential smoothing (reference prices: Mazumdar, Raj and Sinha 2005). Of a lasting change
    and of a cut the part is taken away that is new to them on average over the days the elasticities speak of: so these
    are what happens then, and newness is only what comes before and after.
    """
    price = pl.col(BASE) + pl.col(PROMOTION)
    gap = price - price.ewm_mean_by(DATE, half_life=f"{HALF_LIFE}d").over(_SERIES)
    return gap - _unfamiliar(LASTING, step) * pl.col(BASE) - _unfamiliar(PASSING, step) * pl.col(PROMOTION)


def _unfamiliar(days: int, step: int) -> float:
    """Mean share of a change that customers have not got used to, over its first days."""
    dates = max(days // step, 1)
    return sum(math.pow(0.5, step * number / HALF_LIFE) for number in range(1, dates + 1)) / dates


def _rivals(kept: pl.DataFrame, columns: Columns) -> pl.Series:
    """How dear rivals are: mean log of price ÷ its own usual level in the series, over those seen; 0 where none is.

    Of three or more, one far from the others (a slip, a clearance) says no more than that it is: it would hide what all
    of them do.
    """
    names = list(columns.rivals)
    logs = kept.select(ID, *(pl.when(pl.col(name) > 0).then(pl.col(name).log()).alias(name) for name in names))
    logs = logs.with_columns(pl.col(names).forward_fill().over(_SERIES))
    logs = logs.with_columns(pl.col(name) - pl.col(name).median().over(_SERIES) for name in names)
    usual = pl.Series(_median(logs.select(names).to_numpy()), nan_to_null=True)
    near = [pl.col(name).clip(usual - MOST_APART, usual + MOST_APART) for name in names]
    return logs.select(pl.mean_horizontal(near).fill_null(0.0).alias(RIVALS)).to_series()


def _median(values: Floats) -> Floats:
    """Of each row (rows × columns) the median of what is not NaN; lists of rows would take thirty times as long."""
    ordered, number = np.sort(values, axis=1), (~np.isnan(values)).sum(axis=1)
    row, middle = np.arange(len(values)), np.maximum(number - 1, 0) // 2
    return np.asarray((ordered[row, middle] + ordered[row, np.maximum(number // 2, middle)]) / 2)
