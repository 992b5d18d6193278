"""What people decided about strategies: activate, roll back, deactivate, look up.

Here: the operations, each one transaction with its event and its audit row. Not here: databases (database.py), what
makes a text a strategy (handed in as a Language).

Every operation carries an idempotency key. The same key with the same request returns the earlier result and does
nothing; with another request it is refused. Source of the pattern: IETF draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger
from pricing_assets.governance.database import Database
from pricing_assets.governance.ledger import ACTIVATED, DEACTIVATED, ROLLED_BACK, Request
from pricing_assets.governance.records import ActiveStrategy, Draft, Event, Language

if TYPE_CHECKING:
    import sqlalchemy as sa


class Store:
    """The governance store. Opened by `governance.open_store`; safe to share between threads."""

    def __init__(self, database: Database, language: Language | None) -> None:
        self._database = database
        self._given = language

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
            return ledger.strategy_of(connection, event)

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
                text = ledger.previous_text(connection, name)
                draft = self._language.parse(text, f"{name}, its previous version")
                event = self._put(connection, request, ROLLED_BACK, draft)
            return ledger.strategy_of(connection, event)

    def deactivate(self, name: str, by: str, reason: str, key: str, expected_version: int | None = None) -> Event:
        """Takes a strategy out of force; its history stays. Raises PricingError where it is not active."""
        request = Request("deactivate", name, by, reason, key, expected_version)
        with self._database.writing() as connection:
            earlier = ledger.earlier(connection, request)
            if earlier:
                return earlier
            last = ledger.latest(connection, name)
            ledger.expect(request, last)
            if last is None or last.kind == DEACTIVATED:
                raise PricingError(f"strategy {name} is not active", "see `pricing strategy list`")
            return ledger.append(connection, request, DEACTIVATED, {}, last)

    def ensure_default(self) -> ActiveStrategy | None:
        """At the first start, activates the packaged default as `system`; afterwards does nothing and returns None."""
        with self._database.reading() as connection:
            if ledger.any_strategy(connection):
                return None
        draft = self._language.parse(self._language.packaged_default(), "default.yaml")
        request = Request("ensure_default", draft.name, "system", "first start", "ensure-default", 0, draft.hash)
        with self._database.writing() as connection:
            if ledger.any_strategy(connection):
                return None
            return ledger.strategy_of(connection, self._put(connection, request, ACTIVATED, draft))

    def active(self) -> list[ActiveStrategy]:
        """The strategies in force: highest priority first, then by name."""
        with self._database.reading() as connection:
            return ledger.active(connection)

    def history(self, name: str) -> list[Event]:
        """Every event of a strategy, oldest first; empty where there never was one."""
        with self._database.reading() as connection:
            return ledger.history(connection, name)

    def text(self, text_hash: str) -> str:
        """The text with this SHA-256. Raises PricingError where the store never saw it."""
        with self._database.reading() as connection:
            return ledger.text_of(connection, text_hash)

    def audit(self) -> list[dict[str, Any]]:
        """The audit log, oldest first: seq, event_seq, subject, actor, action, before, after, recorded_at (UTC)."""
        with self._database.reading() as connection:
            return ledger.audit(connection)

    @property
    def _language(self) -> Language:
        if self._given is None:
            raise TypeError("this store was opened to look only: open_store(url, language=pricing_assets.strategies)")
        return self._given

    def _put(self, connection: sa.Connection, request: Request, kind: str, draft: Draft) -> Event:
        last = ledger.latest(connection, draft.name)
        ledger.expect(request, last)
        others = {active.name: active.text for active in ledger.active(connection) if active.name != draft.name}
        clashes = self._language.clashes(draft.text, others)
        if clashes:
            raise PricingError(
                f"strategy {draft.name} cannot be activated: {'; '.join(clashes)}",
                "give one a higher priority, narrow a scope or part their active windows",
            )
        ledger.keep_text(connection, draft.hash, draft.text)
        return ledger.append(connection, request, kind, {"hash": draft.hash, "priority": draft.priority}, last)
