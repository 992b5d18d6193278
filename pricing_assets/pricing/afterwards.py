"""What experiments add to days that stand: who was held out, which prices were tested, what shadows would have decided.

Here: the rows of several days. Not here: committing them (the station), deciding as a shadow (shadows), drawing
(experiments/).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from pricing_assets import experiments
from pricing_assets.lake import Lake
from pricing_assets.pricing import shadows
from pricing_assets.pricing.shadows import Challenger, Draft
from pricing_assets.pricing.stood import Stood
from pricing_assets.tables.decisions import Holdouts, PriceTests, ShadowDecisions


class Afterwards(NamedTuple):
    """Rows of decisions.holdouts, price_tests and shadow_decisions; and of shadows that could not decide, why."""

    holdouts: pl.DataFrame
    price_tests: pl.DataFrame
    shadow_decisions: pl.DataFrame
    faults: list[str]


def afterwards(
    lake: Lake, days: Sequence[Stood], drafts: Sequence[Draft], challengers: Sequence[Challenger] = ()
) -> Afterwards:
    """What experiments add to the days. Rows of shadows that ended since stay while the live decisions do."""
    held: list[pl.DataFrame] = [Holdouts.create_empty()]
    tested: list[pl.DataFrame] = [PriceTests.create_empty()]
    shadowed: list[pl.DataFrame] = [ShadowDecisions.create_empty()]
    faults: list[str] = []
    now = [*(each.name for each in drafts), *(each.name for each in challengers)]
    for day in days:
        held.append(_held(day))
        tested.append(_tested(day))
        found = shadows.shadow(day, drafts, challengers)
        shadowed += [found.rows, shadows.kept(lake.read(ShadowDecisions, day.day, day.day), day, now)]
        faults += found.faults
    return Afterwards(pl.concat(held), pl.concat(tested), pl.concat(shadowed).sort(ShadowDecisions.order()), faults)


def _held(day: Stood) -> pl.DataFrame:
    """Who was drawn to be held out; nobody where no strategy with a model was in force."""
    if day.design is None:
        return Holdouts.create_empty()
    return Holdouts.cast(experiments.assigned(day.of_models(day.decisions), day.design))


def _tested(day: Stood) -> pl.DataFrame:
    """Which prices were moved to learn from them."""
    sizes = [(each.hash, float(each.ml.tests)) for each in day.strategies if each.ml and each.ml.tests]
    if day.design is None or not sizes:
        return PriceTests.create_empty()
    schema = {"strategy_hash": pl.String, "size": pl.Float64}
    return experiments.moved(day.decisions, day.steps, pl.DataFrame(sizes, schema=schema, orient="row"), day.design)
