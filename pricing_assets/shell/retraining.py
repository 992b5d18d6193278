"""`pricing models retrain`: the retraining job for approved events, in this process, on the instance the UI shows.

Here: which events, launching, and what came of each. Not here: the job (defs/models), the gate (governance/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

from pricing_assets.errors import PricingError
from pricing_assets.shell.command import REFUSED, Shell
from pricing_assets.shell.deciding import open_store
from pricing_assets.shell.ended import Ended, ended

if TYPE_CHECKING:
    import dagster as dg

    from pricing_assets.governance import DriftEvent, Store

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def retrain(shell: Shell, names: Sequence[str]) -> None:
    """Trains for the events, or for all that are approved; goes on with what was begun and ended without an outcome.

    Exit code 1 where one failed or was refused, or was over before and its version does not serve.
    """
    store = open_store(shell)
    events = [store.gate.event(name) for name in names] or _due(store)
    if not events:
        shell.answer([])
        shell.say("no drift event is approved; `pricing drift list` shows what waits for an answer")
        return
    over = {event.id: said for event in events if (said := ended(store, event))}
    live = [event for event in events if event.id not in over]
    answers = [_over(event, over[event.id]) for event in events if event.id in over]
    answers += _run(shell, store, live) if live else []
    shell.answer(answers)
    for each in answers:
        for line in _words(each):
            shell.say(line)
    failed = any(each["outcome"] == "failed" or each["error"] for each in answers)
    if failed or not all(said.serves for said in over.values()):
        raise typer.Exit(REFUSED)


def _due(store: Store) -> list[DriftEvent]:
    """Approved and not begun, or begun and left by a run that died; not what a second person must still answer."""
    now = datetime.now(UTC)
    events = [event for event in store.gate.events() if event.outcome is None]
    due = [event for event in events if event.root_run_id or event.state(now) == "approved"]
    return [event for event in due if event.root_run_id is None or not _waits(store, event)]


def _waits(store: Store, event: DriftEvent) -> bool:
    try:
        return store.gate.event(event.id).promotion_asked and store.gate.second_answer(event.id) is None
    except PricingError:  # it expired: the next attempt ends it
        return False


def _run(shell: Shell, store: Store, events: Sequence[DriftEvent]) -> list[dict[str, Any]]:
    from pricing_assets.definitions import defs
    from pricing_assets.defs import executions, metrics, models
    from pricing_assets.defs.partitions import SOURCE
    from pricing_assets.shell.instance import open_instance

    job = defs().resolve_job_def(models.RETRAINING)
    answers = []
    with open_instance(shell.settings) as instance, shell.progress.status("starting") as status:
        for number, event in enumerate(events, 1):
            status.update(f"[{number}/{len(events)}] {event.drift.model} for {event.id}: training and validating")
            run_id = str(uuid4())
            tags = {"pricing/event": event.id, **({models.RESUMES: event.root_run_id} if event.root_run_id else {})}
            done = _execute(job, instance, run_id, tags, models.config_of(event.id))
            executions.conclude(instance, shell.lake, run_id)
            metrics.write(instance, shell.lake, SOURCE, shell.settings, datetime.now(UTC))
            error = None if done else executions.first_error(instance, run_id)
            answers.append(_answer(_came_to(store, event, run_id), run_id, error))
    return answers


def _came_to(store: Store, before: DriftEvent, run_id: str) -> DriftEvent:
    """The event after a run for it; what another run made of it meanwhile is not said of one that was refused."""
    event = store.gate.event(before.id)
    is_own = event.root_run_id in {run_id, before.root_run_id}
    return event if is_own else replace(event, validated=None, outcome=None)


def _execute(
    job: dg.JobDefinition, instance: dg.DagsterInstance, run_id: str, tags: dict[str, str], config: dict[str, Any]
) -> bool:
    result = job.execute_in_process(
        run_config={**_QUIET, **config}, instance=instance, run_id=run_id, tags=tags, raise_on_error=False
    )
    return result.success


def _answer(event: DriftEvent, run_id: str, error: str | None) -> dict[str, Any]:
    outcome = event.outcome
    return {
        "id": event.id,
        "model": event.drift.model,
        "run_id": run_id,
        "outcome": outcome and outcome.result,
        "version": outcome.version if outcome else event.validated and event.validated.version,
        "reasons": list(outcome.reasons) if outcome else [],
        "error": error,
        "waits_for": event.promotion_needs if event.validated and not outcome else None,
    }


def _over(event: DriftEvent, said: Ended) -> dict[str, Any]:
    """The answer for an event that was over before: nothing is trained for it again."""
    run_id = str(event.root_run_id)
    return _answer(event, run_id, None) | {"over": said.says, "in_force": said.in_force}


def _words(answer: dict[str, Any]) -> list[str]:
    """What came of an event, for people."""
    if answer.get("over"):
        return [answer["over"]]
    name = f"{answer['id']}, {answer['model']}"
    if answer["outcome"]:
        told = {"promoted": "serves from the next run on", "kept": "does not serve", "failed": "failed"}
        version = f"version {answer['version']}" if answer["version"] else "the training"
        return [f"{name}: {version} {told[answer['outcome']]}", *(f"  {reason}" for reason in answer["reasons"])]
    if answer["error"]:
        return [f"{name}: {answer['error']}"]
    return [
        f"{name}: version {answer['version']} passed, and {answer['waits_for']}:"
        f" `pricing drift approve {answer['id']} --reason …`"
    ]
