"""What only looks makes nothing: a backup can still be restored into a home somebody looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_shop import Shop
from typer.testing import CliRunner

LOOKS = (
    *("status", "runs", "doctor", "logs", "checks", "anomalies", "replay", "audit", "audit --subject strategy:default"),
    *("overrides --all", "drift list", "drift show drift-1", "models list", "models diff --model demand-daily"),
    *("review list", "review held", "review answers", "autonomy list", "strategy list", "strategy shadows"),
    *("explain A --market UK", "trace A --market UK --date 2026-03-01", "lake log runs.days", "lake keep --dry-run"),
    *("publish", "publish status", "effectiveness", "query SELECT"),
)


@pytest.mark.parametrize("words", LOOKS)
def test_looking_makes_nothing(words: str, shop: Shop, home: Path) -> None:
    from pricing_assets.cli import app

    result = CliRunner().invoke(app, words.split())
    assert result.exit_code in (0, 1) and isinstance(result.exception, SystemExit | None), result.output
    assert not home.exists()
