"""The metrics file after an execution: the situation as the lake and governance have it, the seconds as Dagster does.

Here: bringing them together at the end of a run, whichever way it was started. Not here: what is measured
(watch/metrics).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

import dagster as dg

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.settings import Settings
from pricing_assets.sources import Source

_LOGGER = logging.getLogger(__name__)


def write(instance: dg.DagsterInstance, lake: Lake, source: Source, settings: Settings, now: datetime) -> None:
    """Replaces the file. Where it cannot be, the log says so, and nothing else happens."""
    from pricing_assets.watch import metrics, situation, work

    try:
        found = situation.look(lake, source, settings, now)
        last = work.not_canceled(found.executions).unique("job", keep="last", maintain_order=True).sort("job")
        metrics.write(lake, source, settings, found, stations(instance, last.select("job", "run_id").iter_rows()))
    except (PricingError, OSError):
        _LOGGER.warning("metrics_not_written", exc_info=True)


def stations(instance: dg.DagsterInstance, runs: Iterable[tuple[str, str]]) -> dict[str, dict[str, float]]:
    """Job → station → seconds, of a run of each job; stations of which Dagster knows no end are left out."""
    found = {}
    for job, run_id in runs:
        steps = instance.get_run_step_stats(run_id) if instance.has_run(run_id) else []
        found[job] = {
            step.step_key: round(step.end_time - step.start_time, 3)
            for step in steps
            if step.start_time is not None and step.end_time is not None
        }
    return found
