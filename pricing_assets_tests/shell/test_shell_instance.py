"""Which Dagster instance the shell runs on."""

from __future__ import annotations

import os
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
