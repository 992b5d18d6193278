"""Each expectation on an ordinary shop: the fault it is for fails it and nothing else."""

from __future__ import annotations

import re
import socket
import statistics
import tempfile
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sources_weeks as weeks
from hypothesis import given, settings
from hypothesis import strategies as st
from sources_plants import BEFORE, FAULTS, Fault, Plant, again, broken, every, swapped, times, yesterdays
from sources_shop import SETTINGS
from sources_weeks import LAST

from pricing_assets import sources
from pricing_assets.sources import Source
from pricing_assets.sources.expectations import NOT_JUDGED
from pricing_assets.sources.profiles import Frames, profiles
from pricing_assets.sources.settings_file import Expectations, SourceFile
from pricing_assets.sources.suites import SUITES
from pricing_assets.tables import by_name, raw
from pricing_assets.tables.base import Table


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return source_of(tmp_path_factory.mktemp("shop"))


def source_of(folder: Path, **expectations: Any) -> Source:
    from sources_shop import GOOD, write_settings

    from pricing_assets.settings import Settings

    write_settings(folder, first_day=weeks.FIRST, expectations=expectations or None)
    for name, sql in GOOD.items():
        (folder / f"{name}.sql").write_text(sql)
    return sources.load(folder, Settings(_env_file=None))  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def ordinary() -> Frames:
    return weeks.frames(weeks.rows())


def failed(source: Source, frames: Frames, days: list[date] | None = None) -> set[tuple[date, str, str]]:
    verdicts = sources.expect(source, frames, days or [LAST]).verdicts
    return set(verdicts.filter(~pl.col("passed")).select("date", "table", "check").rows())


def test_no_day_of_an_ordinary_shop_fails_and_the_last_ones_are_judged_on_every_figure(
    source: Source, ordinary: Frames
) -> None:
    outcome = sources.expect(source, ordinary, weeks.days())
    assert outcome.verdicts["passed"].all()
    assert outcome.failed.is_empty()
    assert outcome.verdicts.height == len(weeks.days()) * sum(map(len, SUITES.values()))
    assert not outcome.verdicts.filter(date=LAST)["message"].str.contains(NOT_JUDGED).any()


def test_every_expectation_has_a_planted_fault() -> None:
    assert set(FAULTS) == {(table, each.check) for table, expected in SUITES.items() for each in expected}


@pytest.mark.parametrize("fault", FAULTS, ids=".".join)
def test_a_planted_fault_fails_its_expectation_and_no_other(source: Source, fault: Fault) -> None:
    rows = weeks.rows()
    FAULTS[fault](rows)
    outcome = sources.expect(source, weeks.frames(rows), [BEFORE, LAST])
    assert outcome.failed.select("date", "table", "check").rows() == [(LAST, *fault)]
    verdicts = outcome.verdicts.filter(~pl.col("passed"))
    assert verdicts.select("date", "table", "check").rows() == [(LAST, *fault)]
    assert "found" in verdicts["message"][0] and "e.g. " in verdicts["message"][0]
    assert outcome.failed["examples"][0]


def test_rows_that_are_no_fault_of_the_day_are_not_in_its_share_of_quarantine(source: Source) -> None:
    rows = weeks.rows()
    broken(raw.Sales, 200, "the shop's own reason: postage")(rows)
    broken(raw.Prices, 200, "no usable date: date is 'x'")(rows)
    broken(raw.Stock, 200, "dated in the future: date is '2031-01-01'")(rows)
    assert failed(source, weeks.frames(rows)) == set()


def test_a_share_of_quarantine_that_stays_high_is_usual_and_a_few_rows_are_chance(source: Source) -> None:
    rows = weeks.rows()
    for day in weeks.days():
        rows[raw.Quarantine] += [weeks.fault(day, raw.Sales, number) for number in range(100, 110)]
    assert failed(source, weeks.frames(rows), weeks.days()) == set()
    broken(raw.Prices, 3)(rows)
    assert failed(source, weeks.frames(rows)) == set()


BAD_DAYS: dict[str, tuple[Plant, set[str]]] = {
    "ten times the rows": (again(raw.Sales, 9), {"volume", "references"}),
    "no rows": (lambda rows: rows.update({raw.Sales: [r for r in rows[raw.Sales] if r["date"] != LAST]}), {"volume"}),
    "yesterday's file again": (yesterdays, {"repeated"}),
    "amounts in pence": (every(raw.Sales, times("revenue", 100)), {"price_level"}),
    "amounts in another currency": (every(raw.Sales, swapped), {"currencies"}),
}


@pytest.mark.parametrize("fault", BAD_DAYS)
def test_a_bad_day_of_sales_stops(source: Source, fault: str) -> None:
    plant, checks = BAD_DAYS[fault]
    rows = weeks.rows()
    plant(rows)
    assert failed(source, weeks.frames(rows)) == {(LAST, "raw.sales", check) for check in checks}


def test_prices_off_by_100_do_not_become_usual_in_a_week(source: Source) -> None:
    rows = weeks.rows()
    bad = [LAST - timedelta(days=number) for number in range(7)]
    for row in rows[raw.Prices]:
        row["price"] *= 100 if row["date"] in bad else 1
    expected = {(day, "raw.prices", check) for day in bad for check in ("price_level", "price_jumps")}
    assert failed(source, weeks.frames(rows), weeks.days()) == expected


def test_one_market_in_another_currency_is_seen_beside_others_that_stand(source: Source) -> None:
    rows = weeks.rows()
    for row in rows[raw.Prices]:
        row["price"] *= 7.5 if row["date"] == LAST and row["market"] == "DE" else 1
    assert (LAST, "raw.prices", "price_level") in failed(source, weeks.frames(rows))


@settings(max_examples=4)
@given(first=st.integers(0, weeks.DAYS - 1), length=st.integers(1, 4))
def test_a_range_is_judged_like_its_days_one_by_one(first: int, length: int) -> None:
    source, rows = bare_source(), weeks.rows()
    FAULTS["raw.prices", "price_jumps"](rows)
    asked = weeks.days()[first : first + length]
    whole = sources.expect(source, weeks.frames(rows), asked)
    single = [sources.expect(source, window(weeks.frames(rows), day), [day]) for day in asked]
    order = ["date", "table", "check"]
    assert whole.verdicts.sort(order).equals(pl.concat([each.verdicts for each in single]).sort(order))
    assert whole.failed.sort(order).equals(pl.concat([each.failed for each in single]).sort(order))


MOMENTS: list[tuple[type[Table], str]] = [
    (raw.Listings, "known_at"),
    (raw.Prices, "known_at"),
    (raw.Sales, "known_at"),
    (raw.Stock, "known_at"),
    (raw.CompetitorSnapshots, "captured_at"),
]


def test_rows_that_come_late_change_no_verdict(source: Source) -> None:
    rows = weeks.rows()
    FAULTS["raw.prices", "price_jumps"](rows)
    before = sources.expect(source, weeks.frames(rows), weeks.days()[-3:])
    told = weeks.at(LAST + timedelta(days=3), time(9))
    for table, moment in MOMENTS:
        last = [row for row in rows[table] if row["date"] == LAST]
        rows[table] += [row | {moment: told, "sku": f"{row['sku']}+{late}"} for row in last for late in range(9)]
    after = sources.expect(source, weeks.frames(rows), weeks.days()[-3:])
    assert after.verdicts.equals(before.verdicts)
    assert after.failed.equals(before.failed)


def bare_source() -> Source:
    with tempfile.TemporaryDirectory() as folder:
        return source_of(Path(folder))


def window(frames: Frames, day: date) -> Frames:
    """What a run of one day has at hand."""
    first = day - timedelta(days=sources.HISTORY)
    return {table: frame.filter(pl.col(table.partition()).is_between(first, day)) for table, frame in frames.items()}


def test_a_day_with_too_little_before_it_passes_and_says_so(source: Source) -> None:
    rows = weeks.rows()
    FAULTS["raw.prices", "price_level"](rows)
    recent = LAST - timedelta(days=10)
    rows = {table: [row for row in each if row["date"] >= recent] for table, each in rows.items()}
    verdicts = sources.expect(source, weeks.frames(rows), [LAST]).verdicts
    assert verdicts["passed"].all()
    level = verdicts.filter(table="raw.prices", check="price_level")["message"][0]
    assert level.endswith(NOT_JUDGED)


def test_a_day_without_trade_passes_and_is_no_measure_for_others(source: Source) -> None:
    rows, closed = weeks.rows(), [LAST, *(LAST - timedelta(days=7 * number) for number in range(1, 5))]
    rows = {table: [row for row in each if row["date"] not in closed] for table, each in rows.items()}
    outcome = sources.expect(source, weeks.frames(rows), weeks.days(), closed)
    assert outcome.failed.is_empty()
    assert outcome.verdicts.filter(date=LAST)["message"].str.ends_with(NOT_JUDGED).all()


def test_a_small_shop_is_not_stopped_by_chance(source: Source) -> None:
    rows = weeks.rows()
    few = {table: [row for row in each if row.get("sku") in SKUS_OF_A_KIOSK] for table, each in rows.items()}
    broken(raw.Stock, 3)(few)
    few[raw.Sales] = [row for row in few[raw.Sales] if row["date"] != LAST]
    assert failed(source, weeks.frames(few)) == set()


SKUS_OF_A_KIOSK = weeks.SKUS[:2]


def test_a_source_tunes_its_bands_and_accepts_days(tmp_path: Path) -> None:
    rows = weeks.rows()
    FAULTS["raw.sales", "volume"](rows)
    FAULTS["raw.prices", "coverage"](rows)
    tuned = source_of(tmp_path, bands={"sales": {"volume": [0.1, 3]}, "prices": {"coverage": False}})
    assert failed(tuned, weeks.frames(rows)) == set()
    assert "coverage" not in {each.check for each in tuned.expectations["raw.prices"]}
    accepted = source_of(tmp_path, accepted={LAST.isoformat(): "stocktaking"})
    outcome = sources.expect(accepted, weeks.frames(rows), [LAST])
    assert outcome.failed.is_empty()
    assert set(outcome.verdicts["message"]) == {"accepted in source.yaml: stocktaking"}
    assert sources.expect(replace(tuned, expectations={}), weeks.frames(rows), [LAST]).verdicts.is_empty()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bands": {"sale": False}}, "sale: no such table; expected one of competitor_snapshots, listings"),
        ({"bands": {"sales": {"volum": False}}}, "sales.volum: no such check; expected one of currencies"),
        ({"bands": {"sales": {"volume": [3, 1]}}}, "sales.volume: expected [low, high], low not above high"),
        ({"band": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_tuning_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        SourceFile.model_validate({**SETTINGS, "expectations": given})


def test_expectations_false_expects_nothing() -> None:
    assert SourceFile.model_validate({**SETTINGS, "expectations": False}).expectations.suites() == {}
    assert set(Expectations().suites()) == set(SUITES)


def test_profiles_have_one_row_per_day_and_a_column_per_check(source: Source, ordinary: Frames) -> None:
    for table, profile in profiles(source, ordinary, weeks.days(), []).items():
        assert profile.days["date"].to_list() == weeks.days()
        assert set(profile.days.columns) >= {"date", *(each.check for each in SUITES[table])}
        assert by_name(table) in ordinary


def test_the_usual_volume_is_the_median_of_the_weekday(source: Source, ordinary: Frames) -> None:
    counts = dict(ordinary[raw.Sales].group_by("date").len().iter_rows())
    figures = profiles(source, ordinary, weeks.days(), [])["raw.sales"].days
    for day, found in figures.select("date", "volume").drop_nulls().iter_rows():
        same = [day - timedelta(days=age) for age in (7, 14, 21, 28)]
        middle = statistics.median(counts[each] for each in same if each in counts)
        assert found == round((counts[day] + 10) / (middle + 10), 4)


def test_data_docs_show_the_expectation_that_failed_with_its_day(source: Source, tmp_path: Path) -> None:
    rows = weeks.rows()
    FAULTS["raw.prices", "price_level"](rows)
    for _ in range(2):  # drawn again, the pages before are gone
        page = sources.data_docs(source, weeks.frames(rows), weeks.days(), tmp_path / "docs")
    first = page.read_text()
    assert f"{LAST}: 1.6" in first and "the middle price of the market that moved most" in first
    pages = {path.stem: path.read_text() for path in (tmp_path / "docs" / "validations").rglob("*.html")}
    assert set(pages) == {f"days-{table}" for table in SUITES}
    assert not any(re.search(r'src="http|<link[^>]*href="http', text) for text in [first, *pages.values()])
    assert LAST.isoformat() in pages["days-raw.prices"] and LAST.isoformat() not in pages["days-raw.sales"]
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_data_docs_judge_a_day_of_which_all_rows_are_in_quarantine_as_a_run_does(
    source: Source, tmp_path: Path
) -> None:
    rows = weeks.rows()
    FAULTS["raw.prices", "price_level"](rows)
    for table in (raw.Listings, raw.Sales):
        rows[table] = [row for row in rows[table] if row["date"] != LAST]
    rows[raw.Quarantine] = [row for row in rows[raw.Quarantine] if row["date"] != LAST]
    lenient = replace(source, empty_days="no_trade")
    marked = f"{LAST}: 1.6"
    assert marked not in sources.data_docs(lenient, weeks.frames(rows), [LAST], tmp_path / "empty").read_text()
    rows[raw.Quarantine].append(weeks.fault(LAST, raw.Sales, 1))
    assert marked in sources.data_docs(lenient, weeks.frames(rows), [LAST], tmp_path / "faulty").read_text()


def test_nothing_is_told_to_anybody_and_nothing_is_written_aside(
    source: Source, ordinary: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"opened a connection: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert failed(source, ordinary) == set()
    assert list(tmp_path.iterdir()) == []
