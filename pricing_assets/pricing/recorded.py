"""A day that stands, and all it was decided from, as recorded.

Here: reading both at the versions the day's row in runs.days names, and deciding again from them. Not here: what the
new decisions are compared with (replay, backtest), features built anew from raw (replay).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from pricing_assets.experiments import Design
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake.hashing import content_hash
from pricing_assets.pricing import interventions
from pricing_assets.pricing.decision import Decided, decide
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import Autonomy, Overrides, PriceDecisions, Reviews
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies


@dataclass(frozen=True)
class Recorded:
    """One standing day. `row` is its row of runs.days."""

    lake: Lake
    row: Mapping[str, Any]

    @property
    def day(self) -> date:
        """The business day."""
        day: date = self.row["date"]
        return day

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The settings its decisions depended on."""
        settings: Mapping[str, Any] = json.loads(self.row["settings"])
        return settings

    @cached_property
    def inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Table → what of it the day was decided from: version and hash."""
        return {entry["table"]: entry for entry in self.row["inputs"]}

    @cached_property
    def strategies(self) -> list[Strategy]:
        """The strategies in force."""
        return [parse(text, "recorded") for text in self.rows(Strategies)["text"]]

    def rows(self, table: type[Table]) -> pl.DataFrame:
        """An input's rows of the day at the recorded version; empty where none was recorded."""
        version = self.inputs[table.table_name()]["version"] if table.table_name() in self.inputs else -1
        return self.lake.read(table, self.day, self.day, version=version)

    def before(self, flagged: pl.DataFrame) -> Interventions:
        """What went before the strategies; `flagged` are the anomalies of the day."""
        severe, odd = interventions.severe(flagged), interventions.odd(flagged)
        return Interventions(self.rows(Overrides), severe, self.rows(Reviews), self.rows(Autonomy), odd)

    def outlook(self, *, learned: bool) -> Outlook:
        """What the day expected of demand, under the hashes it has now."""
        tables = (DemandForecasts, Elasticities)
        rows = {table: self.rows(table) for table in tables}
        hashes = {t.table_name(): content_hash(rows[t], t) for t in tables if t.table_name() in self.inputs}
        return outlook(rows[DemandForecasts], rows[Elasticities], {self.day: hashes}, learned=learned)

    def estimated_on(self) -> date | None:
        """The day its newest elasticities rest on; None without any."""
        newest: date | None = self.rows(Elasticities)["estimated_on"].max()  # type: ignore[assignment]
        return newest

    def decide(
        self, snapshot: pl.DataFrame, strategies: Sequence[Strategy], before: Interventions, known: Outlook, basis: str
    ) -> Decided:
        """What these strategies decide on the day, under its settings."""
        days = pl.DataFrame({"date": [self.day], "basis": [basis], "late": [self.row["late"]]})
        law, design = self.settings.get("law", {}), Design.of(self.settings)
        return decide(snapshot, strategies, days, before, known, law=law, design=design)

    def decisions(self) -> pl.DataFrame:
        """The decisions that stand."""
        return self.made(PriceDecisions).filter(pl.col("basis") == self.row["basis"])

    def made(self, table: type[Table]) -> pl.DataFrame:
        """Rows of the day that its row puts in force, superseded ones among them; empty where there are none."""
        mine = [
            each for each in self.row["tables"] if (each["table"], each["partition"]) == (table.table_name(), self.day)
        ]
        return self.lake.read_files(table, [PartitionFile(**each) for each in mine if each["rows"]])
