"""The metrics file: what it says, that Prometheus' own parser reads it, and that nobody ever reads half of it."""

from __future__ import annotations

import os
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tiny_shop import DAYS, Shop
from watch_lake import at, executed, stand

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import Drift
from pricing_assets.lake import Lake
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.watch import metrics, situation

NOW = at(DAYS[4], 7)
STATIONS = {"daily": {"raw": 1.5, "price_decisions": 0.25}}


@pytest.fixture
def lake(home: Path) -> Lake:
    made = Lake(home / "lake")
    stand(made, DAYS[:4], decided=4, published=2, held=1, quarantined=3)
    executed(made, NOW - timedelta(hours=2))
    executed(made, NOW - timedelta(hours=1), outcome="failure", error="no file", first_day=DAYS[4], last_day=DAYS[4])
    return made


@pytest.fixture
def source(tmp_path: Path) -> Source:
    shop = Shop(tmp_path / "live").write()
    shop.goes_on(DAYS[-1])
    shop.settings(historical=None, last_day=None, name='Corner "shop" \\ UK')
    return shop.load()  # type: ignore[no-any-return]


def written(lake: Lake, source: Source, settings: Settings, now: datetime = NOW) -> Path:
    with governance.open_store(settings.governance) as store:
        store.gate.open(Drift("demand-daily", None, "psi", "all"), "drifted", timedelta(days=3650))
    found = situation.look(lake, source, settings, now)
    return metrics.write(lake, source, settings, found, STATIONS)


def samples(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Name → values of its labels but the shop's → value, as Prometheus reads them."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        for name, labels, value, *_ in family.samples:
            assert labels.pop("shop") == 'Corner "shop" \\ UK'
            found.setdefault(name, {})[tuple(labels.values())] = value
    return found


def test_it_says_how_things_stand(lake: Lake, source: Source) -> None:
    path = written(lake, source, Settings())
    assert path == Settings().home / "metrics" / "pricing_corner_shop_uk.prom"
    said = samples(path)
    for name, number in (("decided", 4), ("published", 2), ("held", 1), ("quarantined", 3)):
        assert said[f"pricing_day_{name}"] == {(): number}
    assert said["pricing_days"] == {("priced",): 4}
    assert said["pricing_day_anomalies"][("severe",)] == 0
    assert said["pricing_late_days"] == said["pricing_late_days_open"] == {(): 1}
    assert said["pricing_lateness_seconds"] == {(): 3600}
    assert said["pricing_next_day_due_timestamp_seconds"] == {(): at(DAYS[4], 6).timestamp()}
    assert said["pricing_last_day_end_timestamp_seconds"] == {(): at(DAYS[3], 0).timestamp()}
    assert said["pricing_executions"] == {("failure",): 1, ("success",): 1}
    assert said["pricing_run_success"] == {("daily",): 0}
    assert said["pricing_run_seconds"] == {("daily",): 30}
    assert said["pricing_run_station_seconds"] == {("daily", "raw"): 1.5, ("daily", "price_decisions"): 0.25}
    assert said["pricing_waiting"][("approval",)] == 1 and said["pricing_waiting"][("review",)] == 0
    assert said["pricing_home_bytes"][("lake",)] > 0 < said["pricing_lake_log_files"][()]
    assert said["pricing_faults"] == {(): 2}, "late, and failed"
    assert said["pricing_metrics_timestamp_seconds"] == {(): NOW.timestamp()}


def test_a_canceled_execution_is_no_failure(lake: Lake, source: Source) -> None:
    executed(lake, NOW - timedelta(minutes=30))
    executed(lake, NOW - timedelta(minutes=20), outcome="canceled")
    assert samples(written(lake, source, Settings()))["pricing_run_success"] == {("daily",): 1}


def test_names_follow_the_conventions(lake: Lake, source: Source) -> None:
    for family in text_string_to_metric_families(written(lake, source, Settings()).read_text()):
        assert re.fullmatch(r"pricing_[a-z]+(_[a-z]+)*", family.name) and family.documentation.endswith(".")
        assert family.type == "gauge" and not family.name.endswith(("_total", "_count", "_days_seconds"))
        labels = {name for sample in family.samples for name in sample.labels}
        assert not labels & {"job", "instance"}, "Prometheus' own"


def test_a_reader_never_sees_half_a_file(lake: Lake, source: Source, tmp_path: Path) -> None:
    settings = Settings(metrics=tmp_path / "collected")
    path = written(lake, source, settings)
    names, done, faults = set(samples(path)), threading.Event(), []

    def read() -> None:
        while not done.is_set():
            faults.extend(names - set(samples(path)))
            faults.extend(each.name for each in path.parent.glob("*.prom") if each != path)

    reader = threading.Thread(target=read)
    reader.start()
    found = situation.look(lake, source, settings, NOW)
    for _ in range(50):
        metrics.write(lake, source, settings, found, STATIONS)
    done.set()
    reader.join()
    assert faults == []


def test_what_a_killed_writer_left_is_cleared_and_a_fault_keeps_the_last_file(
    lake: Lake, source: Source, tmp_path: Path
) -> None:
    settings = Settings(metrics=tmp_path / "collected")
    path = written(lake, source, settings)
    (path.parent / f"{path.name}.abc.tmp").write_text("half")
    assert written(lake, source, settings) == path
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    (tmp_path / "no folder").write_text("")
    with pytest.raises(PricingError, match="no folder"):
        written(lake, source, Settings(metrics=tmp_path / "no folder" / "here"))


def test_another_user_of_the_machine_may_read_it(lake: Lake, source: Source) -> None:
    before = os.umask(0o027)  # that of the units in deploy/systemd
    try:
        path = written(lake, source, Settings())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_home_without_a_day_has_a_file_too(home: Path, source: Source) -> None:
    said = samples(written(Lake(home / "lake"), source, Settings(), datetime(2026, 3, 2, 3, tzinfo=UTC)))
    assert "pricing_last_day_end_timestamp_seconds" not in said
    assert said["pricing_late_days"] == {(): 0}
