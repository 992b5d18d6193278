"""What a day may see, row by row: cut-offs across clock changes, corrections, versions of a history."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from features_market import CALENDAR, TABLES, Shop, frame

from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar, visible
from pricing_assets.features.visibility import SPAN, Cutoffs, unfold

DAY = date(2024, 5, 2)


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("UTC", date(2024, 5, 2), datetime(2024, 5, 3, 2, tzinfo=UTC)),
        ("Europe/Berlin", date(2024, 5, 2), datetime(2024, 5, 3, 0, tzinfo=UTC)),
        ("Europe/Berlin", date(2024, 3, 30), datetime(2024, 3, 31, 1, tzinfo=UTC)),  # 02:00 is jumped over
        ("Europe/Berlin", date(2024, 10, 26), datetime(2024, 10, 27, 0, tzinfo=UTC)),  # 02:00 comes twice: the first
        ("America/New_York", date(2024, 1, 31), datetime(2024, 2, 1, 7, tzinfo=UTC)),
    ],
)
def test_cutoff(zone: str, day: date, expected: datetime) -> None:
    assert Calendar(zone).cutoff(day) == expected


def test_cutoffs_never_decrease() -> None:
    for zone in ("Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"):
        calendar = Calendar(zone)
        instants = [calendar.cutoff(date(2010, 1, 1) + timedelta(days=i)) for i in range(1500)]
        assert instants == sorted(instants)
        assert len(set(instants)) >= 1499  # Samoa left out 30 December 2011


def test_holidays_follow_the_country_of_the_market() -> None:
    rows = Calendar("UTC", {"A": "GB", "B": "DE", "C": None}).holidays([date(2024, 10, 3), date(2024, 12, 26)])
    assert sorted(rows.rows()) == [
        (date(2024, 10, 3), "A", False),
        (date(2024, 10, 3), "B", True),
        (date(2024, 12, 26), "A", True),
        (date(2024, 12, 26), "B", True),
    ]


def test_an_unknown_country_is_named() -> None:
    with pytest.raises(PricingError, match="'XX'"):
        Calendar("UTC", {"A": "XX"}).holidays([DAY])


def sale(units: int, day: date, known: datetime) -> dict[str, object]:
    return {"date": day, "sku": "S", "market": "DE", "known_at": known, "units": units}


def test_of_corrected_rows_the_latest_known_before_the_cutoff_is_visible() -> None:
    cutoff = CALENDAR.cutoff(DAY)
    moments = [cutoff - timedelta(hours=5), cutoff - timedelta(microseconds=1), cutoff, cutoff + timedelta(days=1)]
    rows = frame("raw.sales", [sale(i, DAY, moment) for i, moment in enumerate(moments)])
    expected = {DAY - timedelta(days=1): [], DAY: [1], DAY + timedelta(days=1): [2], DAY + timedelta(days=2): [3]}
    for day, units in expected.items():
        assert visible(rows, TABLES["raw.sales"], day, CALENDAR)["units"].to_list() == units


def test_a_table_without_known_at_is_visible_from_its_own_date() -> None:
    rows = Shop(701, days=10).raw()["raw.products"]
    seen = visible(rows, TABLES["raw.products"], DAY, CALENDAR)
    assert seen.equals(rows.filter(pl.col("date") <= DAY).sort("date", "sku"))


@pytest.mark.parametrize("seed", range(4))
def test_versions_of_a_history_hold_what_each_day_sees(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, last, pairs, number = date(2024, 3, 10), date(2024, 3, 20), 3, 60
    cutoffs = Cutoffs.of(CALENDAR, [first, last], 20)
    pair = random.integers(0, pairs, number)
    day = cutoffs.first + random.integers(0, 30, number)
    known = cutoffs.micros[day - cutoffs.first] + random.integers(-2, 12, number) * 86_400_000_000 // 2
    unfolded = unfold(pair, day, known, pairs, cutoffs)
    for target in range(cutoffs.start, cutoffs.last + 1):
        at = cutoffs.micros[target - cutoffs.first]
        for one in range(pairs):
            group = unfolded.versions.groups(np.array([one]), np.array([target]))[0]
            rows = unfolded.rows[unfolded.group == group]
            seen = {int(row) for row in rows if day[row] <= target}
            assert seen == {i for i in range(number) if pair[i] == one and day[i] <= target and known[i] < at}


def test_every_date_fits_the_composite_key() -> None:
    assert date.max.toordinal() < SPAN
