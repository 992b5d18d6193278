"""Suites: what a day of each raw table is expected to look like, beside the days before it.

Here: the list of expectations per table, as a person reads and tunes it, and the same as a Great Expectations suite.
Not here: the figures they look at (profiles), running them (expectations), the rules of a single row (contracts).

Every expectation holds one figure of a day, a column of the table's profile, within a band. Bands are wide: season,
promotions and a new range of goods must not stop a day; a file twice over, cut short, of yesterday, in another
currency or off by 100 must.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

PREFIX = "raw."


@dataclass(frozen=True)
class Expected:
    """One figure of a day, named as its check, and the band it is expected in; an end that is None is open."""

    check: str
    low: float | None
    high: float | None
    says: str
    remedy: str

    @property
    def band(self) -> str:
        """`0.5 to 2`, `at least 0.9`, `at most 0.05`."""
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


VOLUME = Expected(
    "volume",
    0.5,
    2,
    "rows, as a multiple of what is usual on this weekday",
    "see whether the export is cut short, doubled, or of another day",
)
PRICE_LEVEL = Expected(
    "price_level",
    0.67,
    1.5,
    "the middle price of the market that moved most, as a multiple of the last 4 weeks'",
    "see whether amounts are in another currency or off by 100",
)
PRICE_JUMPS = Expected(
    "price_jumps",
    None,
    0.1,
    "share of prices 5 times, or a fifth of, what they were in the last 4 weeks",
    "see whether part of the amounts are in another currency or off by 100",
)
CURRENCIES = Expected(
    "currencies",
    None,
    0.05,
    "share of rows in a currency their market seldom has",
    "see whether another market's amounts came under this one's name",
)
REPEATED = Expected(
    "repeated",
    None,
    0.95,
    "share of rows that are those of the day of trade before, to the cent",
    "see whether yesterday's file was sent again under a new date",
)
UNITS = Expected(
    "units",
    0.33,
    3,
    "units of a typical row, as a multiple of what is usual on this weekday",
    "see whether quantities changed their unit, e.g. from packs to pieces",
)
REFERENCES = Expected(
    "references",
    0.9,
    None,
    "share of rows whose SKU is listed in the market that day",
    "see whether SKU or market are written in another way than in listings",
)
COVERAGE = Expected(
    "coverage",
    0.9,
    None,
    "share of listed SKUs and markets that have a price",
    "see whether prices miss a market or a range of goods",
)
FRESHNESS = Expected(
    "freshness",
    None,
    14,
    "hours from the newest row to the day's cut-off at 02:00",
    "see whether the export was written before the day was over",
)
QUARANTINE = Expected(
    "quarantine",
    None,
    0.03,
    "share of rows in quarantine beyond what is usual on this weekday",
    "see in raw.quarantine which rules they broke, and what changed in the export",
)
# what was paid for single lines wanders more than what the price list says
PAID_LEVEL = Expected("price_level", 0.5, 2, PRICE_LEVEL.says, PRICE_LEVEL.remedy)
LOOSE_REFERENCES = Expected("references", 0.5, None, REFERENCES.says, REFERENCES.remedy)
# rivals may be out of reach for a day, and their prices may be a day old; they may not be doubled or a week old
RIVALS_VOLUME = Expected("volume", None, 2, VOLUME.says, VOLUME.remedy)
RIVALS_FRESHNESS = Expected("freshness", None, 50, FRESHNESS.says, "see whether the capture of rivals' prices stands")

SUITES: Mapping[str, tuple[Expected, ...]] = {
    "raw.products": (VOLUME, QUARANTINE),
    "raw.listings": (VOLUME, QUARANTINE),
    "raw.prices": (VOLUME, QUARANTINE, PRICE_LEVEL, PRICE_JUMPS, CURRENCIES, COVERAGE),
    "raw.sales": (VOLUME, QUARANTINE, UNITS, PAID_LEVEL, CURRENCIES, FRESHNESS, REFERENCES, REPEATED),
    "raw.stock": (VOLUME, QUARANTINE, UNITS, FRESHNESS, LOOSE_REFERENCES),
    "raw.promotions": (QUARANTINE,),
    "raw.competitor_snapshots": (
        RIVALS_VOLUME,
        QUARANTINE,
        PRICE_LEVEL,
        PRICE_JUMPS,
        CURRENCIES,
        RIVALS_FRESHNESS,
        LOOSE_REFERENCES,
    ),
}


def suite(name: str, expected: Mapping[str, Expected]) -> ExpectationSuite:
    """Expectations for Great Expectations, by column: every day's figure within its band, a figure that is null passes.

    `meta` names the check, `notes` say it in words.
    """
    import great_expectations as gx
    from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

    return gx.ExpectationSuite(
        name,
        expectations=[
            ExpectColumnValuesToBeBetween(
                column=column,
                min_value=each.low,
                max_value=each.high,
                meta={"check": each.check},
                notes=f"{each.says[0].upper()}{each.says[1:]}: {each.band}.",
            )
            for column, each in expected.items()
        ],
    )
