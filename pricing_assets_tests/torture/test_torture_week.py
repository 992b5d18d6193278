"""The whole UCI Online Retail file through the real line, for the last week of the shop.

The balance of all 541,909 lines is tested beside the source (unit/sources), its shipped excerpt through the line in
replay/; this is the same at full size, and takes over a minute.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from torture_findings import standing
from torture_runs import Place, check_whole
from whole_shop import needed_whole_file

from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import replay
from pricing_assets.tables.raw import Quarantine, Sales
from pricing_assets.tables.runs import Checks

FIRST, LAST = date(2011, 12, 3), date(2011, 12, 9)


pytestmark = [pytest.mark.torture, pytest.mark.full_data]


def test_a_week_of_the_whole_shop(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = needed_whole_file()
    place = Place(home, variables={"UCI_ONLINE_RETAIL": str(path)})
    place.run("run", "--from", str(FIRST), "--to", str(LAST))

    days = manifests.standing(place.lake)
    by_status = dict(days.group_by(pl.col("status").cast(pl.String)).len().iter_rows())
    assert by_status == {"priced": 6, "no_trade": 1}, "the shop was closed on Saturdays"
    check_whole(place.lake)
    decided = standing(place.lake)
    listed = duckdb.sql(f"""
        SELECT count(DISTINCT (StockCode, Country)) FROM '{path}'
        WHERE regexp_matches(StockCode, '^[0-9]{{5}}') AND InvoiceNo NOT LIKE 'C%' AND Quantity > 0 AND UnitPrice > 0
            AND CAST(InvoiceDate AS DATE) BETWEEN DATE '{LAST}' - 55 AND '{LAST}'
    """).fetchall()[0][0]
    assert decided.filter(date=LAST).height == listed
    assert decided.filter(pl.col("final_price").is_null() & (pl.col("action") == "publish")).is_empty()

    window = {"first": FIRST, "last": LAST}
    lines = duckdb.sql(
        f"SELECT count(*) FROM '{path}' WHERE CAST(InvoiceDate AS DATE) BETWEEN $first AND $last", params=window
    )
    of_days = pl.col("date").is_between(FIRST, LAST)
    accepted = place.lake.read(Sales, FIRST, LAST)["source_lines"].sum()
    quarantined = place.lake.read(Quarantine, FIRST, LAST).filter(table="raw.sales").height
    assert accepted + quarantined == lines.fetchall()[0][0]
    balance = place.lake.read(Checks).filter(of_days & (pl.col("check") == "balance"))
    assert balance["passed"].all()

    replayed = list(replay(place.lake))
    assert [outcome.difference for outcome in replayed if outcome.difference] == []
    assert sum(outcome.rows for outcome in replayed) == decided.height
