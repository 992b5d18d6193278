"""The experiments station: who was held out, which prices were tested, and what shadows would have decided."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.errors import PricingError
from pricing_assets.pricing.afterwards import afterwards
from pricing_assets.pricing.shadows import Challenger, Draft
from pricing_assets.pricing.stood import stood
from pricing_assets.tables.decisions import Holdouts, PriceDecisions, PriceSteps, PriceTests, ShadowDecisions
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.runs import Days

_DECIDED = (PriceDecisions, FeatureSnapshots, Strategies, Days)


@dg.multi_asset(
    name="experiments",
    specs=[
        catalog.spec(Holdouts, deps=_DECIDED),
        catalog.spec(PriceTests, deps=[*_DECIDED, PriceSteps]),
        catalog.spec(ShadowDecisions, deps=[*_DECIDED, DemandForecasts, Elasticities]),
    ],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
    op_tags={"dagster/priority": "1"},  # before the marts, so that analysts have the day's comparisons
)
def after_decisions(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult[None]]:
    """What experiments add to days that stand. A shadow that cannot decide is named, and stops nothing."""
    lake = platform.lake
    with platform.at_work(context, days_of(context)):
        days = verdicts.open_days(context, lake, days_of(context))
        drafts = [Draft(each.name, each.text) for each in platform.store.shadows(platform.known_to(context))]
        standing = list(stood(lake, days))
        challengers, missing = _challengers(platform, [each.day for each in standing if each.design])
        found = afterwards(lake, standing, drafts, challengers)
        frames = {Holdouts: found.holdouts, PriceTests: found.price_tests, ShadowDecisions: found.shadow_decisions}
        for table, frame in frames.items():
            platform.commit(context, table, frame, days)
    seen = {Holdouts: _held(found.holdouts), ShadowDecisions: _compared(found.shadow_decisions, missing + found.faults)}
    for fault in missing + found.faults:
        context.log.warning(f"a shadow could not decide: {fault}")
    yield from (catalog.result(context, table, frame, days, seen.get(table)) for table, frame in frames.items())


def _challengers(platform: Platform, days: Sequence[date]) -> tuple[list[Challenger], list[str]]:
    """The challenger newer than the champion, with its forecasts of the days after its training; or why it has none."""
    from pricing_assets import demand, models
    from pricing_assets.demand.forecasts import NAMES, Served, forecasts_of
    from pricing_assets.demand.plan import Frequency

    name = NAMES["D"]
    champion = platform.gate.champion(name) if days else None
    if champion is None:
        return [], []
    try:
        number = platform.registry.aliases(name).get(models.CHALLENGER, 0)
        if number <= champion.version:
            return [], []
        with TemporaryDirectory() as folder:
            version = platform.registry.version(name, number)
            model = demand.load(platform.registry.fetch(version, Path(folder)).folder)
        served: Mapping[Frequency, Sequence[Served]] = {
            "D": [Served(model, number, version.artifact_hash)],
            "W": [Served(None, reason="not asked")],
        }
        asked = [day for day in days if day > model.trained_until]
        forecasts = forecasts_of(platform.lake, asked, platform.calendar, served) if asked else pl.DataFrame()
    except PricingError as fault:
        return [], [f"challenger of {name}: {fault}"]
    return ([Challenger(version.label, version.artifact_hash, forecasts)] if asked else []), []


def _held(found: pl.DataFrame) -> dict[str, Any]:
    """What a person looks at first: which clusters keep their prices, and until when."""
    held = found.filter("held").select("category", "market", "period_until", "skus").unique()
    return {
        "clusters": found.select("category", "market").n_unique() if found.height else 0,
        "held out": catalog.table_value(held.sort("period_until", "category", "market").head(50)),
    }


def _compared(found: pl.DataFrame, faults: Sequence[str]) -> dict[str, Any]:
    """What a person looks at first: how often each shadow differs, and how far; and which could not decide."""
    told = {"could not decide": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in faults))} if faults else {}
    if found.is_empty():
        return told
    differs = (pl.col("final_price") != pl.col("live_price")).fill_null(value=False)
    both = pl.col("expected_profit") - pl.col("live_expected_profit")
    shadows = found.group_by("shadow").agg(
        decisions=pl.len(), differing=differs.sum(), expected_profit_difference=both.sum()
    )
    return told | {
        "shadows": catalog.table_value(shadows.sort("shadow")),
        "against the live prices": plots.shadow_differences(found),
    }
