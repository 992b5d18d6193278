"""The promotion decision: each bar stops a challenger by itself, and the report must be about these very two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fake_model import report
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.models import Identity, Policy, PromotionDecision, ValidationReport, promotion_decision

CHAMPION, CHALLENGER = Identity(1, "a" * 64), Identity(2, "b" * 64)
POLICY = Policy(least_rows=5)
MADE = report()


def decided(made: ValidationReport, champion: Identity | None = CHAMPION) -> PromotionDecision:
    return promotion_decision(made, champion, CHALLENGER, POLICY)


def overall(**figures: Any) -> ValidationReport:
    """The report, with other figures of the challenger on all rows."""
    both = MADE.overall
    return replace(MADE, overall=replace(both, challenger=replace(both.challenger, **figures)))


def segment(rows: int = 20, **figures: Any) -> ValidationReport:
    """The report, with other figures of the challenger in one segment."""
    first, *others = MADE.segments
    changed = replace(first, rows=rows, challenger=replace(first.challenger, **figures))
    return replace(MADE, segments=(changed, *others))


def ours(**said: Any) -> ValidationReport:
    return replace(MADE, challenger=replace(MADE.challenger, **said))


def theirs(**said: Any) -> ValidationReport:
    return replace(MADE, champion=replace(MADE.champion, **said))


def test_a_better_challenger_is_promoted_and_told_why() -> None:
    assert decided(MADE) == PromotionDecision(
        True, ("WAPE 0.100 against 0.200 of demand/1, no bar missed in 2 segments",)
    )


BARS: list[tuple[ValidationReport, str]] = [
    (overall(wape=0.21), "WAPE in everything is 0.210, the champion's 0.200 × 1 may be"),
    (overall(wape=None), "nothing was sold in everything: no accuracy can be told"),
    (overall(bias=-0.21), "bias is -21.0 %, at most 10 % may be"),
    (overall(coverage=0.71), "the likely range covers 71.0 % of what was sold, 72 to 88 % may be"),
    (overall(coverage=0.89), "the likely range covers 89.0 %"),
    (segment(wape=0.23), "WAPE in HOME is 0.230, the champion's 0.200 × 1.1 may be"),
    (ours(rows=500), "it was trained on 500 rows, the champion on 1000: the training set shrank by half"),
    (ours(rows=0), "how many rows it was trained on is not known"),
    (ours(rows=None), "how many rows it was trained on is not known"),
    (ours(latency_ms=21.0), "a forecast takes 21.0 ms per series, 20.0 ms may be"),
    (ours(latency_ms=float("nan")), "a forecast takes nan ms per series"),
    (ours(violations=2, checked=9), "more is forecast at a higher price of 2 of 9 series, 20 % may be"),
    (ours(identity=Identity(3, "b" * 64)), "the report is about version 3 (bbbbbbbb), not version 2 (bbbbbbbb)"),
    (ours(identity=Identity(2, "f" * 64)), "the report is about version 2 (ffffffff), not version 2 (bbbbbbbb)"),
    (theirs(identity=Identity(7, "a" * 64)), "the report compares with version 7 (aaaaaaaa), but version 1"),
    (
        theirs(identity=None, name="simple method"),
        "the report compares with the simple method, but version 1 (aaaaaaaa) is in force",
    ),
]


@pytest.mark.parametrize(("made", "what"), BARS)
def test_each_bar_stops_a_challenger_by_itself(made: ValidationReport, what: str) -> None:
    decision = decided(made)
    assert not decision.promote and len(decision.reasons) == 1 and what in decision.reasons[0], decision.reasons


def test_what_is_as_good_or_too_small_to_tell_is_let_through() -> None:
    allowed = [
        overall(wape=0.2),
        overall(bias=-0.19),  # the champion's bias is 0.2
        segment(wape=0.22),
        segment(rows=4, wape=0.9),
        segment(wape=None),
        ours(rows=501),
        ours(latency_ms=20.0),
        theirs(rows=None),
    ]
    assert [decided(made).promote for made in allowed] == [True] * len(allowed)


def test_a_slow_champion_may_be_followed_by_a_slow_challenger() -> None:
    made = replace(ours(latency_ms=90.0), champion=replace(MADE.champion, latency_ms=30.0))
    assert decided(made).promote
    assert not decided(replace(made, challenger=replace(made.challenger, latency_ms=90.1))).promote


def test_the_first_start_goes_through_the_same_bars_against_a_simple_method() -> None:
    first = theirs(identity=None, name="naive", rows=None)
    assert decided(first, None).promote
    assert not decided(replace(first, overall=overall(wape=0.21).overall), None).promote
    refused = decided(MADE, None)
    assert (
        not refused.promote and "compares with version 1 (aaaaaaaa), but no champion is in force" in refused.reasons[0]
    )


def test_the_champions_own_files_are_no_challenger() -> None:
    same = ours(identity=Identity(2, "a" * 64))
    decision = promotion_decision(same, CHAMPION, Identity(2, "a" * 64), POLICY)
    assert decision == PromotionDecision(False, ("the challenger's files are the champion's: nothing was learnt",))


@given(st.floats(0.0, 2.0), st.floats(0.0, 1.0))
def test_a_verdict_read_from_the_kept_report_is_the_same(wape: float, coverage: float) -> None:
    made = overall(wape=wape, coverage=coverage)
    assert decided(ValidationReport.from_json(made.to_json())) == decided(made)


@pytest.mark.parametrize(
    ("ours_rising", "theirs_rising", "promotes"),
    [(20, 0, True), (21, 0, False), (21, 11, True), (40, 30, True), (41, 30, False), (41, 31, True)],
)
def test_a_challenger_may_rise_with_prices_little_more_than_the_champion(
    ours_rising: int, theirs_rising: int, promotes: bool
) -> None:
    made = report()
    made = replace(
        made,
        challenger=replace(made.challenger, violations=ours_rising, checked=100),
        champion=replace(made.champion, violations=theirs_rising, checked=100),
    )
    assert promotion_decision(made, CHAMPION, CHALLENGER, POLICY).promote == promotes
