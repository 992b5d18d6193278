"""Whatever comes in, nothing is lost and nothing invented."""

import json
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_shop import GOOD, write_settings

from pricing_assets import sources
from pricing_assets.settings import Settings
from pricing_assets.sources import Source, receiving
from pricing_assets.sources.reading import at_one_moment
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)

DATES = st.sampled_from(
    ["2026-03-02", "2026-03-03", "2026-03-01", "2026-04-01", "2026-02-30", "", None, "x", "9999999-1-1"]
)
NUMBERS = st.one_of(
    st.sampled_from(["1", "2", "9.99", "-1", "0", "nan", "inf", "-inf", "1e400", "1,5", "0.00001", "", None]),
    st.floats().map(str),
    st.integers().map(str),
)
WORDS = st.one_of(st.sampled_from(["A", "B", "UK", "DE", "GBP", "EUR", "true", "", None]), st.text(max_size=3))
LINE = st.fixed_dictionaries(
    {
        "date": DATES,
        "sku": WORDS,
        "market": st.sampled_from(["UK", "DE", "FR", None]),
        "quantity": NUMBERS,
        "unit_price": NUMBERS,
        "currency": WORDS,
        "is_return": WORDS,
        "known_at": DATES,
        "quarantine": st.sampled_from([None, "", "postage"]),
    }
)
PRICE = st.fixed_dictionaries(
    {
        "date": DATES,
        "sku": st.sampled_from(["A", "B", ""]),
        "market": st.sampled_from(["UK", "DE", "FR"]),
        "price": NUMBERS,
        "cost": NUMBERS,
        "price_type": st.sampled_from(["list", "current", "sale", None]),
        "cost_source": WORDS,
    }
)


def shop_of(folder: Path, table: str, rows: list[dict[str, str | None]]) -> Source:
    write_settings(folder)
    for name, sql in GOOD.items():
        (folder / f"{name}.sql").write_text(sql)
    pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).write_parquet(folder / "garbage.parquet")
    (folder / f"{table}.sql").write_text("SELECT * FROM 'garbage.parquet'")
    return sources.load(folder, Settings(_env_file=None))  # type: ignore[call-arg]


def balanced(table: type[Table], rows: list[dict[str, str | None]]) -> None:
    with TemporaryDirectory() as folder:
        source = shop_of(Path(folder), table.table_name().split(".")[1], rows)
        received, again = at_one_moment(
            source, lambda opener: [sources.receive(source, table, FIRST, LAST, LAST, opener=opener) for _ in range(2)]
        )
        with patch.object(receiving, "ROWS_AT_ONCE", 1):  # day by day it comes to the same
            by_day = sources.receive(source, table, FIRST, LAST, LAST)
    inside = [row for row in rows if not (row["date"] or "").startswith("2026-02-0")]
    counts = received.counts
    assert counts["received"].sum() == len(inside)
    assert (counts["received"] == counts["accepted"] + counts["quarantined"]).all()
    assert received.quarantined.height == counts["quarantined"].sum()
    table.validate(received.accepted)
    raw.Quarantine.validate(received.quarantined.with_columns(pl.lit("run").alias("run_id")))
    assert by_day.accepted.sort(pl.all()).equals(received.accepted.sort(pl.all()))
    assert by_day.quarantined.equals(received.quarantined)
    assert by_day.counts.equals(received.counts)
    for record in received.quarantined["record"]:
        assert json.loads(record) in rows
    assert again.quarantined.equals(received.quarantined)
    checks = sources.judge(source, table, received, counts["date"].to_list())
    assert checks.filter(check="balance")["passed"].all()


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(LINE, min_size=1, max_size=25))
def test_lines_balance(rows: list[dict[str, str | None]]) -> None:
    balanced(raw.Sales, rows)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(PRICE, min_size=1, max_size=25))
def test_prices_balance(rows: list[dict[str, str | None]]) -> None:
    balanced(raw.Prices, rows)


FAULTS: dict[str, tuple[str | None, ...]] = {
    "date": ("2026-02-30", "", None, "x", "9999999-1-1", "2026-04-01"),
    "sku": ("", None, "  "),
    "market": ("FR", "", None),
    "quantity": ("nan", "inf", "-inf", "1e400", "1,5", "", None, "many", "0.00001"),
    "unit_price": ("0", "-1", "nan", "inf", "-inf", "1e400", "1,5", "", None, "free", "0.00001"),
    "currency": ("XX", "gbp", "POUND", "USD"),
    "is_return": ("perhaps", "2"),
}


def test_each_of_a_thousand_malformed_lines_is_quarantined_by_name(tmp_path: Path) -> None:
    good: dict[str, str | None] = {"date": "2026-03-02", "sku": "A", "market": "UK", "quantity": "1"}
    good |= {"unit_price": "2.50", "currency": "GBP", "is_return": "false"}
    planted = [(name, value) for name, values in FAULTS.items() for value in values]
    planted = [planted[number % len(planted)] for number in range(1_200)]
    rows = [{**good, "sku": f"A{number}", name: value} for number, (name, value) in enumerate(planted)]
    source = shop_of(tmp_path, "sales", [*rows, *({**good, "sku": f"B{number}"} for number in range(100))])
    received = sources.receive(source, raw.Sales, FIRST, LAST, LAST)
    assert received.accepted["source_lines"].sum() == 100
    assert received.quarantined.height == 1_200
    assert (received.counts["received"] == received.counts["accepted"] + received.counts["quarantined"]).all()
    for record, rule in received.quarantined.select("record", "rule").iter_rows():
        found = json.loads(record)
        (column,) = [name for name in good if name != "sku" and found[name] != good[name]] or ["sku"]
        assert column in rule, (column, found[column], rule)


def test_accepted_lines_are_summed_without_loss(tmp_path: Path) -> None:
    line: dict[str, str | None] = {
        "date": "2026-03-02",
        "sku": "A",
        "market": "UK",
        "quantity": "3",
        "unit_price": "0.1",
    }
    source = shop_of(tmp_path, "sales", [line] * 1000 + [{**line, "unit_price": "0"}] * 10)
    received = sources.receive(source, raw.Sales, FIRST, LAST, LAST)
    assert received.accepted["source_lines"].sum() + received.quarantined.height == 1010
    assert str(received.accepted["revenue"][0]) == "300.0000"
