"""Checking: a source tried on a sample, every fault explained, for the person who is writing it.

Here: what `pricing source check` shows. Not here: printing it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.sources.judging import judge, trade_status
from pricing_assets.sources.receiving import Received, nothing, receive
from pricing_assets.sources.source import SETTINGS_FILE, Source, load, sql_name
from pricing_assets.sources.window import calendar_days
from pricing_assets.tables import RAW, REQUIRED, raw
from pricing_assets.tables.base import Table

SAMPLE_DAYS = 7
SHOWN_ROWS = 5
_REMEDIES = {
    "contract": "mend the rows shown, or the limit in source.yaml",
    "dated": "mend the dates, or the limit in source.yaml",
    "balance": "a fault of this platform, please report it",
    "not_empty": "mend the SELECT or its known_at, or name the days in closed_days of source.yaml",
}


@dataclass(frozen=True)
class Finding:
    """One thing found: a fault with its remedy, or a table that came in, with samples of its rows.

    `accepted` is a few rows as they would be stored, `quarantined` a few with the rule each broke, `rules` how many
    rows of the sample broke which rule.
    """

    file: str
    passed: bool
    what: str
    remedy: str = ""
    accepted: pl.DataFrame | None = None
    quarantined: pl.DataFrame | None = None
    rules: pl.DataFrame | None = None


def check(folder: Path, settings: Settings, days: int = SAMPLE_DAYS) -> list[Finding]:
    """Try every SELECT of a source on its last `days` days and explain what is wrong; raises nothing for a fault.

    A shop that goes on trading is tried up to the last day that has ended: no run prices a later one yet.
    """
    try:
        source = load(folder, settings)
    except PricingError as error:
        return _unusable(error)
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(source.time_zone)).date()
    last = max(source.first_day, source.last_day or source.last_ended(now))
    first = max(source.first_day, last - timedelta(days=days - 1))
    try:
        received, refused = _tried(source, first, last, today)
    except PricingError as error:
        return [Finding(SETTINGS_FILE, False, error.what, error.remedy)]
    what = f"{source.name}: {counted(len(source.markets), 'market')}, {first} to {last} tried"
    findings = [Finding(SETTINGS_FILE, True, what)]
    tried = calendar_days(first, last)
    closed = _closed(source, received, tried)
    for table in RAW:
        if table in received:
            findings += _came_in(source, received[table], tried, closed)
        else:
            absent = Finding(sql_name(table), True, "absent, so its features are null (it is optional)")
            findings.append(refused.get(table, absent))
    return findings


def _tried(
    source: Source, first: date, last: date, today: date
) -> tuple[dict[type[Table], Received], dict[type[Table], Finding]]:
    """The tables that could be read, and what is wrong with the others."""
    from pricing_assets.sources.reading import Opener, at_one_moment

    def each(opener: Opener) -> tuple[dict[type[Table], Received], dict[type[Table], Finding]]:
        received, refused = {}, {}
        for table in source.tables:
            try:
                received[table] = receive(source, table, first, last, today, opener=opener)
            except PricingError as error:
                name = sql_name(table)
                refused[table] = Finding(name, False, error.what.removeprefix(f"{name}: "), error.remedy)
        return received, refused

    return at_one_moment(source, each)


def _unusable(error: PricingError) -> list[Finding]:
    """The faults of a source that cannot even be loaded, each with the file it is about."""
    head, *faults = error.what.split("\n  ")
    found = []
    for fault in faults or [head]:
        file, _, what = fault.partition(": ")
        named = file.endswith((".yaml", ".sql"))
        found.append(Finding(file if named else SETTINGS_FILE, False, what if named else fault, error.remedy))
    return found


def _closed(source: Source, received: Mapping[type[Table], Received], days: Sequence[date]) -> list[date]:
    """The days without trade, as far as the tables that could be read tell."""
    listings, sales = (received.get(table) or nothing(table) for table in (raw.Listings, raw.Sales))
    return [day for day, trade in trade_status(source, listings, sales, days).items() if trade == "no_trade"]


def _came_in(source: Source, received: Received, days: Sequence[date], closed: Collection[date]) -> list[Finding]:
    """A table that could be read: what came in, or, as faults, what came in and why a run would stop at it."""
    total = {column: int(received.counts[column].sum()) for column in ("received", "accepted", "quarantined")}
    if not total["received"]:
        return [_empty(source, received.table, days, closed)]
    what = f"{counted(total['received'], 'row')} received = {total['accepted']:,} accepted "
    what += f"+ {total['quarantined']:,} in quarantine"
    column = pl.col("rule").str.replace(r"'.*?'", "…").alias("rule")
    found = Finding(
        sql_name(received.table),
        True,
        what,
        accepted=received.accepted.sort(received.table.order()).head(SHOWN_ROWS),
        quarantined=received.quarantined.head(SHOWN_ROWS),
        rules=received.quarantined.group_by(column).len("rows").sort(["rows", "rule"], descending=[True, False]),
    )
    faults = _verdicts(source, received, days, closed)
    if faults:
        found = replace(found, passed=False, what=f"{what}; {faults[0].what}", remedy=faults[0].remedy)
    return [found, *faults[1:], *_hints(received)]


def _hints(received: Received) -> list[Finding]:
    """What is no fault, but will surprise: prices without any cost."""
    rows = received.accepted
    if received.table is not raw.Prices or rows.is_empty() or rows["cost"].count():
        return []
    what = (
        "hint: no row has a cost, so the packaged default strategy holds every price (its cost floor cannot be "
        "checked); give a cost (an assumed share of the price will do, with cost_source 'assumed'), or activate a "
        "strategy without a cost constraint"
    )
    return [Finding(sql_name(received.table), True, what)]


def _empty(source: Source, table: type[Table], days: Sequence[date], closed: Collection[date]) -> Finding:
    """Nothing on the days tried: where, then, are the rows? No fault where the shop was closed on all of them."""
    from pricing_assets.sources.reading import at_one_moment

    rows, earliest, latest = at_one_moment(
        source, lambda opener: opener(source.first_day, days[-1], days[-1]).span(table, table.partition())
    )
    fault = table in REQUIRED and any(day not in closed for day in days)
    what = f"no row from {days[0]} to {days[-1]}; the SELECT yields {counted(rows, 'row')} in all"
    if earliest and latest:
        what += f", dated {earliest} to {latest}"
    remedy = "mend the SELECT, or, if the data ends there, set historical: true and last_day in source.yaml"
    return Finding(sql_name(table), not fault, what, remedy if fault else "")


def _verdicts(source: Source, received: Received, days: Sequence[date], closed: Collection[date]) -> list[Finding]:
    """The checks a run would fail at a table, days of the same check as one finding.

    A day on which another check fails is not said to be empty as well: that follows from the first.
    """
    failed = judge(source, received.table, received, days, closed).filter(~pl.col("passed"))
    failed = failed.filter((pl.col("check") != "not_empty") | (pl.len().over("date") == 1))
    findings = []
    for (check_name,), rows in failed.group_by("check", maintain_order=True):
        what = f"a run would stop at check {check_name} on {', '.join(map(str, rows['date']))}: {rows['message'][0]}"
        findings.append(Finding(sql_name(received.table), False, what, _REMEDIES[str(check_name)]))
    return findings
