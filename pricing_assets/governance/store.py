"""What people decide: strategies activated and taken back, overrides set and ended, proposals answered; and looking up.

Here: the operations, each one transaction with its event and its audit row. Not here: databases (database.py), what
makes a text a strategy (handed in as a Language), what the events come to (activations, overrides, shadows,
approvals), the way from a drift event to a new champion (gate.py), prices put to people (desk.py).

Every operation carries an idempotency key. The same key with the same request returns the earlier result and does
nothing; with another request it is refused. Source of the pattern: IETF draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pricing_assets.errors import PricingError
from pricing_assets.governance import activations, approvals, ledger, overrides, retention, rollbacks, shadows
from pricing_assets.governance.activations import ACTIVATED, DEACTIVATED, ROLLED_BACK, STREAM
from pricing_assets.governance.approvals import Answer
from pricing_assets.governance.database import Database
from pricing_assets.governance.desk import Desk
from pricing_assets.governance.gate import Gate
from pricing_assets.governance.lateness import Lateness
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import (
    ActiveStrategy,
    Draft,
    Event,
    Language,
    Override,
    OverrideKind,
    Scope,
    Shadow,
)

if TYPE_CHECKING:
    import sqlalchemy as sa


class Store:
    """The governance store. Opened by `governance.open_store`; safe to share between threads."""

    def __init__(self, database: Database, language: Language | None) -> None:
        self._database = database
        self._given = language
        self.gate = Gate(database)
        """From drift events to new champions."""
        self.desk = Desk(database)
        """Prices put to people, and the autonomy that follows from their answers."""
        self.lateness = Lateness(database)
        """Days that did not stand when they were due."""

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._database.close()

    def activate(
        self, text: str, by: str, reason: str, key: str, expected_version: int | None = None, *, origin: str = "<draft>"
    ) -> ActiveStrategy:
        """Makes a text the active version of the strategy it names.

        `expected_version` is the version the caller looked at (0 where there was none), `origin` names the text in
        messages. Raises PricingError where the text has faults, would claim what another active strategy claims, or
        somebody was faster.
        """
        draft = self._language.parse(text, origin)
        request = Request("activate", draft.name, by, reason, key, expected_version, draft.hash)
        with self._database.writing() as connection:
            event = ledger.earlier(connection, request) or self._put(connection, request, ACTIVATED, draft)
            return activations.strategy_of(connection, event)

    def rollback(
        self, name: str, by: str, reason: str, key: str, expected_version: int | None = None
    ) -> ActiveStrategy:
        """Makes the text that was active before the present one active again, as a new version.

        After a deactivation that is the text deactivated. Raises PricingError where there is no earlier text.
        """
        request = Request("rollback", name, by, reason, key, expected_version)
        with self._database.writing() as connection:
            event = ledger.earlier(connection, request)
            if event is None:
                text = activations.previous_text(connection, name)
                draft = self._language.parse(text, f"{name}, its previous version")
                event = self._put(connection, request, ROLLED_BACK, draft)
            return activations.strategy_of(connection, event)

    def deactivate(self, name: str, by: str, reason: str, key: str, expected_version: int | None = None) -> Event:
        """Takes a strategy out of force; its history stays. Raises PricingError where it is not active."""
        request = Request("deactivate", name, by, reason, key, expected_version)
        with self._database.writing() as connection:
            earlier = ledger.earlier(connection, request)
            if earlier:
                return earlier
            last = ledger.latest(connection, STREAM + name)
            ledger.expect(request, STREAM + name, last)
            if last is None or last.kind == DEACTIVATED:
                raise PricingError(f"strategy {name} is not active", "see `pricing strategy list`")
            return ledger.append(connection, STREAM + name, request, DEACTIVATED, {}, after=last)

    def ensure_default(self) -> ActiveStrategy | None:
        """At the first start, activates the packaged default as `system`; afterwards does nothing and returns None."""
        with self._database.reading() as connection:
            if activations.any_strategy(connection):
                return None
        draft = self._language.parse(self._language.packaged_default(), "default.yaml")
        request = Request("ensure_default", draft.name, "system", "first start", activations.ENSURED, 0, draft.hash)
        with self._database.writing() as connection:
            if activations.any_strategy(connection):
                return None
            return activations.strategy_of(connection, self._put(connection, request, ACTIVATED, draft))

    def set_override(
        self, kind: OverrideKind, scope: Scope, days: tuple[date, date], *, by: str, reason: str, key: str, today: date
    ) -> Override:
        """Puts an override before the strategies from the first to the last effective day, both inclusive.

        `today` is the first effective day that may still be priced. Raises PricingError where the override ends before
        it begins or lies wholly before `today`.
        """
        said = overrides.terms(kind, scope, *days)
        request = Request("set", kind, by, reason, key, body=ledger.dumps(said))
        with self._database.writing() as connection:
            event = ledger.earlier(connection, request) or overrides.put(connection, request, said, today)
            return overrides.folded([event])[0]

    def end_override(self, name: str, by: str, reason: str, key: str, expected_version: int | None = None) -> Override:
        """Takes an override out of force for every run that starts from now on.

        Raises PricingError where none has this id, and where somebody ended it before: it names who.
        """
        request = Request("end", overrides.identity(name), by, reason, key, expected_version)
        with self._database.writing() as connection:
            if ledger.earlier(connection, request) is None:
                overrides.end(connection, request)
            return overrides.one(connection, request.name)

    def overrides(self, known_to: int | None = None) -> list[Override]:
        """Every override ever set, oldest first; as of an event, where its number is given."""
        with self._database.reading() as connection:
            events = ledger.events(connection, overrides.STREAM)
        return overrides.folded(event for event in events if known_to is None or event.seq <= known_to)

    def set_shadow(
        self, text: str, by: str, reason: str, key: str, expected_version: int | None = None, *, origin: str = "<draft>"
    ) -> Shadow:
        """Lets a draft decide beside the strategies in force, never published, from the next run on.

        Raises PricingError where the text has faults or would claim what another strategy in force claims.
        """
        draft = self._language.parse(text, origin)
        request = Request("shadow", draft.name, by, reason, key, expected_version, draft.hash)
        with self._database.writing() as connection:
            earlier = ledger.earlier(connection, request)
            event = earlier or shadows.put(connection, request, draft, self._language)
            return shadows.shadow_of(connection, event)

    def end_shadow(self, name: str, by: str, reason: str, key: str, expected_version: int | None = None) -> Event:
        """Lets a shadow decide no more; what it decided stays. Raises PricingError where none has this name."""
        request = Request("unshadow", name, by, reason, key, expected_version)
        with self._database.writing() as connection:
            return ledger.earlier(connection, request) or shadows.end(connection, request)

    def shadow_history(self, name: str) -> list[Event]:
        """Every event of a shadow, oldest first; empty where there never was one."""
        with self._database.reading() as connection:
            return ledger.history(connection, shadows.STREAM + name)

    def shadows(self, known_to: int | None = None) -> list[Shadow]:
        """The drafts that decide beside the strategies in force, by name; as of an event, where its number is given."""
        with self._database.reading() as connection:
            return shadows.shadows(connection, known_to)

    def return_prices(self, said: Mapping[str, Any], by: str, reason: str, key: str) -> str:
        """Records that somebody returns prices to their former ones; the id of the rollback, e.g. RB-000012."""
        request = Request("return_prices", "prices", by, reason, key, body=ledger.dumps(dict(said)))
        with self._database.writing() as connection:
            event = ledger.earlier(connection, request) or rollbacks.put(connection, request, dict(said))
            return event.stream.removeprefix(rollbacks.STREAM)

    def propose(
        self, subject: str, payload: Mapping[str, Any], expires: datetime, *, reason: str, key: str, by: str = "system"
    ) -> Event:
        """Opens a subject (`approval:…`, `review:…`) for one person to decide before it expires."""
        body = ledger.dumps([dict(payload), expires.isoformat()])
        request = Request("propose", approvals.checked_subject(subject), by, reason, key, body=body)
        with self._database.writing() as connection:
            return ledger.earlier(connection, request) or approvals.propose(connection, request, payload, expires)

    def decide(
        self,
        actor: str,
        subject: str,
        answer: Answer,
        reason: str,
        idempotency_key: str,
        *,
        amendment: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
    ) -> Event:
        """Answers a proposal. The one way to approve, reject or amend, for shell, console and API.

        Raises PricingError for a subject answered before, whatever the answer (it names who decided), one never
        proposed, and one that expired.
        """
        body = ledger.dumps([approvals.checked_answer(answer, amendment), amendment])
        name = approvals.checked_subject(subject)
        request = Request("decide", name, actor, reason, idempotency_key, expected_version, body)
        with self._database.writing() as connection:
            earlier = ledger.earlier(connection, request)
            return earlier or approvals.decide(connection, request, answer, amendment, datetime.now(UTC))

    def active(self, known_to: int | None = None) -> list[ActiveStrategy]:
        """The strategies in force, now or as of an event (its number): highest priority first, then by name."""
        with self._database.reading() as connection:
            return activations.active(connection, known_to)

    def history(self, name: str) -> list[Event]:
        """Every event of a strategy, oldest first; empty where there never was one."""
        with self._database.reading() as connection:
            return ledger.history(connection, STREAM + name)

    def text(self, text_hash: str) -> str:
        """The text with this SHA-256. Raises PricingError where the store never saw it."""
        with self._database.reading() as connection:
            return activations.text_of(connection, text_hash)

    def newest(self) -> int:
        """The number of the last event recorded, 0 where there is none."""
        with self._database.reading() as connection:
            return ledger.newest(connection)

    def word(self, number: int) -> str:
        """What an event was, in words that tell it from another of its number; empty where there is none."""
        with self._database.reading() as connection:
            event = ledger.numbered(connection, number)
        return f"{event.stream} v{event.version} {event.kind} by {event.actor}" if event else ""

    def events(self) -> list[Event]:
        """Everything recorded, oldest first."""
        with self._database.reading() as connection:
            return ledger.events(connection)

    def audit(self) -> list[dict[str, Any]]:
        """The audit log, oldest first: seq, event_seq, subject, actor, action, before, after, recorded_at (UTC)."""
        with self._database.reading() as connection:
            return ledger.audit(connection)

    def audit_before(self, before: datetime) -> int:
        """How many audit rows were recorded before a moment."""
        with self._database.reading() as connection:
            return retention.count(connection, before)

    def expire_audit(self, before: datetime, *, by: str, reason: str, key: str) -> int:
        """Removes the audit rows recorded before a moment, under an event that says so; returns how many."""
        request = Request("expire_audit", "audit", by, reason, key, body=before.isoformat())
        with self._database.writing() as connection:
            return 0 if ledger.earlier(connection, request) else retention.expire(connection, request, before)

    @property
    def _language(self) -> Language:
        if self._given is None:
            raise TypeError("this store was opened to look only: open_store(url, language=pricing_assets.strategies)")
        return self._given

    def _put(self, connection: sa.Connection, request: Request, kind: str, draft: Draft) -> Event:
        last = ledger.latest(connection, STREAM + draft.name)
        ledger.expect(request, STREAM + draft.name, last)
        others = {active.name: active.text for active in activations.active(connection) if active.name != draft.name}
        clashes = self._language.clashes(draft.text, others)
        if clashes:
            raise PricingError(
                f"strategy {draft.name} cannot be activated: {'; '.join(clashes)}",
                "give one a higher priority, narrow a scope or part their active windows",
            )
        activations.keep_text(connection, draft.hash, draft.text)
        payload = {"hash": draft.hash, "priority": draft.priority}
        return ledger.append(connection, STREAM + draft.name, request, kind, payload, after=last)
