"""Settings: what is empty in the environment says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pricing_assets.settings import Settings


def test_an_empty_variable_is_as_if_it_were_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PRICING_{name.upper()}", raising=False)
    bare = Settings()
    for name in Settings.model_fields:
        monkeypatch.setenv("DAGSTER_HOME" if name == "dagster_home" else f"PRICING_{name.upper()}", "")
    assert Settings() == bare


def test_an_empty_variable_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PRICING_GOVERNANCE_URL=postgresql://shop/governance\n")
    assert Settings().governance_url == "postgresql://shop/governance"
    monkeypatch.setenv("PRICING_GOVERNANCE_URL", "")
    assert Settings().governance_url is None


@pytest.mark.parametrize(
    "name", ["approval_days=99999999999", "log_days=99999999999", "chunk_rows=99999999999999", "marts_memory=0GB"]
)
def test_what_is_absurd_is_refused_at_once_and_not_by_the_station_that_meets_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field, value = name.split("=")
    monkeypatch.setenv(f"PRICING_{field.upper()}", value)
    with pytest.raises(ValidationError, match=field):
        Settings()
