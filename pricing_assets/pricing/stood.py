"""A day that stands, with all it was decided from: what experiments look at afterwards.

Here: reading it, as the manifest has it in force. Not here: deciding it again to the hash (replay).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from pricing_assets.experiments import Design
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import interventions
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.law import Law
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables import Table
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Autonomy, Overrides, PriceDecisions, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies


@dataclass(frozen=True)
class Stood:
    """One day that stands; each part is read when it is first asked for, since most days need few of them."""

    day: date
    basis: str
    late: bool
    settings: dict[str, Any]
    _lake: Lake
    _manifest: manifests.Manifest

    @cached_property
    def design(self) -> Design | None:
        """How it drew who is held out; None where no strategy with a model was in force."""
        return Design.of(self.settings)

    @property
    def law(self) -> Law:
        """The law of each market."""
        law: Law = self.settings.get("law", {})
        return law

    @cached_property
    def strategies(self) -> list[Strategy]:
        """The strategies in force."""
        return [parse(text, "recorded") for text in self.rows(Strategies)["text"]]

    @cached_property
    def snapshot(self) -> pl.DataFrame:
        """Its features."""
        return self.rows(FeatureSnapshots)

    @cached_property
    def before(self) -> Interventions:
        """What went before the strategies, but for people's answers: they are about prices of the live decisions."""
        severe = interventions.severe(self.rows(PriceAnomalies))
        return Interventions(self.rows(Overrides), severe, autonomy=self.rows(Autonomy))

    @cached_property
    def elasticities(self) -> pl.DataFrame:
        """How units answer prices."""
        return self.rows(Elasticities)

    @cached_property
    def known(self) -> Outlook:
        """What it expected of demand, with all that a model asks of it."""
        return outlook(self.rows(DemandForecasts), self.elasticities, {self.day: {}}, learned=True)

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """Its standing decisions in canonical order, with the category of each SKU."""
        decided = self.rows(PriceDecisions).filter(pl.col("basis") == self.basis)
        categories = self.snapshot.select("sku", "market", "category")
        return decided.join(categories, on=["sku", "market"], how="left", maintain_order="left")

    @cached_property
    def steps(self) -> pl.DataFrame:
        """The steps of its standing decisions."""
        return self.rows(PriceSteps).join(self.decisions, on="decision_id", how="semi", maintain_order="left")

    @property
    def calendar(self) -> pl.DataFrame:
        """Date, basis and lateness, as `decide` wants them."""
        schema = {"date": pl.Date, "basis": pl.String, "late": pl.Boolean}
        return pl.DataFrame([(self.day, self.basis, self.late)], schema=schema, orient="row")

    def of_models(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """The decisions by strategies that have a model."""
        hashes = [strategy.hash for strategy in self.strategies if strategy.ml is not None]
        return decisions.filter(pl.col("strategy_hash").cast(pl.String).is_in(hashes))

    def rows(self, table: type[Table]) -> pl.DataFrame:
        """A table's rows of the day."""
        file = self._manifest.get(table.table_name(), {}).get(self.day)
        return self._lake.read_files(table, [file] if file else [])


def stood(lake: Lake, days: Sequence[date]) -> Iterator[Stood]:
    """Those of the days that stand and traded, in order."""
    manifest = manifests.manifest(lake)
    for row in manifests.standing(lake).filter(pl.col("date").is_in(list(days))).sort("date").to_dicts():
        if row["basis"] is not None:
            yield Stood(row["date"], row["basis"], row["late"], json.loads(row["settings"]), lake, manifest)
