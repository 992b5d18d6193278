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
RECEIVED_CHECKS = ("contract", "balance", "dated", "not_empty")
"""The checks of this module; expectations have others."""


@dataclass(frozen=True)
class _Counts:
    """A day's rows of one table, beside those of the whole window.

    `in_time` were known before the day's cut-off; `on_sale` are those of them that no later one withdraws.
    """

    day: date
    received: int
    accepted: int
    quarantined: int
    undated: int
    in_time: int
    on_sale: int
    window: Received


Check = Callable[[Source, _Counts], Verdict]


def trade_status(
    source: Source, listings: Received, sales: Received, days: Collection[date]
) -> dict[date, TradeStatus]:
    """Whether each day had trade, by what listings and sales received: see `without_trade`."""
    busy = {day for part in (listings, sales) for day, received in _dated(part).items() if received}
    closed = without_trade(source, busy, days)
    return {day: "no_trade" if day in closed else "trade" for day in sorted(days)}


def without_trade(source: Source, busy: Collection[date], days: Collection[date]) -> frozenset[date]:
    """The days without trade, where `busy` are those on which listings or sales received a dated row, good or bad.

    A day that received none is one where the source allows it: `empty_days: no_trade`, or one of its `closed_days`.
    """
    return frozenset(day for day in days if day not in busy and (source.empty_days == "no_trade" or source.closed(day)))


def judge(
    source: Source, table: type[Table], received: Received, days: Sequence[date], no_trade: Collection[date] = ()
) -> pl.DataFrame:
    """Verdicts on a table for each of `days`: runs.checks but `run_id`.

    `contract`: the share of rows in quarantine is within the limit; rows set aside for the shop's own reasons and rows
    without a usable date are left out of it. `balance`: received = accepted + quarantined.
    `dated`: the share of rows without a usable date, over all the SELECT yields, is within its limit. `not_empty`, of
    listings, prices and sales: a day of trade has listings and prices known before its cut-off, not all of the
    listings withdrawn by then, and the SELECT of sales yields rows at all. `no_trade` names the days without trade (see
    trade_status), which may be empty.

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
    table, in_time = received.table.table_name(), _in_time(source, received)
    known, on_sale = (_per_day(found, received.table) for found in (in_time, _not_withdrawn(in_time, received.table)))
    for day in sorted(days):
        row = of_day.get(day, {"received": 0, "accepted": 0, "quarantined": 0})
        undated = received.undated if day == source.first_day else 0
        numbers = (row["received"], row["accepted"], row["quarantined"], undated)
        counts = _Counts(day, *numbers, known.get(day, 0), on_sale.get(day, 0), received)
        for check in checks:
            name, passed, message = check(source, counts)
            rows.append({**row, "date": day, "table": table, "check": name, "passed": passed, "message": message})
    schema = {name: kind for name, kind in runs.Checks.create_empty().schema.items() if name != "run_id"}
    return pl.DataFrame(rows, schema=schema)


def failures(checks: pl.DataFrame) -> dict[date, str]:
    """Day → the verdicts it failed, in words, of rows of runs.checks; by day."""
    verdict = pl.format("{} {}: {}", "table", "check", "message").sort_by("table", "check").str.join("; ")
    failed = checks.filter(~pl.col("passed")).group_by("date").agg(verdict)
    return dict(failed.sort("date").iter_rows())


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
    if counts.window.table is raw.Sales:
        passed = counts.window.total > 0 or not window_trades
        message = "the SELECT yields rows" if counts.window.total else "the SELECT yields no row of any day"
    else:
        passed = counts.on_sale > 0 or not trades
        message = f"{counted(counts.accepted, 'row')} accepted" + ("" if trades else ", a day without trade")
    return "not_empty", passed, message if passed else message + _why_empty(source, counts)


def _why_empty(source: Source, counts: _Counts) -> str:
    file = sql_name(counts.window.table)
    if counts.in_time:
        return (
            f", but all withdrawn: no row known in time says on_sale; mend on_sale in {file}; if nothing was on sale, "
            "leave the day's rows out and name the day in closed_days of source.yaml"
        )
    if counts.accepted:
        return (
            f", but all known only after {RUN_AT:%H:%M} of the next day; load them earlier, or let known_at in "
            f"{file} be the moment the fact was known, or leave the column out"
        )
    return (
        f"; expected some: mend {file} (`pricing source check {source.folder.name}` tries it); "
        "if the shop was closed, name the day in closed_days of source.yaml"
    )


def _in_time(source: Source, received: Received) -> pl.DataFrame:
    """Accepted rows that were known before the cut-off of their day; of a table without `known_at`, all."""
    rows = received.accepted
    if "known_at" not in rows.columns:
        return rows
    return rows.filter(pl.col("known_at") < instant_of(received.table.partition(), source.cutoff))


def _not_withdrawn(in_time: pl.DataFrame, table: type[Table]) -> pl.DataFrame:
    """The rows known latest of their key that do not say it is off sale; of a table that cannot say so, all."""
    if table is not raw.Listings:
        return in_time
    key = [name for name in table.primary_key() if name != "known_at"]
    return in_time.sort("known_at").unique(key, keep="last").filter("on_sale")


def _per_day(rows: pl.DataFrame, table: type[Table]) -> dict[date, int]:
    return dict(rows.group_by(table.partition()).len().iter_rows())


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
