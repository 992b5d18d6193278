"""Autonomy tightened and loosened, scope by scope, as events of the ledger.

Here: what the events come to, what people's verdicts tighten by themselves, and what a person must show to loosen. Not
here: the judgement of verdicts (learning.py), what a row then comes to (pricing/autonomy).

Tightening needs nobody; loosening needs a person, a scope whose blind verdicts hold what the new threshold claims, and
a gain over the prices held out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger, learning, reviews
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.learning import Rate, Raised, Verdict
from pricing_assets.governance.records import Event
from pricing_assets.governance.review_records import MODES, AutonomyScope, Mode, Tightening

STREAM = "autonomy:"
TIGHTENED, LOOSENED = "autonomy_tightened", "autonomy_loosened"
SYSTEM = "system"
LEAST_CLUSTERS = 20
"""Clusters of a hold-out under which its figure says too little."""


@dataclass(frozen=True)
class HoldOut:
    """What decided prices earned more than prices held out: a share of profit, its likely range, and of how many."""

    clusters: int
    gain: float
    low: float
    high: float


def in_force(events: Iterable[Event], known_by: datetime | None = None) -> list[Tightening]:
    """The last word on each scope, by scope; as it was at a moment, where one is given."""
    found: dict[AutonomyScope, Tightening] = {}
    for event in events:
        if event.kind in (TIGHTENED, LOOSENED) and (known_by is None or event.recorded_at <= known_by):
            scope = AutonomyScope.of_stream(event.stream)
            found[scope] = _tightening(scope, event)
    return [found[scope] for scope in sorted(found, key=str)]


def _tightening(scope: AutonomyScope, event: Event) -> Tightening:
    said = event.payload
    return Tightening(
        scope=scope,
        mode=said["mode"],
        threshold=said["threshold"],
        by=event.actor,
        at=event.recorded_at,
        reason=event.reason,
        since=event.seq,
        loosened=event.kind == LOOSENED,
        evidence=said["evidence"],
    )


def everything(connection: sa.Connection) -> list[Tightening]:
    """The last word on each scope."""
    return in_force(ledger.events(connection, STREAM))


def since(known: Sequence[Verdict], word: Tightening | None, *, loosened: bool) -> list[Verdict]:
    """The verdicts after the last word on their scope, where that word loosened it (or tightened it, as asked)."""
    counts = word is not None and word.loosened == loosened
    return [each for each in known if not counts or (word is not None and each.sequence > word.since)]


def learn(connection: sa.Connection, scopes: Iterable[AutonomyScope]) -> list[Tightening]:
    """Tightens those scopes whose verdicts refute their threshold, as the platform; each with its evidence."""
    wanted = set(scopes)
    known = learning.verdicts(each for each in reviews.everything(connection) if each.proposal.scope in wanted)
    words = {each.scope: each for each in everything(connection)}
    made = []
    for scope in sorted(wanted, key=str):
        word = words.get(scope)
        mine = since([each for each in known if each.scope == scope], word, loosened=True)
        thresholds = [each.threshold for each in mine if each.threshold is not None]
        start = word.threshold if word and word.threshold is not None else min(thresholds, default=None)
        if start is None or (word and word.mode == "manual"):
            continue
        if raised := learning.raised(mine, start):
            made.append(_raise(connection, scope, word, raised))
    return made


def _raise(connection: sa.Connection, scope: AutonomyScope, word: Tightening | None, raised: Raised) -> Tightening:
    counts = raised.rate
    does = "manual" if raised.mode == "manual" else f"semi-auto, threshold {raised.threshold:g}"
    reason = (
        f"people approved {counts.approved} of {counts.approved + counts.rejected} prices of confidence"
        f" {raised.refuted:g} and more: a rate of {counts.low:.0%} to {counts.high:.0%}, not {raised.refuted:.0%}: {does}"
    )
    mode = learning.stricter(raised.mode, word.mode if word else None)
    last = ledger.latest(connection, scope.stream)
    key = f"learn {scope.stream[: ledger.MAX_LENGTH // 2]} {last.version if last else 0}"
    request = Request("tighten", scope.stream, SYSTEM, reason, key)
    evidence = {"verdicts": {**counts.as_evidence(), "refuted": raised.refuted}}
    said = {"mode": mode, "threshold": raised.threshold, "evidence": evidence}
    return _tightening(scope, ledger.append(connection, scope.stream, request, TIGHTENED, said, after=last))


def tighten(connection: sa.Connection, request: Request, scope: AutonomyScope, said: Mapping[str, Any]) -> Tightening:
    """Tightens a scope on a person's word. Raises PricingError where that would not be stricter than what stands."""
    last = ledger.latest(connection, scope.stream)
    ledger.expect(request, scope.stream, last)
    word = _tightening(scope, last) if last else None
    mode = learning.stricter(said["mode"], word.mode if word else None)
    before = word.threshold if word else None
    threshold = max((each for each in (said["threshold"], before) if each is not None), default=None)
    if word and (mode, threshold) == (word.mode, word.threshold):
        raise PricingError(f"{scope} is {_worded(mode, threshold)} already", "nothing is left to do")
    body = {"mode": mode, "threshold": threshold, "evidence": {}}
    return _tightening(scope, ledger.append(connection, scope.stream, request, TIGHTENED, body, after=last))


def loosen(
    connection: sa.Connection,
    request: Request,
    scope: AutonomyScope,
    said: Mapping[str, Any],
    hold_out: HoldOut | None,
) -> Tightening:
    """Loosens a scope on a person's word and on evidence, which is kept with it.

    Raises PricingError where nothing is tightened, the new word would be no looser, and where the blind verdicts since
    or the hold-out do not bear it out: it says what is missing.
    """
    last = ledger.latest(connection, scope.stream)
    ledger.expect(request, scope.stream, last)
    word = _tightening(scope, last) if last else None
    if word is None or not word.tightens:
        raise PricingError(
            f"{scope}: governance does not tighten it", "what a strategy allows itself is said in its `autonomy` block"
        )
    _require_looser(word, said["mode"], said["threshold"])
    known = [each for each in learning.verdicts(reviews.everything(connection)) if scope.covers(each.scope)]
    blind = [each for each in since(known, word, loosened=False) if each.audit]
    claims = [each.threshold for each in blind if each.threshold is not None]
    claimed = said["threshold"] if said["threshold"] is not None else min(claims, default=0.85)
    audit = learning.rate(blind, claimed)
    if missing := [*_audit_lacks(audit, claimed), *_hold_out_lacks(hold_out)]:
        raise PricingError(f"{scope} cannot be loosened: {'; '.join(missing)}", "wait until there is evidence for it")
    evidence = {"audit": {**audit.as_evidence(), "claimed": claimed}, "hold_out": vars(hold_out)}
    body = {"mode": said["mode"], "threshold": said["threshold"], "evidence": evidence}
    return _tightening(scope, ledger.append(connection, scope.stream, request, LOOSENED, body, after=last))


def _require_looser(word: Tightening, mode: Mode | None, threshold: float | None) -> None:
    rank = len(MODES)
    ranks = [rank if each is None else MODES.index(each) for each in (mode, word.mode)]
    levels = [0.0 if each is None else each for each in (threshold, word.threshold)]
    if ranks[0] < ranks[1] or levels[0] > levels[1] or (ranks[0] == ranks[1] and levels[0] == levels[1]):
        raise PricingError(
            f"{word.scope} is {_worded(word.mode, word.threshold)}: {_worded(mode, threshold)} is not looser",
            "name a looser mode or a lower threshold; `pricing autonomy tighten` makes it stricter",
        )


def _audit_lacks(audit: Rate, claimed: float) -> list[str]:
    if audit.low >= claimed:
        return []
    of = f"{audit.approved} of {audit.approved + audit.rejected} approved, a rate of {audit.low:.0%} to {audit.high:.0%}"
    return [f"the blind audit does not show that {claimed:.0%} are right ({of})"]


def _hold_out_lacks(hold_out: HoldOut | None) -> list[str]:
    if hold_out is None:
        return ["no outcome of a hold-out is known"]
    if hold_out.clusters < LEAST_CLUSTERS:
        return [f"the hold-out has too few clusters ({hold_out.clusters}, {LEAST_CLUSTERS} are needed)"]
    if hold_out.low < 0:
        return [f"the hold-out does not show a gain ({hold_out.low:+.1%} to {hold_out.high:+.1%})"]
    return []


def _worded(mode: Mode | None, threshold: float | None) -> str:
    parts = [*([mode] if mode else []), *([f"threshold {threshold:g}"] if threshold is not None else [])]
    return ", ".join(parts) or "as its strategies say"
