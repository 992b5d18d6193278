"""Days and hours: when a day's knowledge ends, and which days are public holidays.

Here: the cut-off of a day in local time, safe against clock changes, and holidays by country.
Not here: which rows a cut-off lets through (visibility.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

from pricing_assets.errors import PricingError

CUTOFF = time(2, 0)


@dataclass(frozen=True)
class Calendar:
    """The time zone business days are counted in, and the country of each market (None: no public holidays)."""

    time_zone: str
    countries: Mapping[str, str | None] = field(default_factory=dict)

    def cutoff(self, day: date) -> datetime:
        """The instant, in UTC, before which day `day` must have known a row: 02:00 local time of the next day.

        Where the clock jumps over 02:00 it is the instant of the jump; where 02:00 happens twice it is the first.
        So cut-offs never decrease; two are equal only where a place left out a day, as Samoa did in 2011.
        """
        local = datetime.combine(day + timedelta(days=1), CUTOFF, tzinfo=ZoneInfo(self.time_zone))
        return local.astimezone(UTC)

    def holidays(self, days: Iterable[date]) -> pl.DataFrame:
        """`date`, `market`, `is_holiday` for every given day and every market that has a country.

        Source: the `holidays` package, public holidays of the whole country, as observed. Only its dates are used, so
        the language of their names does not matter. Raises PricingError for a country it does not know.
        """
        wanted = sorted(set(days))
        rows = [
            (day, market, day in _public_holidays(country, day.year))
            for market, country in sorted(self.countries.items())
            if country is not None
            for day in wanted
        ]
        return pl.DataFrame(rows, schema={"date": pl.Date, "market": pl.String, "is_holiday": pl.Boolean}, orient="row")


def calendar_features(keys: pl.DataFrame, calendar: Calendar) -> dict[str, pl.Series]:
    """The feature columns that follow from `date` and `market` alone, row for row of `keys`."""
    holidays = calendar.holidays(keys["date"].unique())
    rows = keys.select(
        "date",
        "market",
        pl.col("date").dt.weekday().alias("weekday"),
        pl.col("date").dt.month().alias("month"),
        pl.col("date").dt.ordinal_day().alias("day_of_year"),
    ).join(holidays, on=["date", "market"], how="left", maintain_order="left")
    return {name: rows[name] for name in ("weekday", "month", "day_of_year", "is_holiday")}


@lru_cache(maxsize=4096)
def _public_holidays(country: str, year: int) -> frozenset[date]:
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError as unknown:
        raise PricingError(
            f"country {country!r}: its public holidays are not known",
            "give the market an ISO 3166-1 alpha-2 code such as GB, or no country",
        ) from unknown
