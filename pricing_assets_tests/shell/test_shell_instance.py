"""Which Dagster instance the shell runs on."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_instance_is_that_of_the_project_for_its_own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.settings import Settings
    from pricing_assets.shell import instance

    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.chdir(tmp_path)
    assert instance.instance_folder(Settings(home=Path(".pricing"))) == tmp_path
    assert instance.instance_folder(Settings(home=tmp_path / "other")) == tmp_path / "other" / "dagster"
    os.environ.pop("PRICING_HOME")


def test_a_moved_home_is_served_from_where_it_is_and_a_changed_file_stays(tmp_path: Path) -> None:
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import instance_folder

    old, new = Settings(home=tmp_path / "old"), Settings(home=tmp_path / "new")
    written = (instance_folder(old) / "dagster.yaml").read_text()
    (tmp_path / "link").symlink_to(old.home)
    assert (instance_folder(Settings(home=tmp_path / "link")) / "dagster.yaml").read_text() == written, "the same place"
    shutil.copytree(old.home, new.home)
    assert str(old.home) not in (instance_folder(new) / "dagster.yaml").read_text()
    assert (instance_folder(old) / "dagster.yaml").read_text() == written
    (new.home / "dagster" / "dagster.yaml").write_text(written + "retention: {}\n")
    assert (instance_folder(new) / "dagster.yaml").read_text() == written + "retention: {}\n", "somebody's own"


def test_looking_at_an_instance_elsewhere_leaves_the_home_alone(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import is_made, open_instance

    folder = tmp_path / "instance"
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("PRICING_DAGSTER_FOLDER", str(home / "dagster"))
    assert is_made(Settings()), "what is named and not there is refused"
    folder.mkdir()
    config = folder / "dagster.yaml"
    config.write_text("storage: {sqlite: {base_dir: {env: PRICING_DAGSTER_FOLDER}}}\n")
    assert not is_made(Settings())
    module = "dagster._core.storage.root, class: LocalArtifactStorage"
    config.write_text(
        f"local_artifact_storage: {{module: {module}, config: {{base_dir: {{env: PRICING_DAGSTER_FOLDER}}}}}}\n"
    )
    assert is_made(Settings()), "its databases are beside it, not in the home"
    with open_instance(Settings(), to_look=True) as opened:
        assert opened.get_runs() == []
    assert not home.exists()


def test_a_database_that_is_down_is_told_once(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pricing_assets.errors import PricingError
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    (tmp_path / "dagster.yaml").write_text(
        "storage: {postgres: {postgres_url: 'postgresql://me@127.0.0.1:1/dagster?connect_timeout=1'}}\n"
    )
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between its attempts
    with pytest.raises(PricingError, match="its database does not answer"), open_instance(Settings()):
        pass
    assert "Retrying" not in caplog.text
    logging.warning("Retrying failed database connection: and this is somebody else's")
    assert "somebody else's" in caplog.text


def test_an_instance_keeps_one_engine_for_each_of_its_files(tmp_path: Path) -> None:
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from sqlalchemy.pool import NullPool

    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    for _ in range(2):
        with open_instance(Settings(home=tmp_path / "home")) as opened:
            assert opened.get_runs() == []
    made = [sqlite_event_log.create_engine(f"sqlite:///{tmp_path}/{name}.db", poolclass=NullPool) for name in "aab"]
    assert made[0] is made[1] is not made[2]


def test_files_of_an_instance_stay_open_while_it_is_and_are_whole_without_their_logs_after_it(tmp_path: Path) -> None:
    import dagster as dg

    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import _MOST_HELD, open_instance

    def beside(name: str) -> list[str]:
        return sorted(path.name for path in folder.rglob(f"{name}.db-*"))

    @dg.asset
    def one() -> None: ...

    folder = tmp_path / "dagster" / "history"
    with open_instance(Settings(home=tmp_path)) as opened:
        runs = [dg.materialize([one], instance=opened).run_id for _ in range(_MOST_HELD + 2)]
        assert beside("index") == ["index.db-shm", "index.db-wal"]
        assert beside(runs[-1]) == [f"{runs[-1]}.db-shm", f"{runs[-1]}.db-wal"]
        assert beside(runs[0]) == []
    assert beside("*") == []
    with open_instance(Settings(home=tmp_path)) as opened:
        assert {run.run_id for run in opened.get_runs()} == {*runs}
        assert all(opened.all_logs(run) for run in runs)


def test_what_is_served_in_the_background_can_be_stopped(tmp_path: Path) -> None:
    """A shell lets what it starts with & ignore Ctrl-C."""
    heeded = "signal.getsignal(signal.SIGINT) == signal.default_int_handler"
    ask = f"import os, signal; print({heeded}, os.environ['DAGSTER_HOME'])"
    command = f"trap '' INT; {sys.executable} -m pricing_assets.shell.instance {sys.executable} -c \"{ask}\""
    environment = os.environ | {"PRICING_HOME": str(tmp_path / "home")}
    environment.pop("DAGSTER_HOME", None)
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", str(tmp_path / "home" / "dagster")]
