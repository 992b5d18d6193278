"""A restore killed anywhere, or beside another: the home is whole, or says what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from archive_homes import decided

from pricing_assets.archive.places import RESTORING, refuse_unfinished
from pricing_assets.archive.restoring import restore
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, days
from pricing_assets.settings import Settings


class Killed(BaseException):
    """What a test ends a restore by, at a rename."""


@pytest.mark.parametrize("after", range(6))
def test_killed_anywhere_it_says_restore_again_and_that_ends_well(
    settings: Settings, backup: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Where nothing was moved yet, the process is gone all the same: nothing tidies up."""
    renames, rename = [], Path.rename

    def counted(path: Path, target: Path) -> Path:
        renames.append(path)
        if len(renames) > after:
            raise Killed
        return rename(path, target)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "rename", counted)
        restore(backup, elsewhere)
    with pytest.raises(PricingError, match="a restore was begun here and has not ended"):
        refuse_unfinished(elsewhere.home)
    restore(backup, elsewhere)
    refuse_unfinished(elsewhere.home)
    assert not (elsewhere.home / RESTORING).exists()
    assert days.manifest(Lake(elsewhere.lake)) == days.manifest(Lake(settings.lake))
    assert decided(elsewhere) == decided(settings)


def test_what_is_settled_is_settled_before_anything_is_in_place(
    backup: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(unpacked: Path) -> None:
        assert [path.name for path in elsewhere.home.iterdir() if path.name[0] != "."] == []
        (unpacked / "dagster" / "settled").touch()

    restore(backup, elsewhere, settle=settle)
    assert (elsewhere.home / "dagster" / "settled").exists()


def test_killed_while_it_tidies_up_the_home_is_whole_and_says_nothing(
    settings: Settings, backup: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halfway(folder: Path, **_: object) -> None:
        (folder / "names.json").unlink()
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "rmtree", halfway)
        restore(backup, elsewhere)
    refuse_unfinished(elsewhere.home)
    assert days.manifest(Lake(elsewhere.lake)) == days.manifest(Lake(settings.lake))
    with pytest.raises(PricingError, match="is not empty"):
        restore(backup, elsewhere)
    for name in ("dagster", "lake", "market", "mlflow"):
        shutil.rmtree(elsewhere.home / name)
    (elsewhere.home / "governance.db").unlink()
    restore(backup, elsewhere)
    assert not list(elsewhere.home.glob(".*"))


def test_of_two_restores_at_once_the_second_is_refused_by_name_and_the_first_ends(
    settings: Settings, backup: Path, elsewhere: Settings
) -> None:
    refusals: list[PricingError] = []

    def second(text: str) -> None:
        with pytest.raises(PricingError) as refused:
            restore(backup, elsewhere)
        refusals.append(refused.value)

    restore(backup, elsewhere, second)
    assert days.manifest(Lake(elsewhere.lake)) == days.manifest(Lake(settings.lake))
    assert len(refusals) > 1 and not list(elsewhere.home.glob(".*"))
    assert {f"is held by process {os.getpid()} (" in refused.what for refused in refusals} == {True}
    assert {"wait until it ends" in refused.remedy for refused in refusals} == {True}
