"""Retention by whole days: which days are no longer kept, and how they leave the manifest and the tables.

Here: phase one, in which a day expires and every file stays on disk. Not here: phase two, in which files go
(leftovers), how long rows of a table are kept (its class says), what is set (settings).

A day expires by a further row of runs.days: it stands as `expired`, keeps the hashes of what was decided, and names the
tables it drops with 0 rows. Then the tables drop it too. Days count back from the last one that was decided, never from
the clock; a day without trade holds nothing that would expire. Killed anywhere and called again, it ends in the same
lake.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import claims, contracts, days
from pricing_assets.lake.store import Lake, Provenance
from pricing_assets.tables import ALL, runs
from pricing_assets.tables.base import Kept, Table

EVIDENCE = 70
"""Days that a day decided again may look back on evidence: eight weeks and the days of a week that the forest is
trained on (62); answers that bind (61), forecasts scored (28) and causes that go on (7) look back less."""
KEPT = "its raw rows and the hashes of what was decided are kept; `pricing lake keep` says how long the rest is"
_DECIDED = ("priced", "recommended")


@dataclass(frozen=True)
class Terms:
    """How many days are kept, 0 for ever; and the first day a model in force is judged on, None without one.

    Raises PricingError where the audit would be kept shorter than the decisions that were made under it.
    """

    decisions: int
    audit: int
    judged_since: date | None = None

    def __post_init__(self) -> None:
        if self.audit and (not self.decisions or self.audit < self.decisions):
            decisions = counted(self.decisions, "day") if self.decisions else "for ever"
            raise PricingError(
                f"decisions are kept {decisions}, the audit {counted(self.audit, 'day')}: a decision that is kept is "
                "replayed under the overrides, answers and strategies of its day",
                "set PRICING_KEEP_AUDIT_DAYS to at least PRICING_KEEP_DECISIONS_DAYS, or to 0, for ever",
            )

    def first_kept(self, last: date) -> Mapping[Kept, date]:
        """The first day kept of each kind of table, where some are not, if `last` is the last day that stands."""
        found: dict[Kept, date] = {}
        if self.decisions:
            found["decisions"] = last - timedelta(days=self.decisions - 1)
            evidence = found["decisions"] - timedelta(days=EVIDENCE)
            found["evidence"] = min(evidence, self.judged_since or evidence)
        if self.audit:
            found["audit"] = last - timedelta(days=self.audit - 1)
        return found


@dataclass
class Expiry:
    """What is due: of each table the days it drops; the days that thereby expire; those left, as a run holds them."""

    first_kept: Mapping[Kept, date] = field(default_factory=dict)
    tables: dict[type[Table], list[date]] = field(default_factory=dict)
    expired: list[date] = field(default_factory=list)
    held: list[date] = field(default_factory=list)

    @property
    def days(self) -> list[date]:
        """Every day something is dropped of, in order."""
        return sorted({day for dropped in self.tables.values() for day in dropped})


def last_decided(lake: Lake) -> date | None:
    """The last day that was decided, which days are counted back from; None without one.

    A day without trade does not count: a clock that ran ahead may have noted some that are yet to come.
    """
    status = pl.col("status").cast(pl.String)
    decided = days.standing(lake).filter(status.is_in([*_DECIDED, "expired"]))
    return decided["date"].max()  # type: ignore[return-value]


def due(lake: Lake, terms: Terms) -> Expiry:
    """What is older than it is kept; nothing where no day stands, or all is kept for ever."""
    standing = {row["date"]: row for row in days.standing(lake).select("date", "status").to_dicts()}
    last = last_decided(lake)
    if last is None:
        return Expiry()
    first_kept = terms.first_kept(last)
    untraded = {day for day, row in standing.items() if row["status"] == "no_trade"}
    manifest = days.manifest(lake)
    dead = set(claims.dead_runs(lake))
    held = {day for day, claim in claims.holders(lake).items() if claim.run_id not in dead}
    tables: dict[type[Table], list[date]] = {}
    for table in ALL:
        if table.kept not in first_kept:
            continue
        manifested = manifest.get(table.table_name(), {}).keys()
        named = {*manifested, *(file.partition for file in lake.files(table))}
        kept = untraded if manifested else set()  # what no day puts in force is as old as it is
        if old := sorted(day for day in named - kept if day < first_kept[table.kept]):
            tables[table] = old
    if started := tables.get(runs.Executions):
        tables[runs.Executions] = _over(lake, started, first_kept["audit"])
    dropped = {day for old in tables.values() for day in old}
    free = {table: [day for day in old if day not in held] for table, old in tables.items()}
    first = first_kept.get("decisions", date.min)
    expired = [day for day, row in standing.items() if row["status"] in _DECIDED and day < first and day not in held]
    return Expiry(first_kept, {table: old for table, old in free.items() if old}, expired, sorted(dropped & held))


def _over(lake: Lake, old: Sequence[date], first_kept: date) -> list[date]:
    """The dates, by the clock, on which no execution of a day that is kept started: a clock may have been set back."""
    rows = lake.read(runs.Executions, old[0], old[-1], columns=["started_on", "last_day"])
    recent = set(rows.filter(pl.col("last_day") >= first_kept)["started_on"].to_list())
    return [day for day in old if day not in recent]


def expire(
    lake: Lake,
    terms: Terms,
    provenance: Provenance,
    *,
    now: datetime,
    is_live: Callable[[str], bool],
    tell: Callable[[str], None] = lambda _: None,
) -> Expiry:
    """Lets what is due expire; returns it. A day that a live run holds is left for the next time.

    `now` is kept as provenance. Raises PricingError where a run claims one of the days meanwhile.
    """
    found = due(lake, terms)
    touched = sorted({*found.days, *found.expired})
    if not touched:
        return found
    with claims.claim(lake, touched, provenance.run_id, is_live):
        try:
            if rows := _rows(lake, found, provenance, now):
                tell(f"{counted(len(rows), 'day')} dropped from the manifest")
                schema = days.standing(lake).drop("sequence").schema
                days.commit_days(lake, pl.DataFrame(rows, schema=schema), provenance)
            for table, old in found.tables.items():
                tell(f"{table.table_name()}: {counted(len(old), 'day')} dropped")
                lake.commit(table, contracts.empty(table), old, provenance)
        finally:
            claims.release(lake, provenance.run_id)
    return found


def _rows(lake: Lake, found: Expiry, provenance: Provenance, now: datetime) -> list[dict[str, Any]]:
    """A row of runs.days for each standing day that expires, or drops what is in force of it."""
    manifest, expired = days.manifest(lake), set(found.expired)
    changed = {
        "run_id": provenance.run_id,
        "code_version": provenance.code_version,
        "committed_at": now,
        "inputs": [],
    }
    rows = []
    for row in days.standing(lake).filter(pl.col("date").is_in([*found.days, *expired])).to_dicts():
        day = row.pop("date")
        files = [manifest.get(table.table_name(), {}).get(day) for table, old in found.tables.items() if day in old]
        gone = [asdict(file) | {"hash": "", "rows": 0} for file in files if file]
        if gone or day in expired:
            status = "expired" if day in expired else row["status"]
            rows.append({"date": day, **row, **changed, "status": status, "tables": gone})
    return rows


def require_kept(lake: Lake, asked: Collection[date]) -> None:
    """Raises PricingError where a day asked for has expired: it names the first, and what is left of it."""
    if gone := expired(lake, asked):
        day, on = next(iter(gone.items()))
        more = f" and {counted(len(gone) - 1, 'later day')}" if len(gone) > 1 else ""
        raise PricingError(f"{day}{more} expired on {on:%Y-%m-%d}: decisions of that age are no longer kept", KEPT)


def expired(lake: Lake, asked: Collection[date]) -> dict[date, datetime]:
    """Of the days asked for those that have expired, and when, by day; what a day drops later makes it no younger."""
    if not asked:
        return {}
    names = ["date", "sequence", "status", "committed_at"]
    rows = lake.read(runs.Days, min(asked), max(asked), columns=names).filter(pl.col("date").is_in(list(asked)))
    gone = rows.filter(pl.col("status").last().over("date", order_by="sequence") == "expired")
    first = gone.filter(pl.col("status") == "expired").sort("sequence").unique("date", keep="first").sort("date")
    return dict(first.select("date", "committed_at").iter_rows())
