"""A drift event that is over: what came of it, and which version serves today.

Here: the words, and whether what was promoted still serves. Not here: the commands that ask (modelling.py,
retraining.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pricing_assets.governance import Champion, DriftEvent, Store
    from pricing_assets.governance.drift_records import Outcome


class Ended(NamedTuple):
    """A sentence on an event that is over, the version in force, and whether it is the event's own."""

    says: str
    in_force: int | None
    serves: bool


def ended(store: Store, event: DriftEvent) -> Ended | None:
    """What is true of an event that is over today; None of one that is not."""
    outcome = event.outcome
    if outcome is None:
        return None
    history = [each for each in store.gate.champion_history() if each.model == event.drift.model]
    champion = history[-1] if history else None
    serves = outcome.result == "promoted" and champion is not None and champion.version == outcome.version
    present = _present(event, champion, history, still=serves or outcome.result != "promoted")
    return Ended(f"{event.id} is over: {_past(outcome)}; {present}", champion.version if champion else None, serves)


def _past(outcome: Outcome) -> str:
    when = f"on {outcome.at:%Y-%m-%d %H:%M} UTC"
    if outcome.result == "promoted":
        return f"version {outcome.version} was promoted {when}"
    what = f"version {outcome.version} was not promoted" if outcome.result == "kept" else "its retraining failed"
    return f"{what} {when} ({'; '.join(outcome.reasons)})"


def _present(event: DriftEvent, champion: Champion | None, history: list[Champion], *, still: bool) -> str:
    if champion is None:
        return f"no version of {event.drift.model} serves"
    serves = f"{champion.model}/{champion.version} serves"
    if champion.event_id == event.id and still:
        return f"{serves} still"
    if champion.version in [each.version for each in history[:-1]]:  # only a rollback brings a version back
        return f"{serves} now, rolled back {champion.at:%Y-%m-%d %H:%M} UTC by {champion.by}: {champion.reason}"
    return f"{serves} {'still' if still else f'now, promoted for {champion.event_id}'}"
