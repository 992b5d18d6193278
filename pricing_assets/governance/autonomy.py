"""Autonomy tightened and loosened, scope by scope, as events of the ledger.

Here: what the events come to, what people's verdicts tighten by themselves, and what a person must show to loosen. Not
here: the judgement of verdicts (learning.py), what a row then comes to (pricing/autonomy).

Tightening needs nobody; loosening needs a person, a scope whose blind verdicts hold what the new threshold claims, and
a gain over the prices held out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import learning, ledger, reviews
from pricing_assets.governance.learning import Raised, Rate, Verdict
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event
from pricing_assets.governance.review_records import MODES, AutonomyScope, Limits, Review, Tightening

STREAM = "autonomy:"
TIGHTENED, LOOSENED = "autonomy_tightened", "autonomy_loosened"
SYSTEM = "system"
_CLAIM = 0.85  # what a strategy claims that says nothing of it
LEAST_CLUSTERS = 20
"""Clusters of a hold-out under which its figure says too little."""


@dataclass(frozen=True)
class HoldOut:
    """What decided prices earned more than prices held out: a share of profit, its likely range, and of how many.

    None is what too few clusters, or too few draws, cannot tell.
    """

    clusters: int
    gain: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, figure: Mapping[str, Any]) -> HoldOut:
        """From a row of figures in percent: clusters, effect_pct, low_pct, high_pct."""
        percents = [figure[name] for name in ("effect_pct", "low_pct", "high_pct")]
        return cls(figure["clusters"], *(None if each is None else each / 100 for each in percents))


def in_force(events: Iterable[Event], known_to: int | None = None) -> list[Tightening]:
    """The last word on each scope, by scope; as of an event, where its number is given."""
    found: dict[AutonomyScope, Tightening] = {}
    for event in events:
        if event.kind in (TIGHTENED, LOOSENED) and (known_to is None or event.seq <= known_to):
            scope = AutonomyScope.of_stream(event.stream)
            found[scope] = _tightening(scope, event)
    return [found[scope] for scope in sorted(found, key=str)]


def _tightening(scope: AutonomyScope, event: Event) -> Tightening:
    said = event.payload
    return Tightening(
        scope=scope,
        limits=Limits(said["mode"], said["threshold"]),
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
        limits = word.limits if word else Limits()
        mine = since([each for each in known if each.scope == scope], word, loosened=True)
        thresholds = [each.threshold for each in mine if each.threshold is not None]
        start = min(thresholds, default=None) if limits.threshold is None else limits.threshold
        if start is not None and limits.mode != MODES[0] and (raised := learning.raised(mine, start)):
            made.append(_raise(connection, scope, limits, raised))
    return made


def _raise(connection: sa.Connection, scope: AutonomyScope, before: Limits, raised: Raised) -> Tightening:
    rate, claim = raised.rate, f"{raised.refuted:.0%}"
    made = _stricter(before, raised.limits)
    reason = (
        f"people approved {rate.approved} of {rate.approved + rate.rejected} prices of confidence {raised.refuted:g}"
        f" and more: a rate of {rate.low:.0%} to {rate.high:.0%}, not {claim}. So it is {made}"
    )
    last = ledger.latest(connection, scope.stream)
    request = Request("tighten", scope.stream, SYSTEM, reason, _learnt(scope, last))
    evidence = {"verdicts": {**rate.as_evidence(), "refuted": raised.refuted}}
    return _said(connection, request, scope, TIGHTENED, made, evidence=evidence)


def _learnt(scope: AutonomyScope, last: Event | None) -> str:
    """The key of what is learnt next; names of scopes may be long."""
    return f"learn {hashlib.sha256(scope.stream.encode()).hexdigest()} {last.version if last else 0}"


def _said(
    connection: sa.Connection,
    request: Request,
    scope: AutonomyScope,
    kind: str,
    limits: Limits,
    *,
    evidence: Mapping[str, Any],
) -> Tightening:
    last = ledger.latest(connection, scope.stream)
    ledger.expect(request, scope.stream, last)
    body = {**limits._asdict(), "evidence": dict(evidence)}
    return _tightening(scope, ledger.append(connection, scope.stream, request, kind, body, after=last))


def _stricter(one: Limits, other: Limits) -> Limits:
    modes = [each.mode for each in (one, other) if each.mode is not None]
    thresholds = [each.threshold for each in (one, other) if each.threshold is not None]
    return Limits(min(modes, key=MODES.index, default=None), max(thresholds, default=None))


def _word(connection: sa.Connection, scope: AutonomyScope) -> Tightening | None:
    last = ledger.latest(connection, scope.stream)
    return _tightening(scope, last) if last else None


def tighten(connection: sa.Connection, request: Request, scope: AutonomyScope, limits: Limits) -> Tightening:
    """Tightens a scope on a person's word. Raises PricingError where that would not be stricter than what stands."""
    word = _word(connection, scope)
    made = _stricter(limits, word.limits) if word else limits
    if word and made == word.limits:
        raise PricingError(f"{scope} is {made} already", "nothing is left to do")
    return _said(connection, request, scope, TIGHTENED, made, evidence={})


def loosen(
    connection: sa.Connection, request: Request, scope: AutonomyScope, limits: Limits, hold_out: HoldOut | None
) -> Tightening:
    """Loosens a scope on a person's word and on evidence, which is kept with it.

    Raises PricingError where nothing is tightened, the new word would be no looser, and where the blind verdicts since
    or the hold-out do not bear it out: it says what is missing.
    """
    word = _word(connection, scope)
    if word is None or word.limits == Limits():
        raise PricingError(
            f"{scope}: governance does not tighten it", "what a strategy allows itself is said in its `autonomy` block"
        )
    _require_looser(scope, word.limits, limits)
    known = [each for each in learning.verdicts(reviews.everything(connection)) if scope.covers(each.scope)]
    blind = [each for each in since(known, word, loosened=False) if each.audit]
    claims = [each.threshold for each in blind if each.threshold is not None]
    claimed = min(claims, default=_CLAIM) if limits.threshold is None else limits.threshold
    audit = learning.rate(blind, claimed)
    if missing := [*_audit_lacks(audit, claimed), *_hold_out_lacks(hold_out)]:
        raise PricingError(f"{scope} cannot be loosened: {'; '.join(missing)}", "wait until there is evidence for it")
    evidence = {"audit": {**audit.as_evidence(), "claimed": claimed}, "hold_out": hold_out and vars(hold_out)}
    return _said(connection, request, scope, LOOSENED, limits, evidence=evidence)


def summary(words: Iterable[Tightening], given: Iterable[Review]) -> list[dict[str, Any]]:
    """Each scope with verdicts or a word of governance, by name: what people say, and how far it is tightened.

    Verdicts are held against the threshold governance leaves, else the lowest its strategies had.
    """
    said = {each.scope: each for each in words}
    known = learning.verdicts(given)
    return [_summed(scope, said.get(scope), known) for scope in sorted({*said, *(e.scope for e in known)}, key=str)]


def _summed(scope: AutonomyScope, word: Tightening | None, known: Sequence[Verdict]) -> dict[str, Any]:
    mine = since([each for each in known if scope.covers(each.scope)], word, loosened=True)
    limits = word.limits if word else Limits()
    thresholds = [each.threshold for each in mine if each.threshold is not None]
    claimed = min(thresholds, default=None) if limits.threshold is None else limits.threshold
    rate = None if claimed is None else learning.rate(mine, claimed)
    blind = None if claimed is None else learning.rate([each for each in mine if each.audit], claimed)
    any_verdict = rate is not None and rate.approved + rate.rejected > 0
    return {
        "scope": str(scope),
        "category": scope.category,
        "market": scope.market,
        **limits._asdict(),
        "claimed": claimed,
        "approved": rate.approved if rate else 0,
        "rejected": rate.rejected if rate else 0,
        "audited_approved": blind.approved if blind else 0,
        "audited_rejected": blind.rejected if blind else 0,
        "rate_low": rate.low if rate and any_verdict else None,
        "rate_high": rate.high if rate and any_verdict else None,
        "said_by": word and word.by,
        "said_at": word and word.at,
        "reason": word and word.reason,
    }


def _require_looser(scope: AutonomyScope, before: Limits, after: Limits) -> None:
    ranks = [len(MODES) if each.mode is None else MODES.index(each.mode) for each in (before, after)]
    levels = [0.0 if each.threshold is None else each.threshold for each in (before, after)]
    if ranks[1] < ranks[0] or levels[1] > levels[0] or before == after:
        raise PricingError(
            f"{scope} is {before}: {after} is not looser",
            "name a looser mode or a lower threshold; `pricing autonomy tighten` makes it stricter",
        )


def _audit_lacks(audit: Rate, claimed: float) -> list[str]:
    if audit.low >= claimed:
        return []
    of = f"{audit.approved} of {audit.approved + audit.rejected} approved"
    range_ = f"a rate of {audit.low:.0%} to {audit.high:.0%}"
    return [f"the blind audit does not show that {claimed:.0%} are right ({of}, {range_})"]


def _hold_out_lacks(hold_out: HoldOut | None) -> list[str]:
    if hold_out is None:
        return ["no outcome of a hold-out is known"]
    if hold_out.clusters < LEAST_CLUSTERS:
        return [f"the hold-out has too few clusters ({hold_out.clusters}, {LEAST_CLUSTERS} are needed)"]
    if hold_out.low is None or hold_out.low < 0:
        ends = ["unknown" if each is None else f"{each:+.1%}" for each in (hold_out.low, hold_out.high)]
        return [f"the hold-out does not show a gain ({ends[0]} to {ends[1]})"]
    return []
