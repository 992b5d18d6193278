"""A day that stands, with all it was decided from: what experiments look at afterwards.

Here: what experiments ask of it. Not here: reading it (recorded), deciding it again to the hash (replay).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import polars as pl

from pricing_assets.experiments import Design
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.law import Law
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.pricing.recorded import Recorded
from pricing_assets.strategies import Strategy
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceSteps, Reviews
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities


@dataclass(frozen=True)
class Stood:
    """One day that stands; each part is read when it is first asked for, since most days need few of them."""

    recorded: Recorded

    @property
    def day(self) -> date:
        """The business day."""
        return self.recorded.day

    @property
    def basis(self) -> str:
        """What its standing decisions follow from."""
        basis: str = self.recorded.row["basis"]
        return basis

    @cached_property
    def design(self) -> Design | None:
        """How it drew who is held out; None where no strategy with a model was in force."""
        return Design.of(self.recorded.settings)

    @property
    def law(self) -> Law:
        """The law of each market."""
        law: Law = self.recorded.settings.get("law", {})
        return law

    @property
    def strategies(self) -> list[Strategy]:
        """The strategies in force."""
        return self.recorded.strategies

    @cached_property
    def snapshot(self) -> pl.DataFrame:
        """Its features."""
        return self.recorded.rows(FeatureSnapshots)

    @cached_property
    def before(self) -> Interventions:
        """What went before the strategies, but for people's answers: they are about prices of the live decisions."""
        found = self.recorded.before(self.recorded.rows(PriceAnomalies))
        return replace(found, reviews=Reviews.create_empty())

    @cached_property
    def elasticities(self) -> pl.DataFrame:
        """How units answer prices."""
        return self.recorded.rows(Elasticities)

    @cached_property
    def known(self) -> Outlook:
        """What it expected of demand, with all that a model asks of it."""
        return outlook(self.recorded.rows(DemandForecasts), self.elasticities, {self.day: {}}, learned=True)

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """Its standing decisions in canonical order, with the category of each SKU."""
        categories = self.snapshot.select("sku", "market", "category")
        return self.recorded.decisions().join(categories, on=["sku", "market"], how="left", maintain_order="left")

    @cached_property
    def steps(self) -> pl.DataFrame:
        """The steps of its standing decisions."""
        return self.recorded.made(PriceSteps).join(self.decisions, on="decision_id", how="semi", maintain_order="left")

    @property
    def calendar(self) -> pl.DataFrame:
        """Date, basis and lateness, as `decide` wants them."""
        row = self.recorded.row
        schema = {"date": pl.Date, "basis": pl.String, "late": pl.Boolean}
        return pl.DataFrame([(self.day, row["basis"], row["late"])], schema=schema, orient="row")

    def of_models(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """The decisions by strategies that have a model."""
        hashes = [strategy.hash for strategy in self.strategies if strategy.ml is not None]
        return decisions.filter(pl.col("strategy_hash").cast(pl.String).is_in(hashes))


def stood(lake: Lake, days: Sequence[date]) -> Iterator[Stood]:
    """Those of the days that stand, traded and are still kept, in order."""
    for row in manifests.standing(lake).filter(pl.col("date").is_in(list(days))).sort("date").to_dicts():
        if row["basis"] is not None and row["status"] != "expired":
            yield Stood(Recorded(lake, row))
