"""What people's verdicts say of autonomy: whether they refuse what it would have published.

Here: verdicts of a scope, the likely range of the rate at which people approve, and how far that tightens. Not here:
recording a tightening (autonomy.py). Everything here is pure.

A threshold of 0.85 claims that of what is published without a person at most 15 % is wrong. People's verdicts on prices
at least so sure put that to the test: a Beta distribution that begins with ten verdicts' worth of the claim and counts
each verdict. Where even its upper end (95 %) lies below the claim, the threshold rises half of the way to 1, and past
MOST_SURE a person decides everything. Only its lower end (5 %) above the claim lets a person loosen. One bulk answer is
one verdict of a scope, however many prices it is about. An amended price is one people would not have had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pricing_assets.governance.review_records import AutonomyScope, Limits, Review

PRIOR = 10.0
"""The verdicts that the claim itself is worth."""
WINDOW = 100
"""Verdicts looked at, the newest."""
ENDS = (0.05, 0.95)
MOST_SURE = 0.97
"""Where a threshold would have to be higher, the scope is manual."""


class Verdict(NamedTuple):
    """One verdict of a scope. `audit` says that it was given blind to whether the price was published already."""

    scope: AutonomyScope
    confidence: float | None
    threshold: float | None
    approved: bool
    audit: bool
    sequence: int


class Rate(NamedTuple):
    """How many of some prices people approved, and the likely range of the rate behind it."""

    approved: int
    rejected: int
    low: float
    high: float

    def as_evidence(self) -> dict[str, Any]:
        """For an event."""
        return {**self._asdict(), "low": round(self.low, 4), "high": round(self.high, 4)}


class Raised(NamedTuple):
    """What verdicts tighten a scope to, and the rate that did it, against the threshold it refuted."""

    limits: Limits
    refuted: float
    rate: Rate


def verdicts(reviews: Iterable[Review]) -> list[Verdict]:
    """The verdicts in the order they were given; of a bulk answer one for each scope, as sure as its surest price.

    In manual mode every price is put to a person whatever becomes of it, so there each verdict is an audit.
    """
    found: dict[Any, Verdict] = {}
    for each in sorted(reviews, key=lambda review: review.sequence):
        if each.withdrawn_by is not None:
            continue
        asked = each.proposal
        blind = asked.audit or asked.mode == "manual"
        approved = each.answer == "approved"
        new = Verdict(asked.scope, asked.confidence, asked.threshold, approved, blind, each.sequence)
        key = (asked.scope, each.group or each.id)
        before = found.get(key)
        if before is None or (new.confidence or 0.0) > (before.confidence or 0.0):
            found[key] = new
    return list(found.values())


def rate(verdicts: Sequence[Verdict], threshold: float) -> Rate:
    """What people say of prices that a threshold lets be published."""
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    counted = [each for each in verdicts if each.confidence is not None and each.confidence >= threshold][-WINDOW:]
    approved = sum(each.approved for each in counted)
    rejected = len(counted) - approved
    ends = (float(betaincinv(PRIOR * threshold + approved, PRIOR * (1 - threshold) + rejected, end)) for end in ENDS)
    return Rate(approved, rejected, *ends)


def raised(verdicts: Sequence[Verdict], threshold: float) -> Raised | None:
    """What the verdicts of a scope tighten it to, from a threshold; None where they do not refute it.

    The threshold rises as often as the verdicts on prices above it refute it too.
    """
    found: Raised | None = None
    while (of := rate(verdicts, threshold)).rejected and of.high < threshold:
        higher = round(1 - (1 - threshold) / 2, 4)
        if higher > MOST_SURE:
            return Raised(Limits("manual", threshold), threshold, of)
        found = Raised(Limits("semi-auto", higher), threshold, of)
        threshold = higher
    return found
