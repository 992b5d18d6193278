"""The registry in PostgreSQL, without a server of MLflow's."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from fake_model import Fake
from servers import empty_database

from pricing_assets.models import content_hash, open_registry


def test_versions_are_kept_in_postgresql_and_their_files_under_home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url, home = empty_database(request, "postgresql", tmp_path), tmp_path / "home"
    assert sa.make_url(url).drivername == "postgresql", "as people write it"
    (tmp_path / "trained").mkdir()
    record = Fake().train(None, tmp_path / "trained")  # type: ignore[arg-type]

    registry = open_registry(url, home)
    for _ in range(2):
        made = registry.register("demand-daily", record, event_id="drift-1", root_run_id="root")
    registry.keep_report(made, '{"passed": true}', "a" * 64)
    registry.crown("demand-daily", made.version)

    again = open_registry(url, home)
    (found,) = again.versions("demand-daily")
    assert (found.label, found.aliases) == ("demand-daily/1", ("champion",))
    assert content_hash(again.fetch(made, tmp_path / "back").folder) == content_hash(record.folder)
    assert again.report(made) == '{"passed": true}'
    assert (home / "mlflow" / "artifacts" / made.run_id).is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "home", "trained"], "nothing beside the home"
