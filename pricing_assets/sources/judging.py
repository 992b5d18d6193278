"""Judging: the verdicts on what came in, one row of runs.checks per day and check.

Here: whether a day may go on. Not here: the rules of a single row (contracts).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.sources.contracts import OWN_REASON, instant_of
from pricing_assets.sources.receiving import Received, is_stray
from pricing_assets.sources.source import Source, sql_name
from pricing_assets.tables import raw, runs
from pricing_assets.tables.base import Table
from pricing_assets.tables.hours import RUN_AT

TradeStatus = Literal["trade", "no_trade"]
Verdict = tuple[str, bool, str]


@dataclass(frozen=True)
class _Counts:
    """A day's rows of one table, beside those of the whole window; `in_time` were known before the day's cut-off."""

    day: date
    received: int
    accepted: int
    quarantined: int
    undated: int
    in_time: int
    window: Received


Check = Callable[[Source, _Counts], Verdict]


def trade_status(
    source: Source, listings: Received, sales: Received, days: Collection[date]
) -> dict[date, TradeStatus]:
    """Whether each day had trade.

    `no_trade` where neither listings nor sales received a row and the source allows that: `empty_days: no_trade`, or
    the day is one of its `closed_days`.
    """
    busy = {day for part in (listings, sales) for day, received in _dated(part).items() if received}
    return {
        day: "no_trade" if day not in busy and (source.empty_days == "no_trade" or source.closed(day)) else "trade"
        for day in sorted(days)
    }


def judge(
    source: Source, table: type[Table], received: Received, days: Sequence[date], no_trade: Collection[date] = ()
) -> pl.DataFrame:
    """Verdicts on a table for each of `days`: runs.checks but `run_id`.

    `contract`: the share of rows in quarantine is within the limit; rows set aside for the shop's own reasons and rows
    without a usable date are left out of it. `balance`: received = accepted + quarantined.
    `dated`: the share of rows without a usable date, over all the SELECT yields, is within its limit. `not_empty`, of
    listings, prices and sales: a day of trade has listings and prices known before its cut-off, and the SELECT of
    sales yields rows at all. `no_trade` names the days without trade (see trade_status), which may be empty.

    A passed verdict says nothing that depends on how much history the run happened to read with its days: a run that
    was killed and run again judges in the same words.
    """
    checks: list[Check] = [_contract, _balance, _dated_share]
    if table in (raw.Listings, raw.Prices, raw.Sales):
        traded = any(day not in no_trade for day in days)
        checks.append(lambda source, counts: _not_empty(source, counts, counts.day not in no_trade, traded))
    return _judged(source, received, days, checks)


def judge_counts(source: Source, received: Received, days: Sequence[date]) -> pl.DataFrame:
    """The verdicts that follow from counts and quarantine alone, in the words of `judge`: all but `not_empty`."""
    return _judged(source, received, days, [_contract, _balance, _dated_share])


def _judged(source: Source, received: Received, days: Sequence[date], checks: Sequence[Check]) -> pl.DataFrame:
    of_day = {row["date"]: row for row in received.counts.iter_rows(named=True)}
    rows: list[dict[str, Any]] = []
    in_time, table = _in_time(source, received), received.table.table_name()
    for day in sorted(days):
        row = of_day.get(day, {"received": 0, "accepted": 0, "quarantined": 0})
        undated = received.undated if day == source.first_day else 0
        counts = _Counts(
            day, row["received"], row["accepted"], row["quarantined"], undated, in_time.get(day, 0), received
        )
        for check in checks:
            name, passed, message = check(source, counts)
            rows.append({**row, "date": day, "table": table, "check": name, "passed": passed, "message": message})
    schema = {name: kind for name, kind in runs.Checks.create_empty().schema.items() if name != "run_id"}
    return pl.DataFrame(rows, schema=schema)


def _contract(source: Source, counts: _Counts) -> Verdict:
    limit = source.limits.quarantine_share
    rows = counts.window.quarantined.filter(pl.col("received_on") == counts.day)
    own = rows.filter(pl.col("rule").str.starts_with(OWN_REASON)).height
    judged, faulty = (number - counts.undated - own for number in (counts.received, counts.quarantined))
    share = _share(faulty, judged)
    message = f"{faulty:,} of {counted(judged, 'row')} in quarantine ({share:.2%}), limit {limit:.2%}"
    message += f", {own} more for the shop's own reasons" if own else ""
    if share > limit:
        message += f"; most often: {_commonest(rows)}; mend {sql_name(counts.window.table)} or the source, or raise "
        message += "limits.quarantine_share in source.yaml"
    return "contract", share <= limit, message


def _balance(source: Source, counts: _Counts) -> Verdict:
    held = counts.received == counts.accepted + counts.quarantined
    sign = "=" if held else "≠"
    return (
        "balance",
        held,
        f"{counts.received} received {sign} {counts.accepted} accepted + {counts.quarantined} quarantined",
    )


def _dated_share(source: Source, counts: _Counts) -> Verdict:
    limit = source.limits.undated_share
    total = counts.window.total
    share = _share(counts.window.undated, total)
    message = f"rows without a usable date are within {limit:.2%} of all"
    if share > limit:
        message = f"{counts.window.undated:,} of {counted(total, 'row')} without a usable date ({share:.2%})"
        message += f", limit {limit:.2%}; look at them in raw.quarantine on {source.first_day}"
        message += f", mend {sql_name(counts.window.table)}"
    return "dated", share <= limit, message


def _not_empty(source: Source, counts: _Counts, trades: bool, window_trades: bool) -> Verdict:
    table, late = counts.window.table, False
    if table is raw.Sales:
        passed = counts.window.total > 0 or not window_trades
        message = "the SELECT yields rows" if counts.window.total else "the SELECT yields no row of any day"
    else:
        passed = counts.in_time > 0 or not trades
        late = counts.accepted > 0
        message = f"{counted(counts.accepted, 'row')} accepted" + ("" if trades else ", a day without trade")
    if not passed and late:
        message += (
            f", but all known only after {RUN_AT:%H:%M} of the next day; load them earlier, or let known_at in "
            f"{sql_name(table)} be the moment the fact was known, or leave the column out"
        )
    elif not passed:
        message += (
            f"; expected some: mend {sql_name(table)} (`pricing source check {source.folder.name}` tries it); "
            "if the shop was closed, name the day in closed_days of source.yaml"
        )
    return "not_empty", passed, message


def _in_time(source: Source, received: Received) -> dict[date, int]:
    """Accepted rows per day that were known before its cut-off; of a table without `known_at`, all."""
    day, rows = received.table.partition(), received.accepted
    if "known_at" in rows.columns:
        rows = rows.filter(pl.col("known_at") < instant_of(day, source.cutoff))
    return dict(rows.group_by(day).len().iter_rows())


def _commonest(quarantined: pl.DataFrame) -> str:
    """The rule most rows broke, those without a fault of their own day left out."""
    elsewhere = pl.col("rule").str.starts_with(OWN_REASON) | is_stray()
    rules = quarantined.filter(~elsewhere).group_by("rule").len().sort(["len", "rule"], descending=[True, False])
    return str(rules["rule"][0])


def _dated(part: Received) -> dict[date, int]:
    """Rows received per day, those without a usable date left out."""
    received = dict(part.counts.select("date", "received").iter_rows())
    for day, number in part.quarantined.filter(is_stray()).group_by("received_on").len().iter_rows():
        received[day] -= number
    return received


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
