"""Strays: rows without a usable date or dated in the future, and the first day they belong to.

Here: the source's first day as it stands once a later reading says which strays there are. Not here: telling a stray
from other rows (receiving), the words of a verdict (judging), committing.

Every reading yields all strays there are, but seldom the first day's other rows. Those stay as they came: strays that
were mended go, new ones join, and what counts rows is counted and judged again. The first day's standing decisions
stay, and so does their identity: a day is decided only while all its verdicts are passed, so one that fails now stops
its next run, and once it passes again equal inputs make the same `basis`; counts and messages are in no basis. Only a
table new to the day adds verdicts to it, and so another `basis` to the day's next run.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

import polars as pl

from pricing_assets.sources.intake import Intake
from pricing_assets.sources.judging import judge_counts
from pricing_assets.sources.receiving import Received, is_stray, numbered
from pricing_assets.sources.source import Source


def homeless(source: Source, intake: Intake, received: Collection[date]) -> bool:
    """Whether the intake has strays, but the day they belong to never came in, neither now nor among `received`."""
    strays = any(part.undated for part in intake.received.values())
    return strays and source.first_day not in intake.days and source.first_day not in received


def settle(source: Source, intake: Intake, quarantine: pl.DataFrame, checks: pl.DataFrame) -> Intake:
    """The intake with the first day whole: its rows in quarantine and its verdicts as they stand now.

    `quarantine` and `checks` are the first day's rows of raw.quarantine and runs.checks so far. Nothing changes where
    the intake read the first day itself. A table that was not read now keeps what it has; one that is new to the day
    joins with its strays, if it has any. The same strays again give equal content.
    """
    if source.first_day in intake.days:
        return intake
    unread = ~pl.col("table").is_in([table.table_name() for table in intake.received])
    rows = [intake.quarantine.filter(pl.col("received_on") != source.first_day), quarantine.filter(unread)]
    verdicts = [intake.checks, checks.filter(unread)]
    for table, part in intake.received.items():
        name, strays = table.table_name(), intake.quarantine.filter(received_on=source.first_day)
        held = numbered(pl.concat([quarantine.filter(~is_stray()), strays]).filter(table=name))
        rows.append(held)
        if held.height or name in checks["table"]:
            verdicts.append(_judged_again(source, part, held, checks.filter(table=name), intake.run_id))
    return intake._replace(quarantine=pl.concat(rows), checks=pl.concat(verdicts))


def _judged_again(
    source: Source, part: Received, held: pl.DataFrame, checks: pl.DataFrame, run_id: str
) -> pl.DataFrame:
    """A table's rows of runs.checks on the first day, where `held` is all it has in quarantine there.

    Accepted rows are those the day was read with; received are as many more, or fewer, as there are in quarantine.
    """
    before = checks.row(0, named=True) if checks.height else dict.fromkeys(("received", "accepted", "quarantined"), 0)
    counts = {
        "date": source.first_day,
        "received": before["received"] + held.height - before["quarantined"],
        "accepted": before["accepted"],
        "quarantined": held.height,
    }
    day = replace(part, quarantined=held, counts=pl.DataFrame([counts], schema=part.counts.schema))
    judged = judge_counts(source, day, [source.first_day]).with_columns(run_id=pl.lit(run_id)).select(checks.columns)
    others = checks.join(judged, on="check", how="anti")
    recounted = others.with_columns(pl.lit(value).alias(name) for name, value in counts.items())
    return pl.concat([judged, recounted.cast(judged.schema)])
