"""Drift events to open: what a person is asked to decide on.

Here: at most one per metric, segment and champion, as plain rows. Not here: opening them (governance/), or training: an
event asks, and only a person's approval trains.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from pricing_assets.monitoring.plan import Incumbent

DAY = "day"
"""The business day of an event in its evidence, ISO."""


class FoundDrift(NamedTuple):
    """A drift a person has to look at. `evidence` is what JSON holds, for evidence.draw; `key` says it once.

    Its `day` is the business day it was judged on: after it a chart starts anew once the event is over.
    """

    key: str
    metric: str
    segment: str
    champion: str
    noticed_on: date
    shifted_since: date | None
    explanation: str
    evidence: dict[str, Any]


def events_to_open(
    metrics: pl.DataFrame, champion: Incumbent, opened: Collection[tuple[str, str]] = ()
) -> list[FoundDrift]:
    """The first drifted row of each metric and segment of the champion, sorted, but of those in `opened`.

    `metrics` are rows of monitoring.drift_metrics of one or more days; those of other champions say nothing about this.
    """
    first = (
        metrics.filter(pl.col("drifted") & (pl.col("model_version") == champion.version))
        .sort("metric", "segment", "date")
        .unique(["metric", "segment"], keep="first", maintain_order=True)
    )
    return [_event(row, champion) for row in first.to_dicts() if (row["metric"], row["segment"]) not in set(opened)]


def day_of(evidence: Mapping[str, Any]) -> date | None:
    """The business day an event is about: the one it was judged on, or a chart noticed it on; None: not said."""
    said = evidence.get(DAY) or evidence.get("noticed")
    return date.fromisoformat(said) if said else None


def _event(row: dict[str, Any], champion: Incumbent) -> FoundDrift:
    return FoundDrift(
        key=json.dumps([row["metric"], row["segment"], champion.version], ensure_ascii=False),
        metric=row["metric"],
        segment=row["segment"],
        champion=champion.version,
        noticed_on=row["noticed_on"],
        shifted_since=row["shifted_since"],
        explanation=row["explanation"],
        evidence={**json.loads(row["evidence"]), DAY: row["date"].isoformat()},
    )
