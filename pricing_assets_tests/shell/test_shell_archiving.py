"""`pricing backup` and `pricing restore`: what they say, what they refuse, and a home that was restored goes on."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Shop

from pricing_assets.archive import head
from pricing_assets.archive.places import RESTORING
from pricing_assets.lake import Lake, days
from pricing_assets.tables import features, raw


def test_a_backup_says_what_it_holds_and_what_not(standing: Path, tmp_path: Path, shop: Shop) -> None:
    said = pricing("backup", str(tmp_path / "b")).stdout
    assert "5 days, 2026-03-01 to 2026-03-05, 1 governance event" in said
    assert f"not in it: the shop's folder {shop.folder}" in said
    assert "is there already" in answer("backup", str(tmp_path / "b"), code=1)["error"]
    again = answer("backup", str(tmp_path / "b"), "--force")
    assert again["bytes"] == (tmp_path / "b").stat().st_size
    assert again["backup"]["tables"]["runs.days"] == 0 and again["backup"]["days"] == 5
    assert f"{tmp_path / 'b'}: is whole" in pricing("restore", str(tmp_path / "b"), "--check").stdout
    assert answer("restore", str(tmp_path / "b"), "--check")["sound"]


def test_the_doctor_looks_at_a_backup_too_and_says_what_to_do_about_a_newer_one(
    standing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "b")
    pricing("backup", file)
    assert f"ok    backup: {file} is whole: 5 days" in pricing("doctor", "--backup", file).stdout
    monkeypatch.setattr(head, "known_revisions", lambda: ["0001"])
    said = pricing("doctor", "--backup", file, code=1).stdout
    assert f"FAULT backup: {file}: version" in said and "known here up to 0001" in said
    assert "remedy: upgrade pricing-assets to version" in said
    (tmp_path / "b").write_bytes(b"no backup")
    assert f"FAULT backup: {file}: is no backup" in pricing("doctor", "--backup", file, code=1).stdout


def test_a_restored_home_is_sound_replays_and_ends_what_was_at_work(
    standing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    from pricing_assets.defs import executions, warehouse
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    working = Settings(home=tmp_path / "working")
    shutil.copytree(standing, working.home)
    (working.home / "dagster" / "dagster.yaml").unlink()  # it names the home it was written in
    with open_instance(working) as instance:
        tags = {"dagster/partition": "2026-03-06"}
        run = instance.add_run(dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED, tags=tags))
    pricing("backup", str(tmp_path / "b"), "--home", str(working.home))
    built: list[str] = []
    monkeypatch.setattr(warehouse, "build", lambda: built.append("built"))  # a run of dbt, tried in torture
    home = str(tmp_path / "restored")
    with monkeypatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(working.home / "dagster"))  # of another home, at work
        said = pricing("restore", str(tmp_path / "b"), "--home", home).stdout
    assert f"run {run.run_id} counts as canceled" in said and built == ["built"]
    assert "5 of 5 days came out the same" in pricing("replay", "--home", home).stdout
    assert not (Path(home) / "dagster" / "dagster.yaml").exists(), "it would name the folder it was unpacked in"
    with open_instance(Settings(home=Path(home))) as instance:
        assert executions.why_not(instance, Lake(Path(home) / "lake"), [FIRST.replace(day=6)], datetime.now(UTC)) == {}
    with open_instance(working) as instance:
        assert not instance.get_run_by_id(run.run_id).is_finished  # type: ignore[union-attr]
    refused = answer("restore", str(tmp_path / "b"), "--home", home, code=1)
    assert "is not empty" in refused["error"] and refused["remedy"]


def test_runs_that_cannot_be_ended_are_named_and_the_home_is_whole(
    standing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.defs import warehouse

    monkeypatch.setattr(warehouse, "build", lambda: None)
    shutil.copytree(standing, tmp_path / "odd")
    with closing(sqlite3.connect(tmp_path / "odd" / "dagster" / "history" / "runs.db")) as database:
        database.execute("ALTER TABLE runs RENAME COLUMN status TO state")
    pricing("backup", str(tmp_path / "b"), "--home", str(tmp_path / "odd"))
    said = pricing("restore", str(tmp_path / "b"), "--home", str(tmp_path / "restored")).stdout
    assert "runs that were at work keep their days: Dagster's instance" in said and "no such column" in said
    assert len(days.standing(Lake(tmp_path / "restored" / "lake"))) == 5


def test_on_a_home_whose_restore_has_not_ended_nothing_works_but_restore(copied: Path) -> None:
    (copied / RESTORING).mkdir()
    for words in (["status"], ["run"], ["query", "select 1"], ["backup", "x"]):
        assert "a restore was begun here and has not ended" in answer(*words, code=1)["error"]
    (fault,) = [each for each in answer("doctor", code=1) if not each["sound"]]
    assert fault["what"] == "home" and "run `pricing restore FILE` again" in fault["remedy"]


def test_doctor_says_which_days_a_run_computes_again_and_that_run_does(copied: Path, quick: object) -> None:
    lake = Lake(copied / "lake")
    lost = lake.path(features.FeatureSnapshots, lake.partitions(features.FeatureSnapshots)[FIRST])
    before = lost.read_bytes()
    lost.unlink()
    found = {each["what"]: each for each in answer("doctor", code=1)}["lake"]
    assert found["found"] == f"1 thing missing or damaged: features.feature_snapshots {FIRST}: {lost} is missing"
    assert found["remedy"] == f"`pricing run` computes {FIRST} again, from raw rows that are there"
    pricing("run", "--date", str(FIRST))
    assert lost.read_bytes() == before
    assert {each["what"]: each for each in answer("doctor")}["lake"]["sound"]


def test_doctor_says_what_cannot_be_computed_again(copied: Path, shop: Shop) -> None:
    lake = Lake(copied / "lake")
    lake.path(raw.Sales, lake.partitions(raw.Sales)[FIRST]).unlink()
    said = pricing("doctor", code=1).stdout
    assert f"FAULT lake: 1 thing missing or damaged: raw.sales {FIRST}" in said and "pricing restore BACKUP" in said
    assert "raw.sales" in pricing("replay", "--date", str(FIRST), code=1).output


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_home_copied_half_is_named_never_taken_for_whole_and_sound_once_the_copy_is(
    priced: Path, home: Path, quick: object, share: float
) -> None:
    files = sorted(path.relative_to(priced) for path in priced.rglob("*") if path.is_file())
    expected = {day: row["decisions_hash"] for day, row in _standing(priced).items()}
    _copy(priced, home, Random(str(share)).sample(files, int(share * len(files))))
    faults = [each for each in answer("doctor", code=1) if not each["sound"]]
    assert faults and all(each["found"] and each["remedy"] for each in faults)
    ran = pricing("run", "--from", str(FIRST), "--to", str(DAYS[4]), "--json", code=None)
    if ran.exit_code:
        said = json.loads(ran.stdout)
        assert said["error"] and said["remedy"]
        _copy(priced, home, files)
        assert all(each["sound"] for each in answer("doctor"))
    assert {day: row["decisions_hash"] for day, row in _standing(home).items()} == expected
    pricing("replay", "--from", str(FIRST), "--to", str(DAYS[4]))


def _standing(home: Path) -> dict[object, dict[str, object]]:
    return {row["date"]: row for row in days.standing(Lake(home / "lake")).to_dicts()}


def _copy(source: Path, home: Path, files: Sequence[Path]) -> None:
    for file in files:
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, home / file)
