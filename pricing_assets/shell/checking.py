"""What `pricing checks` shows: the verdicts on days received, and the pages that tell more.

Here: reading them from the lake. Not here: judging (sources/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.shell.command import Shell


def show(shell: Shell, span: tuple[date, date] | None) -> None:
    """The verdicts of the days, failed ones first; without days, those of the last day received."""
    from pricing_assets.tables.runs import Checks

    received = _received(shell, span)
    checks = shell.lake.read(Checks, received[0], received[-1])
    verdict = pl.when("passed").then(pl.lit("passed")).otherwise(pl.lit("FAILED")).alias("verdict")
    rows = checks.sort("passed", "date", "table", "check").select("date", "table", "check", verdict, "message")
    failed = checks.height - int(checks["passed"].sum())
    shell.rows(rows, f"{counted(failed, 'verdict')} of {checks.height:,} failed")


def docs(shell: Shell, span: tuple[date, date] | None) -> None:
    """Draws the Data Docs of the days into the home and names their first page."""
    from pricing_assets import sources
    from pricing_assets.tables import Table
    from pricing_assets.tables.raw import Quarantine

    source = sources.load(shell.settings.source, shell.settings)
    if not source.expectations:
        raise PricingError("source.yaml says expectations: false", "there is nothing to draw; take the line out")
    days = _received(shell, span)
    first = days[0] - timedelta(days=sources.HISTORY)
    tables: list[type[Table]] = [*source.tables, Quarantine]
    frames = {table: shell.lake.read(table, first, days[-1]) for table in tables}
    with shell.progress.status(f"drawing {counted(len(days), 'day')}"):
        page = sources.data_docs(source, frames, days, shell.settings.data_docs)
    shell.say(f"{counted(len(days), 'day')} drawn: {page.absolute()}")
    shell.answer({"days": days, "page": page.absolute()})


def _received(shell: Shell, span: tuple[date, date] | None) -> Sequence[date]:
    """The days of the span that were received, by day; without a span the last one."""
    from pricing_assets.tables.runs import Checks

    known = sorted(shell.lake.partitions(Checks))
    if not known:
        raise PricingError(f"no day received in {shell.settings.home}", "run one: `pricing run`")
    first, last = span or (known[-1], known[-1])
    days = [day for day in known if first <= day <= last]
    if not days:
        what = f"{first}: never received" if first == last else f"{first} to {last}: no day of these was received"
        raise PricingError(what, f"name days from {known[0]} to {known[-1]}, or `pricing run` these")
    return days
