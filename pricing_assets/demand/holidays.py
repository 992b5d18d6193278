"""Public holidays of a country, as features of dates.

Here: whether a step has holidays, how far the next and the last one are. Not here: the rest of the calendar (drivers).
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.plan import Plan
from pricing_assets.errors import PricingError

FAR = 14
"""Days beyond which a holiday is not felt."""


def holiday_features(dates: pl.Series, plan: Plan) -> list[pl.Series]:
    """holidays (in the step from each date on), holiday_in, holiday_ago (days, FAR at most); none without a country.

    Raises PricingError for a country that is not known.
    """
    if plan.country is None or dates.is_empty():
        return []
    days = sorted(set(dates.to_list()))
    there = _holidays(plan.country, days[0], days[-1])
    told = {day: _of(day, there, plan.step) for day in days}
    names = ("holidays", "holiday_in", "holiday_ago")
    rows = [told[day] for day in dates]
    return [pl.Series(name, [row[place] for row in rows], pl.Float64) for place, name in enumerate(names)]


def _of(day: date, there: set[date], step: int) -> tuple[float, float, float]:
    inside = sum(day + timedelta(days=k) in there for k in range(step))
    ahead = next((k for k in range(FAR) if day + timedelta(days=k) in there), FAR)
    ago = next((k for k in range(FAR) if day - timedelta(days=k) in there), FAR)
    return float(inside), float(ahead), float(ago)


def _holidays(country: str, first: date, last: date) -> set[date]:
    import holidays

    try:
        found = holidays.country_holidays(country, years=range(first.year - 1, last.year + 2))
    except NotImplementedError:
        raise PricingError(f"country {country}: no holidays known", "give an ISO 3166 code, e.g. DE") from None
    return set(found)
