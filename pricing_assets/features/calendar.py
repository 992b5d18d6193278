"""Days and hours: when a day's knowledge ends, and which days are public holidays.

Here: the cut-off of a day in local time, safe against clock changes, and holidays by country.
Not here: which rows a cut-off lets through (visibility.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.tables.hours import cutoff


@dataclass(frozen=True)
class Calendar:
    """The time zone business days are counted in, and the country of each market (None: no public holidays)."""

    time_zone: str
    countries: Mapping[str, str | None] = field(default_factory=dict)

    def cutoff(self, day: date) -> datetime:
        """The instant, in UTC, before which `day` must have known a row; see tables/hours."""
        return cutoff(day, ZoneInfo(self.time_zone))

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
