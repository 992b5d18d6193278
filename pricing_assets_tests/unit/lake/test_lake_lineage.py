"""Lineage read off SQL: exactly the columns a value is computed from, or a refusal, never a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from pricing_assets.errors import PricingError
from pricing_assets.lake import lineage
from pricing_assets.lake.lineage import Lineage, sources

TABLES = {
    "raw.sales": {"date": "date", "sku": "varchar", "market": "varchar", "units": "bigint", "revenue": "double"},
    "raw.prices": {"date": "date", "sku": "varchar", "price": "double", "cost": "double"},
}


@pytest.mark.parametrize(
    ("select", "read"),
    [
        ("revenue / nullif(units, 0) as x from raw.sales where sku = 'A'", {"sales.revenue", "sales.units"}),
        ("sum(units) filter (market = 'UK') as x from raw.sales", {"sales.units", "sales.market"}),
        ("7 as x from raw.sales", set()),
        ("units as u, u + 1 as x from raw.sales", {"sales.units"}),
        ("x from (select units * 2 as x from raw.sales)", {"sales.units"}),
        ("(select max(price) from raw.prices p where p.sku = s.sku) as x from raw.sales s", {"prices.price"}),
        ("sku as x from raw.sales full join raw.prices using (sku, date)", {"sales.sku", "prices.sku"}),
        ("sku as x from raw.sales semi join raw.prices using (sku)", {"sales.sku"}),
        ("sku as x from raw.sales union all select market from raw.sales", {"sales.sku", "sales.market"}),
        ("rank() over (partition by sku order by units) as x from raw.sales", {"sales.sku", "sales.units"}),
        ("count(*) as x from raw.sales", set()),
        ("date, count(*) as x from raw.sales where units > 0 group by date", {"sales.date", "sales.units"}),
        ("market, sum(units), count(*) as x from raw.sales group by all", {"sales.market"}),
        ("count(*) filter (units > 0) as x from raw.sales where sku = 'A' group by date", {"sales.units"}),
        ("count(*) as x from raw.sales s join raw.prices p on p.cost < s.units", {"prices.cost", "sales.units"}),
    ],
)
def test_a_column_is_made_from(select: str, read: set[str]) -> None:
    assert set(sources(f"select {select}", TABLES)["x"]) == {f"raw.{column}" for column in read}


def test_a_star_is_every_column_of_its_table() -> None:
    sql = "select s.* from raw.sales s semi join raw.prices p on p.sku = s.sku"
    assert sources(sql, TABLES) == {name: [f"raw.sales.{name}"] for name in TABLES["raw.sales"]}


@pytest.mark.parametrize(
    "sql",
    [
        "select nothing from raw.sales",
        "select price from raw.sales semi join raw.prices using (sku)",
        "select sku from raw.stock",
        "select sku from raw.sales join raw.prices using (date)",
        "select * from read_parquet('sales.parquet')",
        "pivot raw.sales on market using sum(units)",
        "selec units",
    ],
)
def test_what_is_not_sure_is_refused(sql: str) -> None:
    with pytest.raises(PricingError, match="lineage unknown"):
        sources(sql, TABLES)


def test_the_same_sql_over_the_same_tables_is_followed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql, path = "select units * 2 as x from raw.sales", tmp_path / "new" / "lineage.json"
    for _ in range(2):
        followed = Lineage(TABLES, path)
        assert followed.of(sql) == {"x": ["raw.sales.units"]}
        followed.keep()
        monkeypatch.setattr(lineage, "sources", None)
    with pytest.raises(TypeError, match="not callable"):
        Lineage(TABLES | {"raw.stock": {"date": "date"}}, path).of(sql)


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_a_damaged_memory_of_lineage_is_passed_over(tmp_path: Path, damage: str) -> None:
    (tmp_path / "lineage.json").write_text(damage)
    assert Lineage(TABLES, tmp_path / "lineage.json").of("select units from raw.sales") == {
        "units": ["raw.sales.units"]
    }
