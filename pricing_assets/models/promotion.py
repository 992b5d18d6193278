"""Whether a challenger may replace the champion: a pure verdict over a validation report, with its reasons.

Here: the bars. Not here: measuring (validation.py), who approved (governance/), moving anything (retraining.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pricing_assets.models.report import Compared, Contestant, Identity, ValidationReport


@dataclass(frozen=True)
class Policy:
    """The bars of a promotion, ratios being challenger ÷ champion."""

    wape_ratio: float = 1.0
    """Of all rows: a challenger must not be worse."""
    segment_wape_ratio: float = 1.1
    """Of each segment of `least_rows`: better overall must not be bought with one segment."""
    least_rows: int = 50
    bias: float = 0.10
    """|bias| of all rows, unless the champion's is larger still."""
    coverage: tuple[float, float] = (0.72, 0.88)
    """Share of what was sold inside q10–q90, of all rows; 0.80 is right."""
    latency_ratio: float = 3.0
    latency_ms: float = 20.0
    """Per series; below it no ratio counts, a blink is a blink."""
    shrunk: float = 0.5
    """Rows trained on, of the champion's: a training set this small lost something on the way."""
    rising: float = 0.2
    rising_more: float = 0.1
    """Share of series forecast to sell more at a higher price: no bar below the first, or what the champion has and
    the second on top. A model that learnt prices the wrong way round would sell out at any."""


@dataclass(frozen=True)
class PromotionDecision:
    """The verdict; `reasons` are the bars missed or, where none was, what speaks for the challenger."""

    promote: bool
    reasons: tuple[str, ...]


def promotion_decision(
    report: ValidationReport, champion: Identity | None, challenger: Identity, policy: Policy
) -> PromotionDecision:
    """Whether `challenger` may replace `champion`, by a report about exactly these two; champion None: the first start.

    Nothing but the arguments is looked at, so that anyone can decide again and must come to the same.
    """
    bars: tuple[Callable[[ValidationReport, Policy], list[str]], ...] = (
        _overall,
        _segments,
        _calibration,
        _monotonicity,
        _latency,
        _training_set,
    )
    missed = _about(report, champion, challenger)
    missed += [reason for bar in bars for reason in bar(report, policy)]
    if missed:
        return PromotionDecision(False, tuple(missed))
    wape = report.overall
    told = f"WAPE {_figure(wape.challenger.wape)} against {_figure(wape.champion.wape)} of {_called(report.champion)}"
    return PromotionDecision(True, (f"{told}, no bar missed in {len(report.segments)} segments",))


def _about(report: ValidationReport, champion: Identity | None, challenger: Identity) -> list[str]:
    """The report must be about these two, and they must differ."""
    reasons = []
    if report.challenger.identity != challenger:
        reasons.append(f"the report is about {_named(report.challenger)}, not {_version(challenger)}")
    if report.champion.identity != champion:
        in_force = f"{_version(champion)} is in force" if champion else "no champion is in force"
        reasons.append(f"the report compares with {_named(report.champion)}, but {in_force}")
    if champion and champion.artifact_hash == challenger.artifact_hash:
        reasons.append("the challenger's files are the champion's: nothing was learnt")
    return reasons


def _overall(report: ValidationReport, policy: Policy) -> list[str]:
    ours, theirs = report.overall.challenger, report.overall.champion
    reasons = _worse(report.overall, policy.wape_ratio)
    if ours.bias is not None and abs(ours.bias) > max(policy.bias, abs(theirs.bias or 0.0)):
        reasons.append(f"bias is {100 * ours.bias:+.1f} %, at most {100 * policy.bias:.0f} % may be")
    return reasons


def _segments(report: ValidationReport, policy: Policy) -> list[str]:
    judged = [each for each in report.segments if each.rows >= policy.least_rows and each.challenger.wape is not None]
    return [reason for each in judged for reason in _worse(each, policy.segment_wape_ratio)]


def _worse(both: Compared, ratio: float) -> list[str]:
    ours, theirs = both.challenger.wape, both.champion.wape
    if ours is None or theirs is None:
        return [f"nothing was sold in {both.segment}: no accuracy can be told"]
    if ours > ratio * theirs:
        return [f"WAPE in {both.segment} is {_figure(ours)}, the champion's {_figure(theirs)} × {ratio:g} may be"]
    return []


def _calibration(report: ValidationReport, policy: Policy) -> list[str]:
    low, high = policy.coverage
    covered = report.overall.challenger.coverage
    if low <= covered <= high:
        return []
    return [
        f"the likely range covers {100 * covered:.1f} % of what was sold, {100 * low:.0f} to {100 * high:.0f} % may be"
    ]


def _monotonicity(report: ValidationReport, policy: Policy) -> list[str]:
    ours, theirs = report.challenger, report.champion
    limit = max(policy.rising, theirs.rising + policy.rising_more)
    if ours.rising <= limit:
        return []
    return [
        f"more is forecast at a higher price of {ours.violations} of {ours.checked} series, {100 * limit:.0f} % may be"
    ]


def _latency(report: ValidationReport, policy: Policy) -> list[str]:
    ours, theirs = report.challenger.latency_ms, report.champion.latency_ms
    limit = max(policy.latency_ms, policy.latency_ratio * theirs)
    return [f"a forecast takes {ours:.1f} ms per series, {limit:.1f} ms may be"] if not ours <= limit else []


def _training_set(report: ValidationReport, policy: Policy) -> list[str]:
    ours, theirs = report.challenger.rows, report.champion.rows
    if not ours:
        return ["how many rows it was trained on is not known"]
    if theirs and ours <= policy.shrunk * theirs:
        return [f"it was trained on {ours} rows, the champion on {theirs}: the training set shrank by half"]
    return []


def _named(side: Contestant) -> str:
    return _version(side.identity) if side.identity else _called(side)


def _called(side: Contestant) -> str:
    return side.name if side.identity else f"the {side.name}"


def _version(identity: Identity) -> str:
    return f"version {identity.version} ({identity.artifact_hash[:8]})"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
