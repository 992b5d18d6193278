"""`pricing anomalies`: what looks wrong, alarm by alarm, worst first.

Here: which alarms are shown and how. Not here: what is an anomaly (anomalies/).
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import polars as pl
import typer

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import require_kept
from pricing_assets.shell.command import Shell
from pricing_assets.shell.showing import last_decided_day
from pricing_assets.tables.anomalies import REASONS, SEVERITIES, PriceAnomalies


class Wanted(NamedTuple):
    """Which alarms are asked for; None where any."""

    reason: str | None = None
    severity: str | None = None
    sku: str | None = None
    market: str | None = None
    limit: int = 20


def anomalies(shell: Shell, span: tuple[date, date] | None, wanted: Wanted) -> None:
    """Alarms of the days, the worst first; without days, those of the last day that traded."""
    _require_known(wanted)
    first, last = span or (last_decided_day(shell),) * 2
    rows = _rows(shell, first, last)
    found = _alarms(rows.filter(pl.lit(True), *_asked(wanted)))
    shown = found.head(wanted.limit)
    shell.answer(shown.to_dicts())
    if shell.json:
        return
    days = str(first) if first == last else f"{first} to {last}"
    shell.say(f"{days}: {_summary(found, _alarms(rows))}")
    for alarm in shown.iter_rows(named=True):
        shell.say(_line(alarm))
        shell.say(f"    {alarm['explanation']}")
    if found.height > shown.height:
        shell.say(f"and {found.height - shown.height:,} more; --limit shows more, --json prints them for programs")


def _require_known(wanted: Wanted) -> None:
    for name, value, known in (("reason", wanted.reason, REASONS), ("severity", wanted.severity, SEVERITIES)):
        if value is not None and value not in known:
            raise typer.BadParameter(f"{value}: no {name}, expected one of {', '.join(known)}")


def _summary(found: pl.DataFrame, every: pl.DataFrame) -> str:
    if found.height:
        return f"{counted(found.height, 'alarm')}, {_by_severity(found)}"
    return f"none like this, but {counted(every.height, 'other alarm')}" if every.height else "quiet"


def _asked(wanted: Wanted) -> list[pl.Expr]:
    asked = {"reason": wanted.reason, "severity": wanted.severity, "sku": wanted.sku, "market": wanted.market}
    return [pl.col(name).cast(pl.String) == value for name, value in asked.items() if value is not None]


def _rows(shell: Shell, first: date, last: date) -> pl.DataFrame:
    """The rows of the days as the manifest has them in force."""
    standing = manifests.standing(shell.lake)["date"]
    if not standing.is_between(first, last).any():
        days = str(first) if first == last else f"{first} to {last}"
        raise PricingError(f"{days}: no day stands", f"`pricing run --date {first}` decides one")
    files = manifests.manifested(shell.lake, PriceAnomalies)
    if first == last and first not in files:
        require_kept(shell.lake, [first])
    return shell.lake.read_files(PriceAnomalies, [file for day, file in files.items() if first <= day <= last])


def _alarms(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per cause, as it was on its last day; the sentence is about the SKU with most at stake."""
    latest = rows.filter(pl.col("date") == pl.col("date").max().over("cause"))
    worst = latest.sort(["severity", "at_stake", "sku"], descending=[True, True, False], nulls_last=True)
    alarms = worst.group_by("cause", maintain_order=True).agg(
        pl.col("date", "since", "reason", "severity", "market", "sku").first(),
        pl.len().alias("skus"),
        pl.col("at_stake").sum(),
        pl.col("currency", "ml_score", "explanation").first(),
    )
    alarms = alarms.with_columns(pl.when(pl.col("skus") == 1).then(pl.col("sku")).alias("sku"))
    order, downwards = ["severity", "at_stake", "date", "cause"], [True, True, True, False]
    return alarms.sort(order, descending=downwards, nulls_last=True)


def _by_severity(found: pl.DataFrame) -> str:
    counts = dict(found.group_by(pl.col("severity").cast(pl.String)).len().iter_rows())
    return ", ".join(f"{counts[severity]} {severity}" for severity in reversed(SEVERITIES) if severity in counts)


def _line(alarm: dict[str, Any]) -> str:
    """`2026-10-31 severe PRICE_TOO_LOW SKU-0003 in UK, since 2026-10-29, 210.00 GBP at stake`."""
    who = alarm["sku"] or counted(alarm["skus"], "SKU")
    since = f", since {alarm['since']}" if alarm["since"] < alarm["date"] else ""
    money = f", {alarm['at_stake']:,.2f} {alarm['currency']} at stake a week" if alarm["at_stake"] else ""
    return f"{alarm['date']} {alarm['severity']:<6} {alarm['reason']} {who} in {alarm['market']}{since}{money}"
