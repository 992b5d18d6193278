"""Checking: a source tried on a sample, every fault explained, for the person who is writing it.

Here: what `pricing source check` shows. Not here: printing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.sources.judging import judge, trade_status
from pricing_assets.sources.receiving import Received, receive
from pricing_assets.sources.source import SETTINGS_FILE, Source, load, sql_name
from pricing_assets.tables import RAW, raw
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

    A shop that goes on trading is tried up to yesterday: today is not over, and no run prices it yet.
    """
    try:
        source = load(folder, settings)
    except PricingError as error:
        head, *faults = error.what.split("\n  ")
        return [Finding(SETTINGS_FILE, False, fault, error.remedy) for fault in faults or [head]]
    today = datetime.now(ZoneInfo(source.time_zone)).date()
    last = max(source.first_day, source.last_day or today - timedelta(days=1))
    first = max(source.first_day, last - timedelta(days=days - 1))
    findings = [
        Finding(SETTINGS_FILE, True, f"{source.name}: {len(source.markets)} market(s), {first} to {last} tried")
    ]
    received: dict[type[Table], Received] = {}
    for table in RAW:
        if table not in source.tables:
            findings.append(Finding(sql_name(table), True, "absent, so its features are null (it is optional)"))
            continue
        try:
            received[table] = receive(source, table, first, last, today)
        except PricingError as error:
            findings.append(Finding(sql_name(table), False, error.what, error.remedy))
        else:
            findings.append(_came_in(source, received[table], first, last))
            findings += _hints(received[table])
    return findings + _verdicts(source, received, first, last)


def _came_in(source: Source, received: Received, first: date, last: date) -> Finding:
    name = sql_name(received.table)
    total = {column: int(received.counts[column].sum()) for column in ("received", "accepted", "quarantined")}
    if not total["received"]:
        return _empty(source, received.table, first, last)
    what = "{received} rows received = {accepted} accepted + {quarantined} in quarantine".format(**total)
    column = pl.col("rule").str.replace(r"'.*?'", "…").alias("rule")
    rules = received.quarantined.group_by(column).len("rows").sort(["rows", "rule"], descending=[True, False])
    return Finding(
        name,
        True,
        what,
        accepted=received.accepted.sort(received.table.order()).head(SHOWN_ROWS),
        quarantined=received.quarantined.head(SHOWN_ROWS),
        rules=rules,
    )


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


def _empty(source: Source, table: type[Table], first: date, last: date) -> Finding:
    """Nothing in the window: where, then, are the rows?"""
    from pricing_assets.sources.reading import open_reader

    rows, earliest, latest = open_reader(source, source.first_day, last).span(table, table.partition())
    required = table in (raw.Listings, raw.Prices, raw.Sales)
    what = f"no row from {first} to {last}; the SELECT yields {rows} rows in all"
    if earliest and latest:
        what += f", dated {earliest} to {latest}"
    remedy = "mend the SELECT, or, if the data ends there, set historical: true and last_day in source.yaml"
    return Finding(sql_name(table), not required, what, remedy)


def _verdicts(source: Source, received: dict[type[Table], Received], first: date, last: date) -> list[Finding]:
    """The checks a run would fail, days of the same table and check as one finding."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    closed: list[date] = []
    if raw.Listings in received and raw.Sales in received:
        status = trade_status(source, received[raw.Listings], received[raw.Sales], days)
        closed = [day for day, trade in status.items() if trade == "no_trade"]
    findings = []
    for table, part in received.items():
        failed = judge(source, table, part, days, closed).filter(~pl.col("passed"))
        for (check_name,), rows in failed.group_by("check", maintain_order=True):
            what = (
                f"a run would stop at check {check_name} on {', '.join(map(str, rows['date']))}: {rows['message'][0]}"
            )
            findings.append(Finding(sql_name(table), False, what, _REMEDIES[str(check_name)]))
    return findings
