"""What came of the dates forecasts are for: units of days and of weeks as a day knows them, dates × SKU-markets.

Here: from the rows a day sees to arrays that any forecast's dates are looked up in. Not here: which rows a day sees
(inputs), forecasts and their errors (accuracy).

Arrays, since every day of four weeks' forecasts asks for the same units: looking a number up costs a hundredth of a
join by two texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.demand.inputs import Read
from pricing_assets.demand.panels import NUMBER, PAIR, Frames
from pricing_assets.tables import raw

WEEK = 7
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_Array = TypeVar("_Array", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class Outcomes:
    """Units of each SKU-market by date, from `first` on, as one day knows them; of weeks named by their last day.

    `units` (dates, pairs) are NaN where not observed; `censored` (dates, pairs) tells where it was sold out; `scale`
    (pairs) is the mean squared difference of units a week apart, above 0, as RMSSE divides by: NaN where there is none.
    """

    first: date
    units: Floats
    censored: Bools
    scale: Floats

    def at(self, days: Sequence[date], pairs: Ints) -> tuple[Floats, Bools]:
        """Units and whether sold out (days, pairs asked for); of days outside not observed."""
        place = np.array([(day - self.first).days for day in days], dtype=np.int64)
        known = (place >= 0) & (place < len(self.units))
        units = np.full((len(place), len(pairs)), np.nan)
        censored = np.zeros((len(place), len(pairs)), dtype=bool)
        units[known], censored[known] = (each[place[known]][:, pairs] for each in (self.units, self.censored))
        return units, censored


def numbered(read: Read) -> tuple[Read, pl.DataFrame]:
    """What was read with a NUMBER per SKU-market in place of comparing texts each day, and sku, market, NUMBER."""
    listings = [rows[raw.Listings].select(PAIR) for rows in (read.settled, read.moving)]
    pairs = pl.concat(listings).unique().sort(PAIR).with_row_index(NUMBER)

    def of(frames: Mapping[type, pl.DataFrame]) -> dict[type, pl.DataFrame]:
        return {
            table: rows.join(pairs, on=PAIR, how="left", maintain_order="left") if "market" in rows.columns else rows
            for table, rows in frames.items()
        }

    return replace(read, settled=of(read.settled), moving=of(read.moving)), pairs


def outcomes(seen: Frames, pairs: pl.DataFrame) -> dict[str, Outcomes]:
    """Days (D) and weeks (W) of the pairs, from rows a day sees that are numbered; something is listed."""
    listed = seen["raw.listings"].filter("on_sale")
    first, last = listed["date"].min(), listed["date"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    shape = (last - first).days + 1, pairs.height
    on_sale = _laid_out(listed.select("date", NUMBER, value=True), first, np.zeros(shape, dtype=bool))
    sold = seen["raw.sales"].select("date", NUMBER, value=pl.col("units").cast(pl.Float64))
    units = _laid_out(sold.filter(pl.col("value").is_not_null()), first, np.zeros(shape))
    market = pairs["market"].rank("dense").to_numpy().astype(np.int64) - 1
    units[~(on_sale & _trades(seen["raw.sales"], pairs, first, shape[0])[:, market])] = np.nan
    censored = _sold_out(seen, first, shape) & on_sale
    weeks, weeks_censored = _weeks(units, censored, on_sale, market)
    return {
        "D": Outcomes(first, units, censored, _scale(units)),
        "W": Outcomes(first, weeks, weeks_censored, _scale(weeks)),
    }


def _laid_out(rows: pl.DataFrame, first: date, into: _Array) -> _Array:
    """`into` with the values of rows (date, NUMBER, value) at their places; rows of other dates and pairs are left."""
    last = first + timedelta(days=len(into) - 1)
    rows = rows.filter(pl.col("date").is_between(first, last) & pl.col(NUMBER).is_not_null())
    day = (rows["date"] - first).dt.total_days().to_numpy()
    into[day, rows[NUMBER].to_numpy()] = rows["value"].to_numpy()
    return into


def _trades(sales: pl.DataFrame, pairs: pl.DataFrame, first: date, days: int) -> Bools:
    """Whether each market sold anything on each date (dates, markets in the order of their names)."""
    markets = pairs.select(pl.col("market").unique().sort()).with_row_index(NUMBER)
    sold = sales.group_by("date", "market").agg(value=pl.col("units").sum() > 0)
    sold = sold.filter("value").join(markets, on="market")
    return _laid_out(sold, first, np.zeros((days, markets.height), dtype=bool))


def _sold_out(seen: Frames, first: date, shape: tuple[int, int]) -> Bools:
    sold_out = np.zeros(shape, dtype=bool)
    if "raw.stock" not in seen:
        return sold_out
    out = (pl.col("sold_out_hours").fill_null(0) > 0) | (pl.col("on_hand") == 0)
    return _laid_out(seen["raw.stock"].select("date", NUMBER, value=out.fill_null(value=False)), first, sold_out)


def _weeks(units: Floats, censored: Bools, on_sale: Bools, market: Ints) -> tuple[Floats, Bools]:
    """Of the seven days up to each date; NaN where a day of trade was not observed, or the date not listed."""
    observed = ~np.isnan(units)
    traded = np.stack([observed[:, market == each].any(axis=1) for each in range(market.max() + 1)], axis=1)
    days = _over_a_week(traded)[:, market]
    whole = on_sale & (_over_a_week(observed) == days) & (days > 0)
    return np.where(whole, _over_a_week(np.where(observed, units, 0)), np.nan), _over_a_week(censored) > 0


def _over_a_week(values: npt.NDArray[np.generic]) -> Floats:
    """The sum of each date and the six before it."""
    total: Floats = np.cumsum(values, axis=0, dtype=np.float64)
    total[WEEK:] -= total[:-WEEK].copy()
    return total


def _scale(units: Floats) -> Floats:
    squared = (units[WEEK:] - units[:-WEEK]) ** 2
    number = (~np.isnan(squared)).sum(axis=0)
    total = np.nansum(squared, axis=0)
    scale: Floats = np.divide(total, number, out=np.full(len(total), np.nan), where=total > 0)
    return scale
