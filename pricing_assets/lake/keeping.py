"""Keeping the lake: days that are too old expire, small files are merged, logs get checkpoints, free files go.

Here: the order of these, one keeper at a time, and what came of them. Not here: each of them (expiry, compaction,
leftovers).

Runs, publishing and readers go on meanwhile. Killed anywhere and called again, it ends in the same lake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from pricing_assets.lake import compaction, continuity, expiry, leftovers, warehouse
from pricing_assets.lake.expiry import Expiry, Terms
from pricing_assets.lake.leftovers import Leftover
from pricing_assets.lake.store import Lake, Provenance
from pricing_assets.tables.base import Table

LOCK = "keeping"
"""Purpose of `Lake.alone` while files may go: who copies the lake holds it too."""


@dataclass(frozen=True)
class Kept:
    """What was done, or would be: days and tables that expired, days merged, logs with a new checkpoint, files gone,
    files that wait for their grace period to end.
    """

    expiry: Expiry
    merged: Mapping[type[Table], Sequence[date]]
    checkpoints: Sequence[type[Table]]
    gone: Sequence[Leftover]
    waiting: Sequence[Leftover]


def keep(
    lake: Lake,
    analytics: Path,
    terms: Terms,
    grace: timedelta,
    *,
    provenance: Provenance,
    now: datetime,
    is_live: Callable[[str], bool],
    tell: Callable[[str], None] = lambda _: None,
) -> Kept:
    """Does all that is due. `now` is what grace periods end by; another keeper is waited for.

    Raises PricingError where the disk refuses, a log is damaged or lost, or a live run claims an expiring day
    meanwhile.
    """
    with lake.alone(LOCK):
        continuity.require(lake)
        tell("looking for days that are no longer kept")
        expired = expiry.expire(lake, terms, provenance, now=now, is_live=is_live, tell=tell)
        tell("merging small files")
        merged = compaction.merge(lake, provenance)
        tell("writing checkpoints")
        checkpoints = compaction.checkpoint(lake)
        tell("looking for files nothing needs")
        free = leftovers.free_files(lake, warehouse.files_read(analytics), now)
        tell("removing those nobody has open any more")
        with warehouse.alone(analytics):  # a refresh that began before may show a month again
            shown = warehouse.files_read(analytics)
            free = [each for each in free if not shown(lake.root / each.path)]
            gone = leftovers.remove(lake, free, grace, now)
    names = {each.path for each in gone}
    return Kept(expired, merged, checkpoints, gone, [each for each in free if each.path not in names])


def look(lake: Lake, analytics: Path, terms: Terms, grace: timedelta, now: datetime) -> Kept:
    """What `keep` would do, without doing it; a keeper at work is waited for, since it takes files away.

    What only becomes free by keeping is not counted among the files. Where there is no lake, none is made.
    """
    with lake.alone(LOCK) if lake.root.exists() else nullcontext():
        free = leftovers.free_files(lake, warehouse.files_read(analytics), now)
        gone = [each for each in free if each.goes(grace) <= now]
        waiting = [each for each in free if each.goes(grace) > now]
        return Kept(expiry.due(lake, terms), compaction.to_merge(lake), compaction.to_checkpoint(lake), gone, waiting)
