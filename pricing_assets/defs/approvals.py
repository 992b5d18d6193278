"""What a person's answer starts: a training for each approval, once, and the end of a promotion two agree on; and the
end of one that nobody answered in time.

Here: the sensor. Not here: the job (models.py), answering (governance/, `pricing drift approve`).
"""

import dagster as dg

from pricing_assets.defs import models
from pricing_assets.defs.resources import Platform
from pricing_assets.governance import Approval, DriftEvent


@dg.sensor(
    job_name=models.RETRAINING,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a retraining for each drift event that was approved since it last looked; ends those whose"
    " promotion nobody answered in time.",
)
def approvals(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult | dg.SkipReason:
    """The cursor is the number of the last answer seen in the ledger; an answer's number is its run's key."""
    from pricing_assets.models import retraining

    for event in retraining.end_lapsed(platform.bench):
        context.log.info(f"{event}: nobody answered whether its challenger may serve; the champion stays")
    seen = int(context.cursor or 0)
    answers = platform.gate.approved_since(seen)
    if not answers:
        return dg.SkipReason(f"nobody answered since event {seen} of the ledger")
    requests = [_request(answer, platform.gate.event(answer.event_id)) for answer in answers]
    return dg.SensorResult(run_requests=[each for each in requests if each], cursor=str(answers[-1].sequence))


def _request(answer: Approval, event: DriftEvent) -> dg.RunRequest | None:
    """A run for an answer; none where the event is over, or its training was begun by hand."""
    if event.outcome or (answer.purpose == "training" and event.root_run_id):
        return None
    tags = {"pricing/event": event.id, "pricing/answered_by": answer.by}
    if event.root_run_id:
        tags[models.RESUMES] = event.root_run_id
    return dg.RunRequest(run_key=f"answer-{answer.sequence}", run_config=models.config_of(event.id), tags=tags)
