from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from pricing_frames import DAY, takes_effect

from pricing_assets.pricing import Terms, basis, decision_ids, settled

TERMS = Terms(
    day=DAY,
    late=False,
    effective_from=takes_effect(DAY),
    inputs={"features.feature_snapshots": "f" * 64},
    strategies=["s1", "s2"],
    verdicts={"raw.sales contract": True},
    settings={"time_zone": "UTC"},
)
CHANGES = [
    {"day": DAY + timedelta(days=1)},
    {"late": True},
    {"inputs": {"features.feature_snapshots": "e" * 64}},
    {"inputs": {}},
    {"strategies": ["s1"]},
    {"strategies": ["s1", "s3"]},
    {"verdicts": {"raw.sales contract": False}},
    {"verdicts": {}},
    {"settings": {"time_zone": "Europe/London"}},
    {"settings": {"time_zone": "UTC", "publish_at": "06:00"}},
    {"models": ["demand-daily/3@ab12"]},
    {"models": ["demand-daily/4@ab12"]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_a_part_changes_the_basis(change: dict[str, object]) -> None:
    assert basis(replace(TERMS, **change)) != basis(TERMS)


def test_no_two_changes_meet_in_one_basis() -> None:
    assert len({basis(replace(TERMS, **change)) for change in CHANGES}) == len(CHANGES)


def test_the_order_in_which_things_are_found_does_not_matter() -> None:
    assert basis(replace(TERMS, strategies=["s2", "s1"])) == basis(TERMS)


def row(terms: Terms) -> dict[str, object]:
    return {"basis": basis(terms), "late": terms.late}


def test_time_alone_supersedes_nothing() -> None:
    later = replace(TERMS, late=True)
    assert settled(later, row(TERMS)) == (basis(TERMS), False)
    assert settled(later, row(later)) == (basis(later), True)
    assert settled(TERMS, None) == (basis(TERMS), False)
    assert settled(TERMS, {"basis": None, "late": False}) == (basis(TERMS), False)


def test_changed_inputs_are_judged_by_the_time_of_the_new_run() -> None:
    changed = replace(TERMS, late=True, inputs={})
    assert settled(changed, row(TERMS)) == (basis(changed), True)


def test_a_day_found_timely_after_all_is_decided_anew() -> None:
    assert settled(TERMS, row(replace(TERMS, late=True))) == (basis(TERMS), False)


def test_an_id_is_a_hash_of_basis_sku_and_market() -> None:
    frame = pl.DataFrame({"basis": ["b"], "sku": ["häuser"], "market": ["UK"]})
    expected = hashlib.sha256("b\x1f7\x1fhäuser\x1fUK".encode()).hexdigest()[:32]
    assert decision_ids(frame).to_list() == [expected]


def test_no_separator_in_a_name_makes_two_rows_one() -> None:
    frame = pl.DataFrame({"basis": ["b", "b"], "sku": ["a\x1fb", "a"], "market": ["c", "b\x1fc"]})
    assert decision_ids(frame).n_unique() == 2
