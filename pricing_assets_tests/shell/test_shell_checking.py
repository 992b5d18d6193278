"""`pricing checks`: the verdicts of the days received, and Data Docs on demand."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST


def test_verdicts_of_a_day_and_of_a_range(standing: Path) -> None:
    found = answer("checks", "--date", str(FIRST))
    assert {row["date"] for row in found} == {str(FIRST)}
    assert ("raw.sales", "repeated", "passed") in {(row["table"], row["check"], row["verdict"]) for row in found}
    assert "of" in pricing("checks").stdout and "failed" in pricing("checks").stdout
    both = answer("checks", "--from", str(FIRST), "--to", str(DAYS[1]))
    assert len(both) == 2 * len(found)


def test_data_docs_are_drawn_into_the_home(copied: Path) -> None:
    said = answer("checks", "docs", "--from", str(FIRST), "--to", str(DAYS[1]))
    assert said == {"days": [str(FIRST), str(DAYS[1])], "page": str(copied / "data_docs" / "index.html")}
    assert (copied / "data_docs" / "index.html").is_file()


@pytest.mark.parametrize(
    ("asked", "what"),
    [(["--date", "2026-05-01"], "2026-05-01: never received"), (["pages"], "pages: expected docs, or nothing")],
)
def test_what_is_not_there_is_refused(standing: Path, asked: list[str], what: str) -> None:
    refused = pricing("checks", *asked, code=2 if asked == ["pages"] else 1)
    assert what in refused.stderr
