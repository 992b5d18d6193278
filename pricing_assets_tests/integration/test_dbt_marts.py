"""The marts, built by the real dbt over a DuckDB file with the schemas of pricing_assets.tables."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from ageing_lots import BUCKETS, Happening, StoreRoom
from hypothesis import given, settings
from hypothesis import strategies as st
from marts_shop import DAY, NAME, NEXT, Dbt, decision, draft, moment, shop

from pricing_assets.lake import Lake, warehouse
from pricing_assets.lake.arrow import ArrowStream
from pricing_assets.tables import decisions

MARTS = [
    "anomalies_daily",
    "competitor_position",
    "current_prices",
    "data_quality",
    "decision_summary",
    "inventory_ageing",
    "margins",
    "override_history",
    "price_changes",
    "price_history",
    "pricing_effectiveness",
    "run_summary",
    "shadow_comparison",
]
DOCS = Path(__file__).parents[2] / "docs" / "warehouse.md"
_STOCK = {"on_hand": pl.Int64, "opening": pl.Int64, "oldest_received_on": pl.Date}
_SALES = {"units": pl.Int64, "returned_units": pl.Int64}
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def dbt(built_marts: Path, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """With the project as it was parsed for the shop."""
    kept = tmp_path_factory.mktemp("dbt")
    shutil.copytree(built_marts / "target", kept / "target")
    return Dbt(kept)


@pytest.fixture(scope="module")
def ask(built_marts: Path, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Answers a query over the marts of the shop, in a file renamed and attached under another name."""
    renamed = tmp_path_factory.mktemp("shop") / "renamed.duckdb"
    shutil.copy(built_marts / NAME, renamed)

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{renamed}' as elsewhere (read_only)")
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql.replace("{}", "elsewhere")).fetchall()

    return query


def test_superseded_decisions_do_not_show(ask: Ask) -> None:
    found = ask(
        "select sku, decision_id, decided_price from {}.marts.price_history where date = '2011-12-02' order by 1"
    )
    assert found == [
        ("A", "b3-A", Decimal("4.4000")),
        ("B", "b3-B", Decimal("4.0000")),
        ("C", "b3-C", Decimal("3.5000")),
    ]
    assert ask("select count(*) from {}.staging.stg_decisions") == [(3,)]


def test_the_latest_correction_of_a_price_shows(ask: Ask) -> None:
    found = ask(
        "select current_price, list_price, units, revenue from {}.marts.price_history where sku = 'A' order by date"
    )
    assert found == [
        (Decimal("3.0000"), None, 0, Decimal("0.0000")),
        (Decimal("4.1000"), Decimal("5.0000"), 2, Decimal("8.2000")),
    ]


def test_an_override_shows_whose_word_it_is_and_what_obeyed_it(ask: Ask) -> None:
    found = ask(
        "select override_id, state, set_by, ended_by, decisions, decisions_held, first_applied_on, last_applied_on"
        " from {}.marts.override_history order by 1"
    )
    applied = date(2011, 12, 3)
    assert found == [
        ("OV-000001", "active", "ann", None, 1, 1, applied, applied),
        ("OV-000002", "ended", "ann", "bob", 0, 0, None, None),  # what obeyed it was superseded
    ]


def test_a_held_decision_has_no_next_price(ask: Ask) -> None:
    found = ask(
        "select sku, action, next_price, effective_from, next_decision_id from {}.marts.current_prices order by 1"
    )
    assert found == [
        ("A", "publish", Decimal("4.4000"), moment(3), "b3-A"),
        ("B", "hold", None, None, None),
        ("C", "publish", Decimal("3.5000"), moment(3), "b3-C"),
    ]


def test_margins_are_of_the_corrected_price(ask: Ask) -> None:
    found = ask(
        "select current_margin, round(current_margin_pct, 4), decided_margin, gross_profit from {}.marts.margins"
        " where sku = 'A' and date = '2011-12-02'"
    )
    assert found == [(Decimal("2.6000"), 63.4146, Decimal("2.9000"), Decimal("5.2000"))]


def test_decisions_are_summed_by_strategy_and_action(ask: Ask) -> None:
    found = ask(
        "select strategy, action, decisions, changed, round(mean_change_pct, 6) from {}.marts.decision_summary"
        " order by strategy"
    )
    assert found == [("none", "hold", 1, 0, 0.0), ("s", "publish", 2, 2, -1.25)]


def test_sales_of_a_day_are_those_of_the_prices_drawn_the_day_before(ask: Ask) -> None:
    found = ask(
        "select date, category, currency, units, revenue, profit, held, period_until"
        " from {}.marts.pricing_effectiveness order by 1"
    )
    sold = (2, Decimal("8.2000"), Decimal("5.2000"))
    assert found == [(NEXT, "HOME", "GBP", *sold, True, date(2011, 12, 21))]


def test_shadows_are_compared_with_standing_decisions_and_where_both_profits_are_known(ask: Ask) -> None:
    found = ask(
        "select shadow, category, decisions, live_changes, shadow_changes, differing, round(mean_difference_pct, 6),"
        " judged, live_expected_profit, shadow_expected_profit, expected_profit_difference"
        " from {}.marts.shadow_comparison"
    )
    profits = (Decimal("7.5000"), Decimal("8.0000"), Decimal("0.5000"))
    assert found == [("bold", "HOME", 2, 0, 1, 1, 5.0, 1, *profits)]


def test_alarms_are_counted_by_cause_and_told_apart_by_age(ask: Ask) -> None:
    found = ask(
        "select reason, severity, category, currency, alarms, new_alarms, continuing_alarms, skus, market_wide_skus,"
        " at_stake from {}.marts.anomalies_daily order by reason"
    )
    low = ("PRICE_TOO_LOW", "severe", "HOME", "GBP", 2, 1, 1, 2, 0, Decimal("420.0000"))
    assert found == [low, ("STALE_PRICE", "low", "none", "none", 1, 1, 0, 2, 2, None)]


def test_a_day_is_summed_with_its_commits_and_executions(ask: Ask) -> None:
    found = ask(
        "select run_id, commits, failed_checks, executions, failed_executions, quarantined from {}.marts.run_summary"
        " order by date"
    )
    assert found == [("r1", 1, 0, 2, 1, 1), ("r3", 2, 1, 2, 1, 2)]


def test_units_on_hand_are_the_ones_received_last(ask: Ask) -> None:
    """Four lay there, six came; of the ten two were sold, one came back and three came: one is from before."""
    found = ask(
        "select on_hand, units_0_30, units_61_90, units_91_180, units_unknown, cost, value_0_30, category"
        " from {}.marts.inventory_ageing order by date"
    )
    assert found == [
        (10, 6, 0, 0, 4, Decimal("1.5000"), Decimal("9.0000"), None),
        (12, 9, 0, 3, 0, Decimal("1.5000"), Decimal("13.5000"), "HOME"),
    ]


def test_the_position_among_rivals_is_that_of_the_features(ask: Ask) -> None:
    found = ask(
        "select sku, our_rank, competitor_count, gap_to_lowest, captured_on, captured_days_ago, is_stale"
        " from {}.marts.competitor_position"
    )
    assert found == [("A", 2, 2, Decimal("0.2000"), DAY, 1, False)], "no rival of B was ever captured"


def test_the_quality_of_a_day_names_what_failed_and_why_rows_were_set_aside(ask: Ask) -> None:
    found = ask(
        'select date, "table", day_status, quarantined_pct, most_frequent_rule, most_frequent_rule_rows, failures,'
        " usual_rows, last_known_at from {}.marts.data_quality order by date"
    )
    twice = "duplicate key: (date, sku), the same row again; expected it once"
    assert found == [
        (DAY, "raw.sales", "priced", 0.0, twice, 1, None, None, None),
        (NEXT, "raw.sales", "priced", 50.0, "units: expected at least 0", 2, "share: too many", 8.0, moment(3, 0)),
    ]
    assert ask("select rows_against_usual_pct from {}.marts.data_quality where date = '2011-12-02'") == [(-75.0,)]


def test_a_price_change_says_why_and_on_whose_word(ask: Ask) -> None:
    found = ask(
        "select sku, old_price, new_price, round(change_pct, 6), strategy, strategy_version, activated_by, override_id"
        " from {}.marts.price_changes order by sku"
    )
    assert found == [
        ("A", Decimal("4.0000"), Decimal("4.4000"), 10.0, "s", 1, "ann", None),
        ("C", Decimal("4.0000"), Decimal("3.5000"), -12.5, "s", 1, "ann", "7"),
    ]


def test_the_queries_of_the_docs_run_and_the_first_names_what_fell_why_and_on_whose_word(ask: Ask) -> None:
    queries = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    fell = [query for query in queries if "change_pct < -10" in query]
    assert len(fell) == 1 and len(queries) >= 10
    for query in queries:
        assert "::date" not in query, "an instant cast to a date follows the session's time zone"
        found = ask(f"use elsewhere; {query}")
        assert ask(f"set TimeZone = 'America/Los_Angeles'; use elsewhere; {query}") == found
    (row,) = ask(f"use elsewhere; {fell[0]}")
    assert row == (
        *("C", "UK", "GBP", Decimal("4.0000"), Decimal("3.5000"), -12.5, moment(3)),
        *("rules aged-180; then ending", "s", "ann", "7"),
    )


def test_a_first_start_without_rows_builds(home: Path, dbt: Dbt) -> None:
    with warehouse.draft(Lake(home / "lake"), home / "analytics.duckdb") as path:
        built = dbt.build(path)
        assert built.returncode == 0, built.stdout
    marts = warehouse.query(
        home / "analytics.duckdb", "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
    )
    assert marts["table_name"].to_list() == MARTS
    for mart in MARTS:
        assert warehouse.query(home / "analytics.duckdb", f"from marts.{mart}").is_empty()


def test_a_planted_fault_fails_and_is_named(tmp_path: Path, dbt: Dbt) -> None:
    rows = shop()
    twice = rows[decisions.PriceDecisions] + [decision(NEXT, "b3", "A", "4.60", decision_id="other")]
    built = dbt.build(
        draft(tmp_path, {**rows, decisions.PriceDecisions: twice}), "--select", "stg_days", "stg_decisions"
    )
    assert built.returncode == 1
    assert "unique_combination_stg_decisions_date__sku__market" in built.stdout


def test_the_marts_carry_their_documentation(ask: Ask) -> None:
    bare = ask(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = 'elsewhere' and schema_name = 'marts' and comment is null"
    )
    assert bare == []


def test_no_stored_view_or_macro_names_a_catalog(ask: Ask) -> None:
    found = ask("select sql from duckdb_views() where database_name = 'elsewhere' and schema_name = 'staging'")
    found += ask(
        "select macro_definition from duckdb_functions() where database_name = 'elsewhere' and schema_name = 'marts'"
    )
    assert len(found) == 6 + 2
    assert not [sql for (sql,) in found if "analytics." in sql or '"analytics"' in sql]


@pytest.fixture(scope="module")
def ageing(ask: Ask, dbt: Dbt) -> Iterator[Callable[[StoreRoom], list[dict[str, int]]]]:
    """The units in each bucket, day by day, that marts.inventory_ageing infers from what was written down."""
    sql = (dbt.target / "compiled/pricing/models/marts/inventory_ageing.sql").read_text()
    memory = duckdb.connect()
    memory.execute(
        "create schema staging; create schema raw; create table raw.products (date date, sku text, category text)"
    )
    price = "cost decimal(18, 4), currency text"
    memory.execute(f"create table staging.stg_prices (date date, sku text, market text, {price})")

    def infer(room: StoreRoom) -> list[dict[str, int]]:
        for name, rows, units in (("stock", room.stock, _STOCK), ("sales", room.sales, _SALES)):
            frame = pl.DataFrame(rows, {"date": pl.Date, "sku": pl.String, "market": pl.String, **units})
            memory.register("frame", ArrowStream(frame))
            memory.execute(f"create or replace table staging.stg_{name} as from frame")
        buckets = [*BUCKETS, "over_180", "unknown"]
        rows = memory.execute(f"select {', '.join(f'units_{name}' for name in buckets)} from ({sql}) order by date")
        return [dict(zip(buckets, row, strict=True)) for row in rows.fetchall()]

    yield infer
    memory.close()


@settings(max_examples=60)
@given(
    happenings=st.lists(
        st.builds(Happening, st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.integers(1, 70)),
        min_size=1,
        max_size=12,
    ),
    first=st.integers(0, 6),
    before=st.integers(0, 200),
    oldest_stated=st.booleans(),
)
def test_ageing_is_first_in_first_out(
    ageing: Callable[[StoreRoom], list[dict[str, int]]],
    happenings: list[Happening],
    first: int,
    before: int,
    oldest_stated: bool,
) -> None:
    room = StoreRoom(before, [None] * first)
    room.live(happenings, oldest_stated)
    assert ageing(room) == room.aged
