"""What a person's answer starts: a training for each approval, once.

Here: the sensor. Not here: the jobs (models.py), answering (governance/, `pricing drift approve`).
"""

import dagster as dg

from pricing_assets.defs import models
from pricing_assets.defs.resources import Platform
from pricing_assets.governance import Approval


@dg.sensor(
    jobs=[models.retraining_job, models.promotion_job],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a retraining for each drift event that was approved since it last looked.",
)
def approvals(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult | dg.SkipReason:
    """The cursor is the number of the last answer seen in the ledger; an answer's number is its run's key."""
    seen = int(context.cursor or 0)
    answers = platform.gate.approved_since(seen)
    if not answers:
        return dg.SkipReason(f"nobody answered since event {seen} of the ledger")
    requests = [_request(answer) for answer in answers if platform.gate.event(answer.event_id).outcome is None]
    return dg.SensorResult(run_requests=requests, cursor=str(answers[-1].sequence))


def _request(answer: Approval) -> dg.RunRequest:
    job = models.RETRAINING if answer.purpose == "training" else models.PROMOTION
    tags = {"pricing/event": answer.event_id, "pricing/approved_by": answer.by}
    config = models.config_of(job, answer.event_id)
    return dg.RunRequest(run_key=f"answer-{answer.sequence}", job_name=job, run_config=config, tags=tags)
