"""Disks that refuse and files that go: each is named, and nothing is half there."""

from __future__ import annotations

import errno
import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pricing_assets.archive import container, restoring, saving
from pricing_assets.archive.restoring import restore, verify
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.settings import Settings
from pricing_assets.tables import raw


@pytest.mark.parametrize("looked", ["stat", "scandir"])
def test_a_file_that_goes_while_the_room_is_counted_is_not_counted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked: str
) -> None:
    """Retention removes a file nobody needs any more, and the folder it was in, between the listing and the look."""
    folder = settings.lake / "raw" / "prices" / "date=2019-01-01"
    folder.mkdir()
    (folder / "free.parquet").write_bytes(b"rows")
    real = getattr(os, looked)

    def late(path: object, *arguments: object, **options: object) -> object:
        if "date=2019-01-01" in str(path):
            shutil.rmtree(folder, ignore_errors=True)
        return real(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, looked, late)
        saving._require_room(tmp_path / "b", settings.home)
    assert not folder.exists()


def test_a_disk_too_small_is_refused_before_and_survived_meanwhile(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
        with pytest.raises(PricingError, match="MB are free, the backup takes about"):
            saving.save(tmp_path / "b", settings)

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(container._Streams, "file", property(lambda _: Full(), lambda *_: None), raising=False)
    with pytest.raises(PricingError, match="No space left") as refused:
        saving.save(tmp_path / "b", settings)
    assert "free some space" in refused.value.remedy and not list(tmp_path.glob("b*"))


@pytest.mark.parametrize("where", ["rows", "registry", "folder"])
def test_what_cannot_be_read_is_named_and_not_the_backup(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    lake = Lake(settings.lake)
    rows, model = lake.path(raw.Prices, lake.files(raw.Prices)[0]), settings.home / "mlflow" / "artifacts" / "1"
    broken = {"rows": rows, "registry": model / "model" / "data" / "level.json", "folder": model}[where]
    if where == "folder":
        scan = os.listdir
        monkeypatch.setattr(os, "listdir", lambda path: _refused(path) if path == broken else scan(path))
    else:
        opened = Path.open
        monkeypatch.setattr(saving, "_require_whole", lambda lake: None)  # it was well when that looked
        monkeypatch.setattr(
            Path, "open", lambda path, *how, **more: Worn(path) if path == broken else opened(path, *how, **more)
        )
    with pytest.raises(PricingError, match=rf"^{broken}: cannot be read") as refused:
        saving.save(tmp_path / "b", settings)
    assert "check the disk that holds it" in refused.value.remedy and not list(tmp_path.glob("b*"))


class Worn(io.FileIO):
    """A file whose disk no longer reads it."""

    def read(self, _: int | None = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def _refused(path: Path) -> list[str]:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def test_a_backup_that_cannot_be_read_is_named(
    backup: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open
    for times in range(3):
        read: list[Path] = []

        def once_worn(path: Path, *how: Any, read: list[Path] = read, times: int = times, **more: Any) -> object:
            if path == backup:
                read.append(path)
            return Worn(path) if len(read) > times and path == backup else opened(path, *how, **more)

        monkeypatch.setattr(Path, "open", once_worn)
        with pytest.raises(PricingError, match=rf"^{backup}: cannot be read"):
            restore(backup, elsewhere)
        assert not elsewhere.home.exists()


def test_a_folder_of_a_run_purged_meanwhile_is_left_out(
    settings: Settings, tmp_path: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, purged = os.listdir, settings.home / "mlflow" / "artifacts" / "1"

    def late(path: Path) -> list[str]:
        if path == purged:
            shutil.rmtree(purged)
        return scan(path)

    monkeypatch.setattr(os, "listdir", late)
    saved = saving.save(tmp_path / "b", settings)
    monkeypatch.undo()
    assert verify(saved.file).files == saved.files
    assert not purged.exists()


def test_a_database_that_is_damaged_is_named(settings: Settings, tmp_path: Path) -> None:
    (settings.home / "dagster" / "history" / "runs.db").write_bytes(b"SQLite format 3\0" + b"but no more" * 500)
    with pytest.raises(PricingError, match=r"runs\.db: cannot be copied") as refused:
        saving.save(tmp_path / "b", settings)
    assert refused.value.remedy and not list(tmp_path.glob("b*"))


@pytest.mark.parametrize("write", ["_written", "write_durably"])
def test_a_disk_that_refuses_leaves_the_home_as_it_was(
    backup: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    def full(*_: object) -> container.Content:
        raise PricingError("home: cannot be written (No space left on device)", "free some space")

    monkeypatch.setattr(restoring, write, full)
    with pytest.raises(PricingError, match="No space left"):
        restore(backup, elsewhere)
    assert not elsewhere.home.parent.exists()
