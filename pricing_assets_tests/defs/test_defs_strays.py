"""Rows without a usable date through the stations: they appear after the first day stands, and are mended."""

from __future__ import annotations

import polars as pl
import pytest
from tiny_shop import DAYS, FIRST, Begin, Line, Row, Shop

from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import replay
from pricing_assets.tables import raw
from pricing_assets.tables.runs import Checks

THREE, TENTH = DAYS[:3], DAYS[9]
LOST: Row = {"date": "", "sku": "A", "market": "UK", "quantity": "7", "unit_price": "4.00", "currency": "GBP"}
LATE: Row = {**LOST, "date": "2027-01-01", "sku": "B"}


@pytest.fixture(autouse=True)
def tolerant(shop: Shop) -> None:
    """A shop with an ordinary row in quarantine on its first day."""
    shop.settings(limits={"quarantine_share": 0.5, "undated_share": 0.9})
    shop.change("prices", FIRST, price="NaN")


def held(lake: Lake) -> dict[str, list[str]]:
    """Table → quantities or prices of its rows in quarantine on the first day, as manifested."""
    file = manifests.manifested(lake, raw.Quarantine)[FIRST]
    rows = lake.read_files(raw.Quarantine, [file])
    path = pl.when(table="raw.sales").then(pl.lit("$.quantity")).otherwise(pl.lit("$.price"))
    values = rows.select("table", value=pl.col("record").str.json_path_match(path)).group_by("table").agg("value")
    return {table: sorted(found) for table, found in values.iter_rows()}


def balanced(lake: Lake) -> None:
    """On every day and table the counts in force balance, and are those of the rows in force."""
    checks = lake.read_files(Checks, manifests.manifested(lake, Checks).values())
    assert (checks["received"] == checks["accepted"] + checks["quarantined"]).all()
    assert checks.filter(check="balance")["passed"].all()
    rows = lake.read_files(raw.Quarantine, manifests.manifested(lake, raw.Quarantine).values())
    for (day, table), part in checks.group_by("date", "table"):
        mine = rows.filter(received_on=day, table=table)
        assert part["quarantined"].unique().to_list() == [mine.height], f"{table} {day}"


def test_strays_join_the_first_day_whose_decisions_they_keep_and_leave_it_when_mended(
    line: Line, shop: Shop, begin: Begin
) -> None:
    begin(line, FIRST, THREE[-1])
    assert held(line.lake) == {"raw.prices": ["NaN"]}
    before = line.standing()

    shop.add("sales", **LOST)
    shop.add("sales", **LATE)
    assert line.run(TENTH).success
    assert held(line.lake) == {"raw.prices": ["NaN"], "raw.sales": ["7", "7"]}
    balanced(line.lake)
    balance = line.lake.read(Checks, FIRST, FIRST).filter(table="raw.sales", check="balance")
    assert balance["message"].to_list() == ["6 received = 4 accepted + 2 quarantined"]
    replayed = list(replay(line.lake))
    assert [each.day for each in replayed] == [*THREE, TENTH]
    assert [each.difference for each in replayed] == [None] * 4

    versions = line.versions()
    assert line.run(TENTH).success
    assert line.versions() == versions, "the same strays are nothing new"
    assert {day: line.standing()[day] for day in before} == before

    assert line.run(FIRST).success
    after, decided, again = line.standing(), before[FIRST], line.standing()[FIRST]
    assert (again["basis"], again["decisions_hash"]) == (decided["basis"], decided["decisions_hash"])
    assert (decided["quarantined"], again["quarantined"]) == (1, 3)
    balanced(line.lake)

    rows = [row for row in shop.rows("sales") if row not in (LOST, LATE)]
    shop.put("sales", [*rows, {**LOST, "date": str(TENTH)}])
    assert line.run(TENTH).success
    assert held(line.lake) == {"raw.prices": ["NaN"]}
    balanced(line.lake)
    sold = line.lake.read(raw.Sales, TENTH, TENTH).filter(sku="A", market="UK").sort("known_at")
    assert sold["units"].diff().to_list() == [None, 7], "the mended line arrives on its day"
    assert {day: line.standing()[day] for day in before} == {day: after[day] for day in before}


def test_strays_bring_the_first_day_with_them(line: Line, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"quarantine_share": 0.5, "undated_share": 0.9}
    shop.settings(limits=limits, trailing_days=1)
    shop.add("sales", **LOST)
    with monkeypatch.context() as patch:
        patch.setattr("pricing_assets.features.LOOKBACK", {"raw.sales": 2})  # else a tiny shop is read whole
        patch.setattr("pricing_assets.defs.raw.WINDOW", 2)
        assert line.run(TENTH).success
    assert list(line.lake.partitions(Checks)) == [FIRST, DAYS[8], TENTH]
    assert held(line.lake) == {"raw.prices": ["NaN"], "raw.sales": ["7"]}
    assert line.lake.read(raw.Sales, FIRST, FIRST).height == 4, "accepted rows of the first day are kept, not dropped"
    balanced(line.lake)
    assert line.run(DAYS[4]).success
    assert list(line.lake.partitions(Checks)) == [*DAYS[:5], DAYS[8], TENTH], "no day between was taken for received"
