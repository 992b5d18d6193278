"""A home backed up and restored: the same content, nothing half there, refusals by name."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePath

import pytest
from archive_homes import commit, decided
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pricing_assets import governance, strategies
from pricing_assets.archive import container, head, saving
from pricing_assets.archive.places import is_left_out
from pricing_assets.archive.restoring import restore, verify
from pricing_assets.errors import PricingError
from pricing_assets.governance.schema import REVISION
from pricing_assets.lake import Lake, days, snapshot
from pricing_assets.settings import Settings
from pricing_assets.tables import raw, runs


def files(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_restored_home_has_the_same_tables_days_and_decisions_of_people(
    settings: Settings, backup: Path, elsewhere: Settings
) -> None:
    restored = restore(backup, elsewhere)
    ours, theirs = Lake(settings.lake), Lake(elsewhere.lake)
    assert snapshot.versions(theirs) == snapshot.versions(ours)
    for table in (raw.Prices, runs.Days):
        for version in range(ours.version(table) + 1):
            assert theirs.read(table, version=version).equals(ours.read(table, version=version))
    assert days.manifest(theirs) == days.manifest(ours)
    assert decided(elsewhere) == decided(settings)
    assert restored.events == 2 and restored.head.days == 2


def test_what_is_built_anew_or_of_a_moment_is_left_out(backup: Path, elsewhere: Settings) -> None:
    restore(backup, elsewhere)
    there = files(elsewhere.home)
    assert {"mlflow/artifacts/1/model/data/level.json", "market/notes.txt", "lake/_shop"} <= set(there)
    assert not [name for name in there if name.startswith(("logs/", "metrics/"))]
    assert not [name for name in there if "_claims" in name or "analytics" in name or "_locks" in name or "dbt" in name]
    assert "dagster/dagster.yaml" not in there, "its paths are absolute"
    for name in ("mlflow/mlflow.db", "dagster/history/runs.db"):
        with closing(sqlite3.connect(elsewhere.home / name)) as database:
            assert database.execute("SELECT * FROM runs").fetchall() == [("r1",)]


def test_what_runs_printed_is_left_out_wherever_dagster_keeps_it() -> None:
    of_a_deployment, of_a_laptop = "dagster/3f2a91c0/compute_logs", "dagster/logs"
    assert all(is_left_out(PurePath(path)) for path in (of_a_deployment, of_a_laptop))
    assert not is_left_out(PurePath("dagster/history/runs.db"))


def test_a_key_retried_after_a_restore_has_one_effect(backup: Path, elsewhere: Settings) -> None:
    restore(backup, elsewhere)
    with governance.open_store(elsewhere.governance, strategies) as store:
        first = store.decide("ann", "approval:one", "approve", "fine", "key of ann")
        assert store.decide("ann", "approval:one", "approve", "fine", "key of ann") == first
        assert len(store.events()) == 3
        with pytest.raises(PricingError, match="idempotency key"):
            store.ensure_default() or store.decide("bob", "approval:one", "reject", "no", "propose one")


def test_a_version_registered_while_it_copies_has_its_files_or_is_not_in_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As MLflow does it: files first, then a row of its database that names them."""
    copy = saving.sqlite.copy

    def while_training(path: Path, to: Path) -> None:
        copy(path, to)
        if path.name == "mlflow.db":
            folder = path.parent / "artifacts" / "2"
            folder.mkdir()
            (folder / "level.json").write_text("{}")
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("INSERT INTO runs VALUES ('r2')")

    monkeypatch.setattr(saving.sqlite, "copy", while_training)
    saving.save(tmp_path / "b", settings)
    with tarfile.open(tmp_path / "b") as archive:
        names = archive.getnames()
    assert names.index("mlflow/mlflow.db") < min(names.index(name) for name in names if "mlflow/artifacts/" in name)
    assert "mlflow/artifacts/2/level.json" in names, "what the copy could name by now is there"


def test_what_is_committed_while_it_copies_is_not_in_it(
    settings: Settings, tmp_path: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, parts = Lake(settings.lake), snapshot.parts

    def while_committing(*arguments: object) -> object:
        for number, part in enumerate(parts(*arguments)):  # type: ignore[arg-type]
            if number % 3 == 0:
                commit(lake, number, "7.77")
            yield part

    before = days.manifest(lake)
    monkeypatch.setattr(snapshot, "parts", while_committing)
    restore(saving.save(tmp_path / "b", settings).file, elsewhere)
    assert days.manifest(lake) != before
    assert days.manifest(Lake(elsewhere.lake)) == before
    commit(Lake(elsewhere.lake), 1, "1.23")


def test_audit_rows_that_expire_while_it_copies_are_in_it(
    settings: Settings, tmp_path: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, parts = decided(settings), snapshot.parts

    def while_expiring(*arguments: object) -> object:
        with governance.open_store(settings.governance, strategies) as store:
            assert store.expire_audit(datetime(2099, 1, 1, tzinfo=UTC), by="ann", reason="r", key="expire") > 0
        return parts(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot, "parts", while_expiring)
    restore(saving.save(tmp_path / "b", settings).file, elsewhere)
    assert decided(elsewhere) == before != decided(settings)


def test_a_file_retention_takes_away_meanwhile_begins_the_copy_anew(
    settings: Settings, tmp_path: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, parts, taken = Lake(settings.lake), snapshot.parts, []

    def while_dropping(*arguments: object) -> object:
        for part in parts(*arguments):  # type: ignore[arg-type]
            if not taken and part.needed and part.path.suffix == ".parquet" and "raw" in part.path.parts:
                file = next(iter(lake.partitions(raw.Prices).values()))
                taken.append(lake.path(raw.Prices, file))
                commit(lake, 0, "9.99")
                taken[0].unlink()
            yield part

    monkeypatch.setattr(snapshot, "parts", while_dropping)
    told: list[str] = []
    restore(saving.save(tmp_path / "b", settings, progress=told.append).file, elsewhere)
    assert [each for each in told if "beginning anew" in each]
    assert days.manifest(Lake(elsewhere.lake)) == days.manifest(lake)


def test_a_lake_that_lacks_a_file_is_not_backed_up(settings: Settings, tmp_path: Path) -> None:
    lake = Lake(settings.lake)
    gone = lake.path(raw.Prices, lake.files(raw.Prices)[0])
    gone.unlink()
    with pytest.raises(PricingError, match=f"a backup would not be whole: 1 thing .*{gone.name}") as refused:
        saving.save(tmp_path / "b", settings)
    assert "pricing restore" in refused.value.remedy
    assert not list(tmp_path.glob("b*"))


@pytest.mark.parametrize("where", ["inside", "taken", "nowhere", "no lake"])
def test_places_a_backup_is_not_made_at(settings: Settings, tmp_path: Path, elsewhere: Settings, where: str) -> None:
    (tmp_path / "taken").write_bytes(b"mine")
    file = {"inside": settings.lake / "raw" / "b", "nowhere": tmp_path / "no" / "b"}.get(where, tmp_path / "taken")
    with pytest.raises(PricingError) as refused:
        saving.save(file, elsewhere if where == "no lake" else settings, force=where == "no lake")
    assert refused.value.remedy and (tmp_path / "taken").read_bytes() == b"mine"


def test_a_folder_on_another_disk_is_part_of_the_home(settings: Settings, tmp_path: Path, elsewhere: Settings) -> None:
    shutil.move(settings.home / "mlflow", tmp_path / "disk")
    (settings.home / "mlflow").symlink_to(tmp_path / "disk")
    restore(saving.save(tmp_path / "b", settings).file, elsewhere)
    assert (elsewhere.home / "mlflow" / "artifacts" / "1" / "model" / "data" / "level.json").is_file()


@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_and_leaves_nothing(
    settings: Settings, backup: Path, elsewhere: Settings, data: st.DataObject
) -> None:
    whole = backup.read_bytes()
    damaged = backup.with_name("damaged")
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    changed = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    damaged.write_bytes(changed)
    for attempt in (lambda: verify(damaged), lambda: restore(damaged, elsewhere)):
        with pytest.raises(PricingError, match="damaged") as refused:
            attempt()
        assert refused.value.remedy
    assert not elsewhere.home.exists()


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, elsewhere: Settings) -> None:
    (tmp_path / "text").write_text("dear diary")
    with container.writing(tmp_path / "other") as writer:
        writer.add("x", b"y")
    for name in ("text", "other", "nowhere"):
        with pytest.raises(PricingError, match=r"is no backup|no such file"):
            restore(tmp_path / name, elsewhere)


def rewritten(backup: Path, **changes: object) -> Path:
    """The same backup with another head, sealed."""
    made = backup.with_name("rewritten")
    with container.writing(made) as writer:
        for name, content in container.members(backup):
            data = content.read()
            if name == head.NAME:
                data = json.dumps(json.loads(data) | changes).encode()
            writer.add(name, data)
    return made


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"format": 2}, r"format 2, written by version 7\.0\.0; this is version"),
        (
            {"governance_revision": "0099"},
            rf"version 7\.0\.0 wrote it, .* governance schema 0099, known here up to {REVISION}",
        ),
        ({"tables": {"raw.moods": {"version": 3, "columns": {}}}}, r"table raw\.moods is not known here"),
        ({"tables": {"raw.prices": {"version": 3, "columns": {"mood": "x"}}}}, r"column mood of raw\.prices"),
    ],
)
def test_a_newer_version_is_named(backup: Path, elsewhere: Settings, changes: dict[str, object], what: str) -> None:
    newer = rewritten(backup, code_version="7.0.0", **changes)
    for read in (verify, lambda file: restore(file, elsewhere)):
        with pytest.raises(PricingError, match=what) as refused:
            read(newer)
        assert "upgrade pricing-assets" in refused.value.remedy and not elsewhere.home.exists()


def test_a_home_that_is_not_empty_is_left_alone(backup: Path, elsewhere: Settings) -> None:
    elsewhere.home.mkdir(parents=True)
    (elsewhere.home / "mine.txt").write_text("mine")
    with pytest.raises(PricingError, match=r"is not empty, it holds mine\.txt"):
        restore(backup, elsewhere)
    assert files(elsewhere.home) == {"mine.txt": b"mine"}


def test_an_empty_folder_may_be_the_home_and_one_that_has_logs_alone(backup: Path, elsewhere: Settings) -> None:
    for name in ("logs", "lost+found"):
        (elsewhere.home / name).mkdir(parents=True)
    (elsewhere.home / "logs" / "2026-10-31.jsonl").write_text("{}")
    assert restore(backup, elsewhere).files == verify(backup).files
