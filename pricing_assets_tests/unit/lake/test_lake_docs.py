from __future__ import annotations

import re
from pathlib import Path

import pytest
from lake_frames import DAY, RUN, days_frame, days_row, prices

from pricing_assets.lake import Lake
from pricing_assets.lake.days import commit_days
from pricing_assets.lake.warehouse import draft
from pricing_assets.tables import raw

PAGE = Path(__file__).parents[3] / "docs" / "lake.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.split("\n")[0])
def test_snippets_of_the_page_run(snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path / ".pricing" / "lake")
    files = lake.commit(raw.Prices, prices(), [DAY], RUN)
    commit_days(lake, days_frame(days_row(DAY, files)), RUN)
    with draft(lake, tmp_path / ".pricing" / "analytics.duckdb"):
        pass
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    exec(snippet, known)
    for name in ("now", "then", "prices"):
        if hasattr(found := known.get(name), "height"):
            assert found.height == 3  # type: ignore[union-attr]


def test_the_page_has_a_snippet_for_each_reader() -> None:
    assert len(SNIPPETS) == 4
