"""The decisions station: what each listed SKU costs tomorrow, why, and the row that makes the day exist."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets import pricing
from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.forecasts import ASKED
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, SOURCE, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.lake import claims
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import (
    Autonomy,
    DemandDrivers,
    LinkedGoals,
    Overrides,
    PriceBook,
    PriceDecisions,
    PriceSentences,
    PriceSteps,
    Reviews,
)
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.runs import Checks, Days

SEEN = tuple(table for table in ASKED if table in SOURCE.tables)
"""What a model saw when it forecast, and sees again when it is asked what drove that."""


@dg.multi_asset(
    name="price_decisions",
    specs=[
        # made in the same step as the decisions: a backfill is planned by deps, and one step cannot start twice
        catalog.spec(Strategies, deps=[FeatureSnapshots, Checks]),
        catalog.spec(Overrides, deps=[FeatureSnapshots, Checks]),
        catalog.spec(Reviews, deps=[FeatureSnapshots, Checks]),
        catalog.spec(Autonomy, deps=[FeatureSnapshots, Checks]),
        catalog.spec(
            PriceDecisions,
            deps=[
                *(FeatureSnapshots, PriceAnomalies, DemandForecasts, Elasticities),
                *(Strategies, Overrides, Reviews, Autonomy, Checks),
            ],
        ),
        catalog.spec(
            PriceSteps, deps=[FeatureSnapshots, PriceAnomalies, Strategies, Overrides, Reviews, Autonomy, Checks]
        ),
        catalog.spec(LinkedGoals, deps=[FeatureSnapshots, PriceAnomalies, DemandForecasts, Elasticities, Strategies]),
        catalog.spec(PriceSentences, deps=[PriceDecisions, PriceAnomalies, DemandForecasts, Elasticities, Strategies]),
        catalog.spec(DemandDrivers, deps=[PriceDecisions, DemandForecasts, *SEEN]),
        catalog.spec(PriceBook, deps=[PriceDecisions, Reviews]),
        catalog.spec(Days, deps=[PriceDecisions, PriceSteps, LinkedGoals, PriceSentences, DemandDrivers, PriceBook]),
    ],
    check_specs=[
        dg.AssetCheckSpec(verdicts.EVERY_DAY, asset=catalog.key(Days), description="No day of the run was stopped.")
    ],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
    can_subset=True,  # always made together; Dagster refuses to backfill a whole whose parts feed one another
)
def price_decisions(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult[None]]:
    """One standing decision for each listed SKU and market; commits the days."""
    asked = days_of(context)
    with platform.at_work(context, asked):
        days = verdicts.open_days(context, platform.lake, asked)
        known = platform.known_to(context)
        active, people = platform.strategies(known), platform.people(known)
        strategies = [each.strategy for each in active]
        batch = pricing.decide_days(platform.lake, days, platform.timing(days), active, people)
        driven = pricing.with_drivers(platform.lake, batch, strategies, platform.calendar, platform.recorded_model)
        batch = batch._replace(drivers=driven.rows)
        held = claims.held(platform.lake, days, context.run_id)
        done = pricing.commit_days(platform.lake, batch, platform.provenance(context), platform.now(), held)
    for note in driven.notes:
        context.log.warning(note)
    moves = {"what moved prices": plots.step_moves(batch.steps)}
    unread = pricing.unread(strategies, platform.source.law)
    results = [
        catalog.result(context, Strategies, batch.strategies, days),
        catalog.result(context, Overrides, batch.before.overrides, days),
        catalog.result(context, Reviews, batch.before.reviews, days),
        catalog.result(context, Autonomy, batch.before.autonomy, days),
        catalog.result(context, PriceDecisions, batch.decisions, days, _seen(batch.decisions), unread=unread),
        catalog.result(context, PriceSteps, batch.steps, days, moves, unread=unread),
        catalog.result(context, LinkedGoals, batch.goals, days, _met(batch.goals)),
        catalog.result(context, PriceSentences, batch.sentences, days),
        catalog.result(context, DemandDrivers, batch.drivers, days),
        catalog.result(context, PriceBook, done.book, days),
        catalog.result(context, Days, done.rows, days, {"days changed": len(done.changed)})._replace(
            check_results=[verdicts.stopped(asked, days)]
        ),
    ]
    yield from (result for result in results if result.asset_key in context.selected_asset_keys)


def _met(goals: pl.DataFrame) -> dict[str, Any]:
    """What a person looks at first: which goals are not met and why, and how far from the best the prices are."""
    shown = goals.sort("met", "date", descending=[False, True]).head(20)
    return {"goals": catalog.table_value(shown.drop("strategy"))} if goals.height else {}


def _seen(decisions: pl.DataFrame) -> dict[str, Any]:
    """What a person looks at first: how many of which action and reason, how far prices move, who expects the units."""
    short = pl.col("model_hashes").str.replace(r"(@[0-9a-f]{12}).*", "$1")
    expecting = decisions.group_by(model=short, why_none="model_fallback").agg(
        decisions=pl.len(), expected_units=pl.col("expected_units").sum().round(1)
    )
    return {
        "actions": catalog.table_value(decisions.group_by("action").len("decisions").sort("action")),
        "reasons": catalog.table_value(decisions["reason"].value_counts(sort=True, name="decisions").head(10)),
        "who expects the units": catalog.table_value(expecting.sort("decisions", descending=True).head(10)),
        "price changes": plots.price_changes(decisions),
        **({"actions by day": plots.actions_by_day(decisions)} if decisions["date"].n_unique() > 1 else {}),
    }
