"""Commands on drift events: list, show, approve, reject.

Here: people in, words out. Not here: what drifted (monitoring/), the gate an answer opens (governance/, models/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import key_of, look, open_store

if TYPE_CHECKING:
    from pricing_assets.governance import DriftEvent

_LIVE = ("open", "approved", "training", "validated")
_LINE = 100
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]00:00(:00)?")
"""Midnight, which is a date."""
_SHOWN = ("id", "state", "model", "champion", "metric", "segment", "opened", "expires", "reason")


def show_all(shell: Shell, *, everything: bool) -> None:
    """The events that wait for somebody or something, oldest first; with `everything` also those that are over."""
    now = datetime.now(UTC)
    rows = [_row(event, now) for event in look(shell).gate.events()]
    rows = [row for row in rows if everything or row["state"] in _LIVE]
    if not rows and not shell.json:
        shell.say("no drift event is open" + ("" if everything else "; --all shows those that are over"))
        return
    names = (*_SHOWN, "answered_by", "outcome") if everything else _SHOWN
    frame = pl.DataFrame([{name: row[name] for name in names} for row in rows], schema=dict.fromkeys(names, pl.String))
    shell.rows(frame, "drift events")


def show(shell: Shell, name: str) -> None:
    """One event: what was found, who answered, what came of it."""
    event = look(shell).gate.event(name)
    row = _row(event, datetime.now(UTC))
    shell.answer({**row, "evidence": dict(event.drift.evidence)})
    shell.say(f"{event.id}: {event.drift}; {row['state']}")
    shell.say(f"  opened {row['opened']} by {event.opened_by}: {event.reason}")
    for what, value in event.drift.evidence.items():
        shell.say(f"  {what}: {_short(value)}")
    for line in _story(event):
        shell.say(f"  {line}")
    if row["state"] == "open":
        shell.say(f"  `pricing drift approve {event.id} --reason …` trains a challenger; it expires {row['expires']}")


def answer(shell: Shell, name: str, said: Literal["approve", "reject"], reason: str) -> None:
    """Answers an event: whether to train or, where a challenger waits for a second person, whether to promote it."""
    store = open_store(shell)
    event = store.gate.event(name)
    if event.outcome:
        raise PricingError(
            f"{event.id} is over: {event.outcome.result} on {_when(event.outcome.at)}", "nothing is left to decide"
        )
    subject = event.promotion_subject if event.promotion_asked else event.subject
    done = store.decide(shell.by, subject, said, reason, key_of("decide", subject, said, shell.by, reason))
    shell.answer({"id": event.id, "subject": subject, "answer": done.kind, "by": done.actor, "sequence": done.seq})
    shell.say(f"{event.id} is {done.kind}, on the word of {shell.by}: {reason}")
    shell.say(f"  {_effect(event, said)}")


def _effect(event: DriftEvent, said: str) -> str:
    if said == "reject":
        return (
            "the champion stays" if event.validated else "nothing is trained; the same drift asks again once it expired"
        )
    if event.validated:
        return (
            f"version {event.validated.version} serves once the sensor, or `pricing models promote {event.id}`, saw it"
        )
    return f"Dagster's sensor starts the training; where none runs, `pricing models retrain {event.id}` does it here"


def _story(event: DriftEvent) -> list[str]:
    """What happened since, a line per fact."""
    told = []
    if event.answered:
        word = "approved" if event.answered.approved else "rejected"
        told.append(f"{word} {_when(event.answered.at)} by {event.answered.by}: {event.answered.reason}")
    if event.root_run_id and event.claimed_at:
        told.append(f"claimed {_when(event.claimed_at)} by run {event.root_run_id}")
    if event.validated:
        hashes = f"model {event.validated.artifact_hash[:12]}, report {event.validated.report_hash[:12]}"
        told.append(f"version {event.validated.version} was trained and validated: {hashes}")
    if event.taken_back:
        told.append(f"{event.taken_back}; to let them serve again, give `pricing models promote` a reason")
    if event.outcome:
        told.append(f"{event.outcome.result} {_when(event.outcome.at)}: {'; '.join(event.outcome.reasons)}")
    return told


def _row(event: DriftEvent, now: datetime) -> dict[str, Any]:
    return {
        "id": event.id,
        "state": event.state(now),
        "model": event.drift.model,
        "champion": "none" if event.drift.champion is None else str(event.drift.champion),
        "metric": event.drift.metric,
        "segment": event.drift.segment,
        "opened": _when(event.opened_at),
        "expires": _when(event.expires),
        "reason": event.reason,
        "answered_by": event.answered and event.answered.by,
        "root_run_id": event.root_run_id,
        "version": event.validated and event.validated.version,
        "report_hash": event.validated and event.validated.report_hash,
        "outcome": event.outcome and event.outcome.result,
        "outcome_reasons": list(event.outcome.reasons) if event.outcome else None,
    }


def _short(value: Any) -> str:
    """Evidence on a line: lists counted, figures short, of long text its beginning."""
    if isinstance(value, (list, tuple)):
        return f"{counted(len(value), 'row')} (--json prints them)"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(each)}" for name, each in value.items())
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = value[:10]
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LINE else f"{text[:_LINE]} … (--json prints all of it)"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
