"""One reading of a source: every table received, its verdicts, and what arrives at the lake.

Here: the parts of a reading brought together. Not here: each part (receiving, arriving, judging), committing.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from pricing_assets.sources.judging import judge, trade_status
from pricing_assets.sources.receiving import Received, receive
from pricing_assets.sources.source import Source
from pricing_assets.sources.window import calendar_days
from pricing_assets.tables import Table, raw
from pricing_assets.tables.raw import Quarantine
from pricing_assets.tables.runs import Checks


class Intake(NamedTuple):
    """What came in for every day from `first` to `last`: rows by table, rows in quarantine, verdicts.

    `quarantine` may also hold strays: rows of the source's first day, to which those without a usable date belong.
    `closed` are the days without trade.
    """

    days: list[date]
    received: dict[type[Table], Received]
    quarantine: pl.DataFrame
    checks: pl.DataFrame
    closed: frozenset[date]
    run_id: str


def take_in(source: Source, first: date, last: date, as_of_day: date, run_id: str) -> Intake:
    """Reads all tables of the source for [first, last], at one moment, and judges every day of it.

    Raises PricingError where a file, the database, a query or a column is at fault.
    """
    from pricing_assets.sources.reading import at_one_moment

    received = at_one_moment(
        source,
        lambda opener: {
            table: receive(source, table, first, last, as_of_day, opener=opener) for table in source.tables
        },
    )
    days = calendar_days(first, last)
    status = trade_status(source, received[raw.Listings], received[raw.Sales], days)
    closed = frozenset(day for day, found in status.items() if found == "no_trade")
    run = pl.lit(run_id).alias("run_id")
    checks = pl.concat([judge(source, table, part, days, closed) for table, part in received.items()])
    quarantine = pl.concat([part.quarantined for part in received.values()])
    return Intake(
        days=days,
        received=received,
        quarantine=quarantine.with_columns(run).select(Quarantine.create_empty().columns),
        checks=checks.with_columns(run).select(Checks.create_empty().columns),
        closed=closed,
        run_id=run_id,
    )
