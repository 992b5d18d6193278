"""The column lineage of decisions against what deciding really reads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from pricing_assets import pricing, strategies
from pricing_assets.tables import Table, by_name
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots

DAY = date(2024, 5, 6)
SNAPSHOT = FeatureSnapshots.create_empty().schema
KEYS = ("date", "sku", "market")
READ = sorted(
    {
        source.split(".")[2]
        for sources in PriceDecisions.lineage().values()
        for source in sources
        if source.startswith(f"{FeatureSnapshots.table_name()}.")
    }
)
# strategies are scoped by these and cannot name them in a condition
SCOPES = ("sku", "market", "category", "brand", "currency")


def snapshot(**changed: object) -> pl.DataFrame:
    """One row in which every feature is present, but for what is changed."""
    row: dict[str, object] = {"date": DAY, "sku": "A", "market": "UK", "currency": "GBP"}
    for name, dtype in SNAPSHOT.items():
        if name not in row:
            row[name] = _present(dtype)
    return pl.DataFrame([row | {"list_price": Decimal("20"), "current_price": Decimal("5")} | changed], schema=SNAPSHOT)


def _present(dtype: pl.DataType) -> object:
    if isinstance(dtype, pl.Decimal):
        return Decimal("5")
    return {pl.Float64: 5.0, pl.Int64: 5, pl.Boolean: True, pl.String: "x"}[type(dtype)]


def _other(name: str) -> object:
    dtype = SNAPSHOT[name]
    if isinstance(dtype, pl.Decimal):
        return Decimal("7")
    return {pl.Float64: 7.0, pl.Int64: 7, pl.Boolean: False, pl.String: "y"}[type(dtype)]


def strategy_on(name: str) -> strategies.Strategy:
    """A strategy whose one rule looks at one feature."""
    conditions = {pl.Boolean: name, pl.String: f"{name} == 'x'"}
    condition = conditions.get(type(SNAPSHOT[name]), f"{name} < 6")
    rule = f'- {{name: look, when: "{condition}", then: {{multiply: 0.9}}}}'
    return strategies.parse(f"strategy: s\ntype: rules\npriority: 1\nrules:\n  {rule}\n")


def decided(frame: pl.DataFrame, strategy: strategies.Strategy) -> pricing.Decided:
    days = pl.DataFrame({"date": [DAY], "basis": ["b"], "late": [False]})
    return pricing.decide(frame, [strategy], days)


@pytest.mark.parametrize("name", [name for name in READ if name not in (*KEYS, *SCOPES)])
def test_a_feature_in_the_lineage_of_the_proposal_can_change_it(name: str) -> None:
    strategy = strategy_on(name)
    before = decided(snapshot(), strategy).decisions["proposed_price"].to_list()
    after = decided(snapshot(**{name: _other(name)}), strategy).decisions["proposed_price"].to_list()
    assert before != after


@pytest.mark.parametrize("name", [name for name in SNAPSHOT if name not in (*READ, *KEYS)])
def test_a_column_outside_the_lineage_changes_no_decision_and_no_step(name: str) -> None:
    strategy = strategy_on("units_7d")
    before, after = decided(snapshot(), strategy), decided(snapshot(**{name: _other(name)}), strategy)
    assert before.decisions.equals(after.decisions)
    assert before.steps.equals(after.steps)


@pytest.mark.parametrize("table", [PriceDecisions, PriceSteps, PriceBook])
def test_lineage_names_columns_that_exist(table: type[Table]) -> None:
    for sources in table.lineage().values():
        for source in sources:
            schema, name, column = source.split(".")
            assert column in by_name(f"{schema}.{name}").columns()
