"""All drift metrics of a day, as rows of monitoring.drift_metrics.

Here: putting judgements into one table. Not here: how they come about, and what people do about them (events.py).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from pricing_assets.monitoring import decay, elasticities, evidence, explanation, features, shares
from pricing_assets.monitoring.errors import segment_errors
from pricing_assets.monitoring.plan import Incumbent, Plan

COLUMNS: dict[str, Any] = {
    "date": pl.Date,
    "metric": pl.String,
    "segment": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "drifted": pl.Boolean,
    "noticed_on": pl.Date,
    "shifted_since": pl.Date,
    "days_to_find": pl.Float64,
    "model_version": pl.String,
    "explanation": pl.String,
    "evidence": pl.String,
}
"""As monitoring.drift_metrics has them."""

RETRAINING_DUE, EVERY_SEGMENT = "retraining_due", "all"


def drift_metrics(
    day: date,
    forecasts: pl.DataFrame,
    champion: Incumbent,
    plan: Plan | None = None,
    *,
    snapshots: pl.DataFrame | None = None,
    old_elasticities: pl.DataFrame | None = None,
    new_elasticities: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The rows of monitoring.drift_metrics of a day, sorted by metric and segment.

    `forecasts` are forecasts beside realised sales (errors.COLUMNS) from the champion's reference window to `day`; a
    chart that has alarmed stays drifted until it starts anew. `snapshots` are feature snapshots with a `segment` of the
    same days (features.judge); elasticities those the champion was promoted with and the present ones
    (elasticities.judge). What is not given is not compared. A segment that cannot be judged is a row that says why.
    Raises PricingError for input of another shape.
    """
    plan = plan or Plan()
    charts = decay.judge(segment_errors(forecasts, day, champion, plan), champion, plan)
    judged = [] if snapshots is None else features.judge(snapshots, day, champion, plan)
    if old_elasticities is not None and new_elasticities is not None:
        judged += elasticities.judge(old_elasticities, new_elasticities, plan)
    rows = [_of_chart(each, plan) for each in charts] + [_of_share(each, day) for each in judged]
    return _table(rows, day, champion)


def retraining_due(day: date, champion: Incumbent, plan: Plan | None = None) -> pl.DataFrame:
    """A row that says the champion is old enough to be looked at; none before. It asks a person, and trains nothing."""
    plan = plan or Plan()
    days = (day - champion.trained_on).days
    if days < plan.retrain_after_days:
        return _table([], day, champion)
    row = {
        "metric": RETRAINING_DUE,
        "segment": EVERY_SEGMENT,
        "value": float(days),
        "threshold": float(plan.retrain_after_days),
        "drifted": True,
        "noticed_on": day,
        "explanation": explanation.of_schedule(champion, days, plan),
        "evidence": evidence.as_json(evidence.of_schedule(champion.trained_on, days)),
    }
    return _table([row], day, champion)


def _of_chart(judged: decay.Judged, plan: Plan) -> dict[str, Any]:
    drifted = judged.noticed is not None
    return {
        "metric": judged.metric,
        "segment": judged.segment,
        "value": judged.value,
        "threshold": judged.threshold,
        "drifted": drifted,
        "noticed_on": judged.noticed,
        "shifted_since": judged.since,
        "days_to_find": None if judged.days_to_find is None else min(judged.days_to_find, 9999.0),
        "explanation": explanation.of_chart(judged, plan),
        "evidence": evidence.as_json(evidence.of_chart(judged)) if drifted else None,
    }


def _of_share(share: shares.Share, day: date) -> dict[str, Any]:
    return {
        "metric": share.metric,
        "segment": share.segment,
        "value": share.value,
        "threshold": share.threshold,
        "p_value": share.p_value,
        "q_value": share.q_value,
        "drifted": share.drifted,
        "noticed_on": day if share.drifted else None,
        "explanation": explanation.of_share(share),
        "evidence": evidence.as_json(evidence.of_share(share)) if share.drifted else None,
    }


def _table(rows: list[dict[str, Any]], day: date, champion: Incumbent) -> pl.DataFrame:
    whole = [{"date": day, "model_version": champion.version, **row} for row in rows]
    return pl.DataFrame(whole, schema=COLUMNS).sort("metric", "segment")
