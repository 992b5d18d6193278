"""`pricing doctor`: what is sound, and the remedy of each fault."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import FIRST, Shop

from pricing_assets.lake import Lake
from pricing_assets.tables import raw


def test_a_priced_shop_is_sound(standing: Path) -> None:
    found = {each["what"]: each for each in answer("doctor")}
    assert all(each["sound"] for each in found.values())
    assert set(found) == {
        *("python", "libraries", "dbt", "home", "disk", "source", "lake", "claims"),
        *("governance", "registry", "dagster", "warehouse"),
    }
    assert "ok    source: tiny shop" in pricing("doctor").stdout


def test_a_new_installation_is_sound(shop: Shop) -> None:
    assert "FAULT" not in pricing("doctor").stdout


def test_the_database_of_a_shop_is_named_and_tried(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.settings(database=f"sqlite:///{tmp_path / 'books.db'}")
    sqlite3.connect(tmp_path / "books.db").close()
    assert f"ok    database: sqlite:///{tmp_path / 'books.db'} answers" in pricing("doctor").stdout
    monkeypatch.setenv("PRICING_SOURCE_URL", "postgresql://me:secret@127.0.0.1:1/shop")
    said = pricing("doctor", code=1).stdout
    assert "FAULT database: database postgresql://me:***@127.0.0.1:1/shop: " in said
    assert "secret" not in said


@pytest.mark.parametrize("fault", ["source", "lake", "warehouse", "governance", "dagster", "disk", "settings"])
def test_faults_have_a_remedy(copied: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    from pricing_assets.shell import doctor

    if fault == "source":
        (shop.folder / "prices.sql").unlink()
    elif fault == "lake":
        lake = Lake(copied / "lake")
        lake.path(raw.Prices, lake.partitions(raw.Prices)[FIRST]).unlink()
    elif fault == "warehouse":
        (copied / "analytics.duckdb").write_bytes(b"no database")
    elif fault == "governance":
        monkeypatch.setenv("PRICING_GOVERNANCE_URL", "nosuch://database")
    elif fault == "dagster":
        monkeypatch.setenv("DAGSTER_HOME", str(copied / "nowhere"))
    elif fault == "disk":
        monkeypatch.setattr(doctor, "_FREE_BYTES", float("inf"))
    elif fault == "settings":
        monkeypatch.setattr(sys, "version_info", (3, 10, 0))
        fault = "python"
    said = pricing("doctor", code=1).stdout
    line = said.splitlines().index(next(line for line in said.splitlines() if line.startswith(f"FAULT {fault}")))
    assert any("remedy: " in line for line in said.splitlines()[line + 1 :])


def test_a_home_that_cannot_be_written(shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, content: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refused)
    found = {each["what"]: each for each in answer("doctor", code=1)}
    assert not found["home"]["sound"]
    assert found["home"]["remedy"].startswith("permission denied: ")
