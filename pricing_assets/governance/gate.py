"""The human gate: no training without a live approval, no promotion without a recorded report.

Here: each step from a drift event to a new champion, one transaction with its audit row, so that of two runs or people
at once one wins; each done twice has one effect, so that a run killed anywhere goes on where it stopped. Not here:
answering (Store.decide), training and what a report must say (models/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, get_args

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import approvals, champions, drift_events, ledger
from pricing_assets.governance.database import Database
from pricing_assets.governance.drift_records import (
    Answered,
    Approval,
    Champion,
    Drift,
    DriftEvent,
    Outcome,
    Result,
    Validated,
)
from pricing_assets.governance.ledger import Request

SYSTEM = "system"


class Opened(NamedTuple):
    """A drift event, and whether it was opened just now or stood before."""

    event: DriftEvent
    new: bool


class Gate:
    """The gate of one governance store: `Store.gate`. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, drift: Drift, reason: str, lasting: timedelta, by: str = SYSTEM) -> Opened:
        """Opens an event for a person to decide, or returns the one that stands for this metric, segment and champion.

        An event stands until it expires, whatever was answered, so the same drift asks once.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            name, new = drift_events.open_or_standing(
                connection, drift, by=by, reason=reason, expires=now + lasting, now=now
            )
            return Opened(_read(connection, name), new)

    def events(self) -> list[DriftEvent]:
        """Every drift event, oldest first."""
        with self._database.reading() as connection:
            found = champions.all_in_force(connection)
            events = [_asked(connection, event) for event in drift_events.everything(connection)]
            return [_with(event, found.get(event.drift.model)) for event in events]

    def event(self, name: str) -> DriftEvent:
        """A drift event by its id. Raises PricingError where there is none."""
        with self._database.reading() as connection:
            return _read(connection, drift_events.identity(name))

    def lapsed(self) -> list[DriftEvent]:
        """Events whose promotion nobody answered in time, and whose outcome is not on record yet."""
        now = datetime.now(UTC)
        return [event for event in self.events() if event.promotion_expires and now >= event.promotion_expires]

    def approved_since(self, sequence: int) -> Sequence[Approval]:
        """What a sensor acts on after a sequence number, in order: 0 for everything; the last one's is the next cursor.

        Trainings that were approved, and promotions that a second person approved or rejected.
        """
        with self._database.reading() as connection:
            return drift_events.approvals_since(connection, sequence)

    def claim(self, name: str, root_run_id: str) -> DriftEvent:
        """Reads the approval again and takes it for one training, known by its root run: a retry of it goes on.

        Raises PricingError where the approval is absent, rejected, expired, or consumed by another run, and where the
        champion it is about is no longer in force.
        """
        name = drift_events.identity(name)
        request = Request("claim", name, SYSTEM, f"run {root_run_id} trains", f"claim {name} {root_run_id}")
        with self._database.writing() as connection:
            model = drift_events.one(connection, name).drift.model
            version = champions.version_in_force(connection, model)
            drift_events.claim(connection, request, root_run_id, datetime.now(UTC), version)
            return _read(connection, name)

    def record_validation(self, name: str, root_run_id: str, validated: Validated) -> DriftEvent:
        """Puts the challenger and the hash of its report on record; only this report is believed afterwards."""
        body = ledger.dumps([root_run_id, *vars(validated).values()])
        why = f"version {validated.version} was validated"
        request = Request("validate", name, SYSTEM, why, f"validate {name}", body=body)
        with self._database.writing() as connection:
            event = drift_events.claimed_by(connection, name, root_run_id)
            if event.validated is None:
                _refuse_ended(event)
                drift_events.append(connection, request, drift_events.VALIDATED, vars(validated))
            elif event.validated != validated:
                raise PricingError(
                    f"{name}: version {event.validated.version} is on record with report"
                    f" {event.validated.report_hash[:12]}, not {validated.version} with {validated.report_hash[:12]}",
                    "a claim validates one challenger once",
                )
            return _read(connection, name)

    def propose_promotion(self, name: str, lasting: timedelta, *, second_approval: bool = True) -> None:
        """Asks whether the challenger may serve: where two must agree, another person than approved the training.

        Alone, anyone may answer why files that were rolled back shall serve again.
        """
        with self._database.writing() as connection:
            event = _asked(connection, drift_events.one(connection, name))
            if event.validated is None or event.answered is None:
                raise PricingError(f"{name}: no challenger is validated yet", "`pricing drift list` shows its state")
            if ledger.latest(connection, event.promotion_subject) is None:
                others = [event.answered.by] if second_approval else []
                said = {"event": name, **vars(event.validated), approvals.NOT_BY: others}
                why = f"version {event.validated.version} passed validation"
                why += f"; {event.taken_back}" if event.taken_back else ""
                request = Request("propose", event.promotion_subject, SYSTEM, why, f"propose {name} promotion")
                approvals.propose(connection, request, said, datetime.now(UTC) + lasting)

    def second_answer(self, name: str) -> Answered | None:
        """What the second person said of the promotion; None while nobody did. Raises PricingError once it expired."""
        with self._database.reading() as connection:
            return _second(connection, drift_events.one(connection, name), datetime.now(UTC))

    def promote(self, name: str, root_run_id: str, validated: Validated, *, second_approval: bool) -> Champion:
        """Puts a validated challenger in force, once; a later rollback is not undone by doing it again.

        Raises PricingError where this run has no claim, another challenger or report is on record, the champion it was
        compared with is no longer in force, the outcome is recorded already, or a person must still agree: where
        `second_approval` says so, where one was asked, and where the very files were rolled back.
        """
        with self._database.writing() as connection:
            event = _asked(connection, drift_events.claimed_by(connection, name, root_run_id))
            model, approved = event.drift.model, event.answered
            why = f"{name}, approved by {approved.by}: {approved.reason}" if approved else name
            request = Request("promote", model, SYSTEM, why, f"promote {name}", body=ledger.dumps(vars(validated)))
            if ledger.earlier(connection, request) is None:
                _refuse_ended(event)
                _refuse_other(event, validated)
                _refuse_moved(event, champions.version_in_force(connection, model))
                if second_approval or event.promotion_asked or event.taken_back:
                    _refuse_alone(connection, event, second_approval=second_approval)
                champions.promote(connection, request, {**vars(validated), "event": name})
            found = champions.in_force(connection, model)
            assert found is not None
            return found

    def record_outcome(
        self,
        name: str,
        root_run_id: str,
        result: Result,
        reasons: Sequence[str],
        *,
        version: int | None = None,
        report_hash: str | None = None,
    ) -> Outcome:
        """Ends an event: the approval is consumed. The same outcome again has no effect; another one is refused.

        Raises PricingError where this run has not claimed the event, and for `promoted` where nothing was promoted.
        """
        if result not in get_args(Result):
            raise PricingError(f"{result}: is no outcome", f"use one of {', '.join(get_args(Result))}")
        said = {"result": result, "version": version, "report_hash": report_hash, "reasons": list(reasons)}
        why = "; ".join(reasons) or result
        request = Request("outcome", name, SYSTEM, why, f"outcome {name}", body=ledger.dumps([root_run_id, said]))
        with self._database.writing() as connection:
            event = drift_events.claimed_by(connection, name, root_run_id)
            if ledger.earlier(connection, request) is None:
                _refuse_untrue(connection, event, result, version)
                drift_events.append(connection, request, drift_events.ENDED, said)
            ended = drift_events.one(connection, name).outcome
            assert ended is not None
            return ended

    def lapse(self, name: str) -> Outcome:
        """Ends an event whose promotion nobody answered in time: `kept`, with the reason.

        Raises PricingError where it was answered, may be answered still, or is over.
        """
        event = self.event(name)
        try:
            self.second_answer(name)
        except PricingError as expired:
            if event.validated is None or event.root_run_id is None:
                raise
            version, report_hash = event.validated.version, event.validated.report_hash
            return self.record_outcome(
                name, event.root_run_id, "kept", [expired.what], version=version, report_hash=report_hash
            )
        raise PricingError(f"{name}: its promotion has not expired", f"see `pricing drift show {name}`")

    def champion(self, model: str) -> Champion | None:
        """The champion in force; None before the first promotion."""
        with self._database.reading() as connection:
            return champions.in_force(connection, model)

    def champions(self) -> dict[str, Champion]:
        """Model → its champion in force."""
        with self._database.reading() as connection:
            return champions.all_in_force(connection)

    def champion_history(self) -> list[Champion]:
        """Every champion of every model there was, in the order they came in force."""
        with self._database.reading() as connection:
            return champions.history(connection)

    def champions_kept(self, model: str) -> list[Champion]:
        """The champion in force and those before it that no rollback took back, newest first."""
        with self._database.reading() as connection:
            return champions.kept(connection, model)

    def before(self, model: str) -> Champion:
        """The champion a rollback would put in force. Raises PricingError where there is none."""
        with self._database.reading() as connection:
            return champions.before(connection, model)

    def rolled_back(
        self, model: str, by: str, reason: str, key: str, expected_version: int | None = None
    ) -> Champion | None:
        """The champion in force where this very rollback is on record; None where it is new."""
        request = Request("roll_back", model, by, reason, key, expected_version)
        with self._database.reading() as connection:
            return champions.in_force(connection, model) if ledger.earlier(connection, request) else None

    def roll_back(self, model: str, by: str, reason: str, key: str, expected_version: int | None = None) -> Champion:
        """Puts the champion before the present one in force again, on a person's word.

        `expected_version` is the Champion.revision the caller looked at. Raises PricingError where none was before.
        """
        request = Request("roll_back", model, by, reason, key, expected_version)
        with self._database.writing() as connection:
            if ledger.earlier(connection, request) is None:
                champions.roll_back(connection, request)
            found = champions.in_force(connection, model)
            assert found is not None
            return found


def _read(connection: sa.Connection, name: str) -> DriftEvent:
    event = drift_events.one(connection, name)
    return _with(_asked(connection, event), champions.in_force(connection, event.drift.model))


def _asked(connection: sa.Connection, event: DriftEvent) -> DriftEvent:
    """With what a promotion of it would need; of an event that is over, or has no challenger, nothing."""
    if event.validated is None or event.outcome:
        return event
    last = ledger.latest(connection, event.promotion_subject)
    is_open = last is not None and last.kind == approvals.PROPOSED
    return replace(
        event,
        promotion_asked=last is not None,
        promotion_expires=datetime.fromisoformat(last.payload["expires"]) if last and is_open else None,
        taken_back=champions.taken_back(connection, event.drift.model, event.validated.artifact_hash, event.id),
    )


def _with(event: DriftEvent, champion: Champion | None) -> DriftEvent:
    return replace(event, in_force=champion.version if champion else None)


def _second(connection: sa.Connection, event: DriftEvent, now: datetime) -> Answered | None:
    history = ledger.history(connection, event.promotion_subject)
    if not history:
        return None
    if history[-1].kind != approvals.PROPOSED:
        return drift_events.answered(history[-1])
    if now >= datetime.fromisoformat(history[0].payload["expires"]):
        raise PricingError(
            f"{event.id}: nobody agreed to the promotion before {history[0].payload['expires']}",
            "the champion stays; if it still drifts, the next monitoring opens a new event",
        )
    return None


def _refuse_alone(connection: sa.Connection, event: DriftEvent, *, second_approval: bool) -> None:
    """Refuses a promotion nobody else agreed to, of this challenger with this report, since its files were rolled back.

    Where two must agree, the second is another person than approved the training.
    """
    answer = _second(connection, event, datetime.now(UTC))
    if answer is None or not answer.approved:
        said = f"{answer.by} said no: {answer.reason}" if answer else "nobody answered it"
        what = "a second approval" if event.taken_back is None else f"a new reason, as {event.taken_back}"
        raise PricingError(f"{event.id}: its promotion needs {what}: {said}", "the champion stays")
    if event.taken_back and answer.sequence < event.taken_back.sequence:
        raise PricingError(f"{event.id}: {answer.by} agreed before {event.taken_back}", "the champion stays")
    asked = ledger.history(connection, event.promotion_subject)[0].payload["payload"]
    agreed = event.validated is not None and {**asked, **vars(event.validated)} == asked
    first = [event.answered.by] if event.answered and second_approval else []
    if not agreed or answer.by in {*first, *asked.get(approvals.NOT_BY, ())}:
        raise PricingError(
            f"{event.id}: its promotion needs the approval of another person than {answer.by}, of this very report",
            "the champion stays",
        )


def _refuse_other(event: DriftEvent, validated: Validated) -> None:
    if event.validated != validated:
        found = f"report {event.validated.report_hash[:12]}" if event.validated else "no report"
        raise PricingError(
            f"{event.id}: version {validated.version} with report {validated.report_hash[:12]} is not what is on"
            f" record: {found}",
            "only what was validated is promoted; the champion stays",
        )


def _refuse_moved(event: DriftEvent, in_force: int | None) -> None:
    if in_force != event.drift.champion:
        raise PricingError(
            f"{event.id}: version {in_force} of {event.drift.model} is in force now, and the challenger was compared"
            f" with {event.drift.champion}",
            "the champion stays; if it drifts, an event of its own says so",
        )


def _refuse_ended(event: DriftEvent) -> None:
    if event.outcome:
        raise PricingError(
            f"{event.id} is consumed: it ended on {event.outcome.at:%Y-%m-%d %H:%M} UTC, {event.outcome.result}",
            "an approval is used once; wait for the next drift event",
        )


def _refuse_untrue(connection: sa.Connection, event: DriftEvent, result: Result, version: int | None) -> None:
    """Refuses `promoted` of what was not, and any other outcome of what was."""
    _refuse_ended(event)
    history = ledger.history(connection, champions.STREAM + event.drift.model)
    promoted = [each.payload["version"] for each in history if each.payload["event"] == event.id]
    if (result == "promoted") != bool(promoted) or (promoted and promoted[0] != version):
        said = f"version {promoted[0]} was promoted" if promoted else "nothing was promoted"
        raise PricingError(f"{event.id}: {result} is not what happened: {said}", "record the outcome as it was")
