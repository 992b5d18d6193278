"""The forecasts station: what each SKU on sale will sell, by the models people put in force, and how well that went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, SOURCE, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import Accuracy, DemandForecasts
from pricing_assets.tables.runs import Checks

if TYPE_CHECKING:
    from pricing_assets.demand.forecasts import Served
    from pricing_assets.demand.plan import Frequency
    from pricing_assets.models import Serving

SOLD = (raw.Products, raw.Listings, raw.Sales, raw.Stock)
ASKED = (*SOLD, raw.Prices, raw.Promotions)


@dg.multi_asset(
    name="demand_forecasts",
    specs=[
        catalog.spec(DemandForecasts, deps=[*(table for table in ASKED if table in SOURCE.tables), Checks]),
        # made in the same step: the row of the day that decisions commit tells of both
        catalog.spec(Accuracy, deps=[DemandForecasts, *(table for table in SOLD if table in SOURCE.tables), Checks]),
    ],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
    can_subset=True,  # always made together; Dagster refuses to backfill a whole whose parts feed one another
)
def demand_forecasts(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult[None]]:
    """28 days and 8 weeks ahead of each day, then the forecasts of the four weeks before held against its sales."""
    from pricing_assets.demand import accuracy, forecasts
    from pricing_assets.demand.forecasts import NAMES

    lake, calendar = platform.lake, platform.calendar
    with platform.at_work(context, days_of(context)), TemporaryDirectory() as folder:
        days = verdicts.open_days(context, lake, days_of(context))
        served = {each: in_force(context, platform, each, min(days), Path(folder)) for each in NAMES}
        made = forecasts.forecasts_of(lake, days, calendar, served)
        platform.commit(context, DemandForecasts, made, days)
        scored = accuracy.accuracy_of(lake, days, calendar)
        platform.commit(context, Accuracy, scored, days)
    results = [
        catalog.result(context, DemandForecasts, made, days, _expected(made, served)),
        catalog.result(context, Accuracy, scored, days, _scored(scored)),
    ]
    yield from (result for result in results if result.asset_key in context.selected_asset_keys)


def in_force(
    context: dg.AssetExecutionContext, platform: Platform, frequency: "Frequency", first: date, folder: Path
) -> "Sequence[Served]":
    """The champion of a frequency, then those before it that earlier days need, down to `first`; asked once a run."""
    from pricing_assets import models
    from pricing_assets.demand.forecasts import NAMES, Served, no_version

    name, gate, registry = NAMES[frequency], platform.gate, platform.registry
    kept = gate.champions_kept(name)
    if not kept:
        return [Served(None, reason=no_version(name))]
    found = [_served(context, kept[0].version, lambda: models.champion_in_force(gate, registry, name, folder), name)]
    for champion in kept[1:]:
        if (newer := found[-1].model) is None or newer.trained_until < first:
            break
        ask = partial(models.serving_of, registry, champion, folder)
        found.append(_served(context, champion.version, ask, name))
    return found


def _served(context: dg.AssetExecutionContext, version: int, ask: "Callable[[], Serving]", name: str) -> "Served":
    """A model that can be asked; where it cannot be had, why, and that is logged."""
    from pricing_assets import demand, models
    from pricing_assets.demand.forecasts import Served
    from pricing_assets.errors import PricingError

    try:
        serving = ask()
        model = demand.load(serving.folder)
    except PricingError as fault:
        cause = fault.cause if isinstance(fault, models.ModelUnavailable) else "unreadable"
        context.log.warning(f"{name}: a simple method forecasts instead of a model. {fault}")
        # what it says in full may name a folder of this run, and a row's content must not
        said = {"unreachable": "cannot be had: the registry does not answer"}.get(cause, f"is {cause}")
        return Served(None, reason=f"{name}/{version} {said}")
    if serving.note:
        context.log.warning(serving.note)
    return Served(model, serving.version, serving.artifact_hash)


def _expected(made: pl.DataFrame, served: "Mapping[Frequency, Sequence[Served]]") -> dict[str, Any]:
    """What a person looks at first: which model forecast how many series, why not all, and the units to come."""
    last = made.lazy().filter(pl.col("date") == pl.col("date").max())
    first = last.filter(pl.col("target_date") == pl.col("target_date").min().over("frequency"))  # each series once
    # without the figures of each series
    reason = pl.col("fallback_reason").cast(pl.String).str.replace("^(new|intermittent): .*$", "$1")
    reasons = first.group_by("frequency", "method", reason).len("SKU-markets")
    versions = {
        f"model of {'days' if frequency == 'D' else 'weeks'}": f"version {each.version}" if each.model else each.reason
        for frequency, (each, *_) in served.items()
    }
    days = last.filter(pl.col("frequency") == "D").select("market", "target_date", "mean")
    return {
        **versions,
        "methods": catalog.table_value(
            reasons.sort("frequency", "SKU-markets", descending=[False, True]).head(20).collect()
        ),
        "units to come": plots.units_to_come(days.collect()),
    }


def _scored(scored: pl.DataFrame) -> dict[str, Any]:
    """What a person looks at first: the figures of all and of each segment, and how they age."""
    if not scored.height:
        return {}
    last = scored.filter(pl.col("date") == pl.col("date").max())
    oldest = last.filter(pl.col("origin") == pl.col("origin").min().over("frequency"))
    figures = [pl.col(name).round(3) for name in ("wape", "rmsse", "bias", "coverage", "sum_coverage")]
    shown = oldest.select("origin", "segment", "frequency", "model", "n_series", "units", *figures)
    return {
        "by segment": catalog.table_value(shown.sort("frequency", "segment", "model").head(60)),
        "by days ahead": plots.accuracy_by_age(last),
        "of segments": plots.accuracy_by_segment(oldest),
    }
