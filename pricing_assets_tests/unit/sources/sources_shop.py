"""A shop written into the test's folder: good by default, each test breaks the part it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pricing_assets import sources
from pricing_assets.settings import Settings
from pricing_assets.sources import Source

DAY = date(2026, 3, 2)
SETTINGS: dict[str, Any] = {
    "name": "test shop",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "currencies": ["GBP", "EUR"],
    "markets": {"UK": {"country": "GB"}, "DE": {"country": "DE"}},
    "first_day": date(2026, 3, 1),
    "historical": True,
    "last_day": date(2026, 3, 31),
}
GOOD = {
    "listings": "SELECT DATE '2026-03-02' AS date, 'A' AS sku, 'UK' AS market",
    "prices": "SELECT DATE '2026-03-02' AS date, 'A' AS sku, 'UK' AS market, 9.99 AS price",
    "sales": "SELECT DATE '2026-03-02' AS date, 'A' AS sku, 'UK' AS market, 2 AS quantity, 9.99 AS unit_price",
}

Shop = Callable[..., Source]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("PRICING_SOURCE_URL", "PRICING_SOURCE", "UCI_ONLINE_RETAIL"):
        monkeypatch.delenv(name, raising=False)
    return Settings(_env_file=None)  # type: ignore[call-arg]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good source folder."""
    path = tmp_path / "shop"
    path.mkdir()
    write_settings(path)
    for name, sql in GOOD.items():
        (path / f"{name}.sql").write_text(sql)
    return path


@pytest.fixture
def shop(folder: Path, settings: Settings) -> Shop:
    """`shop(prices="SELECT …", settings={…})`: the good shop with these SELECTs and settings instead."""

    def build(settings_changes: dict[str, Any] | None = None, **selects: str) -> Source:
        write_settings(folder, **(settings_changes or {}))
        for name, sql in selects.items():
            (folder / f"{name}.sql").write_text(sql)
        return sources.load(folder, settings)

    return build


def write_settings(folder: Path, **changes: Any) -> None:
    """Write source.yaml; a change to None leaves the key out."""
    content = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not None}
    (folder / "source.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
