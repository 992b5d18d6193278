"""How demand moves with the calendar: the year, the week, days of celebration, a trend, a planted shift.

Here: the expected factor of each SKU and day. Not here: what prices do to it.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.randomness import Floats, stream
from pricing_assets.simulation.settings import CATEGORIES, MarketSettings

_SWING = (0.10, 0.15, 0.40, 0.20, 0.05)  # of the year, by category
_PEAK = (350, 330, 150, 340, 30)  # day of the year
_WEEK = (0.92, 0.90, 0.93, 1.00, 1.15, 1.25, 0.85)  # Monday to Sunday


class Seasons:
    """The calendar of a market; every factor is around 1."""

    def __init__(self, settings: MarketSettings, assortment: Assortment) -> None:
        self._settings = settings
        self._category = assortment.category[assortment.sku]
        draw = stream(settings.seed, "season").random((settings.skus, 2))[assortment.sku]
        self._phase = 40 * (draw[:, 0] - 0.5)
        self._trend = 0.20 * (draw[:, 1] - 0.5)

    def factor(self, number: int) -> Floats:
        """The factor of each cell on a day."""
        day = self._settings.day(number)
        swing, peak = np.array(_SWING)[self._category], np.array(_PEAK)[self._category]
        angle = 2 * np.pi * (day.timetuple().tm_yday - peak - self._phase) / 365.25
        trend = self._trend * (number - self._settings.days / 2) / 365.25
        calendar = np.exp(swing * np.cos(angle) + trend) * _WEEK[day.weekday()] * celebration(day)
        return np.asarray(calendar * self._shift(day))

    def _shift(self, day: date) -> Floats | float:
        """What the planted shift of demand does on a day."""
        settings = self._settings
        if settings.shift_from is None or settings.shift_category is None or day < settings.shift_from:
            return 1.0
        return np.where(self._category == CATEGORIES.index(settings.shift_category), settings.shift, 1.0)


def celebration(day: date) -> float:
    """What days of celebration do to demand: the weeks before Christmas, Black Friday, Easter; closed shops after."""
    if (day.month, day.day) in ((12, 25), (12, 26), (1, 1)):
        return 0.3
    if day.month == 12 and day.day <= 24:
        return 1.1 + 0.4 * day.day / 24
    if _black_friday(day.year) <= day <= _black_friday(day.year) + timedelta(days=3):
        return 1.5
    before_easter = (_easter(day.year) - day).days
    if 1 <= before_easter <= 7:
        return 1.2
    return 0.5 if before_easter in (0, -1) else 1.0


def _black_friday(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 22)


def _easter(year: int) -> date:
    """Easter Sunday by Gauss's rule, good for 1900 to 2099."""
    d = (19 * (year % 19) + 24) % 30
    e = (2 * (year % 4) + 4 * (year % 7) + 6 * d + 5) % 7
    days = d + e
    if days == 35 or (days == 34 and d == 28 and year % 19 > 10):
        days -= 7
    return date(year, 3, 22) + timedelta(days=days)


def described() -> dict[str, object]:
    """The planted calendar, as JSON holds it."""
    year = {name: {"swing": _SWING[i], "peak_day_of_year": _PEAK[i]} for i, name in enumerate(CATEGORIES)}
    return {"year": year, "week_monday_to_sunday": list(_WEEK)}
