"""What came of the dates forecasts are for: units of days and of weeks as a day knows them, dates × SKU-markets.

Here: from the rows a day sees to arrays that any forecast's dates are looked up in. Not here: which rows a day sees
(inputs), forecasts and their errors (accuracy).

Arrays, since every day of four weeks' forecasts asks for the same units: looking a number up costs a hundredth of a
join by two texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.demand.numbering import NUMBER
from pricing_assets.demand.panel import CENSORED, Y
from pricing_assets.demand.panels import Frames, observations

WEEK = 7
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


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


def outcomes(seen: Frames, pairs: pl.DataFrame, days: int) -> dict[str, Outcomes]:
    """Days (D) and weeks (W) of the pairs, from rows a day sees that are numbered; the last `days` dates of them.

    Something is listed. The scale is that of all that is seen.
    """
    rows = observations(seen, pairs)
    first, last = rows["date"].min(), rows["date"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    shape = (last - first).days + 1, pairs.height
    at = (rows["date"] - first).dt.total_days().to_numpy(), rows[NUMBER].to_numpy()
    units, censored, on_sale = np.full(shape, np.nan), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    units[at], censored[at], on_sale[at] = rows[Y].fill_null(np.nan).to_numpy(), rows[CENSORED].to_numpy(), True
    market = pairs["market"].rank("dense").to_numpy().astype(np.int64) - 1
    recent = max(shape[0] - days, 0)

    def kept(units: Floats, censored: Bools) -> Outcomes:
        some = units[recent:].copy(), censored[recent:].copy()  # a slice would keep all of it
        return Outcomes(first + timedelta(days=recent), *some, _scale(units))

    return {"D": kept(units, censored), "W": kept(*_weeks(units, censored, on_sale, market))}


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
