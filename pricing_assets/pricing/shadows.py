"""Shadows: what a draft, a challenger or the live strategies without hold-outs would have decided on a day that stands.

Here: deciding again, by the same code on the same inputs but for what the shadow changes, beside the live decisions.
Not here: who set which shadow (governance/), publishing: what is decided here goes nowhere.

A draft stands in for the live strategy of its name, or joins the others. A challenger forecasts instead of the champion
for strategies with a model. What the live strategies would have done with clusters held out is a shadow, too: within
such a cluster alone, goals over several clusters left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from pricing_assets import experiments
from pricing_assets.errors import PricingError
from pricing_assets.experiments import NO_CATEGORY, Design
from pricing_assets.pricing.decision import decide
from pricing_assets.pricing.expected import expected
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.pricing.stood import Stood
from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables.decisions import ShadowDecisions

WITHOUT_HOLD_OUT = "without hold-out"  # the blank keeps it apart from every strategy's name
_KEY = ["date", "sku", "market"]


class Draft(NamedTuple):
    """A strategy's text that decides beside those in force."""

    name: str
    text: str


class Challenger(NamedTuple):
    """A model not in force: its name and version, the hash of its files, and its forecasts of the days in question."""

    label: str
    hash: str
    forecasts: pl.DataFrame

    @property
    def name(self) -> str:
        """As the rows of its decisions name it."""
        return f"challenger {self.label}"


class Shadowed(NamedTuple):
    """Rows of decisions.shadow_decisions, and of each shadow that could not decide a day, why."""

    rows: pl.DataFrame
    faults: list[str]


def shadow(day: Stood, drafts: Sequence[Draft], challengers: Sequence[Challenger] = ()) -> Shadowed:
    """What each shadow would have decided on a day. One that cannot is named among the faults and harms no other."""
    asked = [
        (WITHOUT_HOLD_OUT, partial(_without_hold_out, day)),
        *((each.name, partial(_draft, day, each)) for each in drafts),
    ]
    asked += [(each.name, partial(_challenger, day, each)) for each in challengers]
    rows: list[pl.DataFrame] = [ShadowDecisions.create_empty()]
    faults: list[str] = []
    for name, decide_it in asked:
        try:
            rows.append(decide_it())
        except (PricingError, pl.exceptions.PolarsError) as fault:
            faults.append(f"{day.day} {name}: {fault}")
    return Shadowed(pl.concat(rows).sort(ShadowDecisions.order()), faults)


def _draft(day: Stood, draft: Draft) -> pl.DataFrame:
    """The rows that the draft, or the strategy it stands in for, prices."""
    strategy = parse(draft.text, draft.name)
    strategies = [strategy if each.name == draft.name else each for each in day.strategies]
    if strategy not in strategies:
        strategies.append(strategy)
    decided = _decided(day, strategies, day.snapshot, day.known, day.design)
    mine = [rows.filter(pl.col("strategy").cast(pl.String) == draft.name) for rows in (decided, day.decisions)]
    decided = decided.join(pl.concat([rows.select(_KEY) for rows in mine]).unique(), on=_KEY, how="semi")
    return _beside(day, decided, draft.name, pl.lit(strategy.hash))


def _challenger(day: Stood, challenger: Challenger) -> pl.DataFrame:
    """The rows that strategies with a model price, under other forecasts; judged under those of the live decisions."""
    forecasts = challenger.forecasts.filter(date=day.day)
    if day.design is None or forecasts.is_empty():
        return ShadowDecisions.create_empty()
    known = outlook(forecasts, day.elasticities, {day.day: {}}, learned=True)
    decided = day.of_models(_decided(day, day.strategies, day.snapshot, known, day.design))
    decided = decided.with_columns(expected(decided, day.known)["expected_units", "expected_profit"])
    return _beside(day, decided, challenger.name, pl.lit(challenger.hash))


def _without_hold_out(day: Stood) -> pl.DataFrame:
    """The rows held out, as the live strategies would have priced them."""
    if day.design is None:
        return ShadowDecisions.create_empty()
    drawn = experiments.assigned(day.of_models(day.decisions), day.design).filter("held")
    category = pl.col("category").fill_null(NO_CATEGORY)
    held = day.snapshot.with_columns(cluster=category).join(
        drawn.select("market", cluster="category"), on=["cluster", "market"], how="semi", maintain_order="left"
    )
    if held.is_empty():
        return ShadowDecisions.create_empty()
    decided = day.of_models(_decided(day, day.strategies, held.drop("cluster"), day.known, None))
    return _beside(day, decided, WITHOUT_HOLD_OUT, pl.col("strategy_hash"))


def _decided(
    day: Stood, strategies: Sequence[Strategy], snapshot: pl.DataFrame, known: Outlook, design: Design | None
) -> pl.DataFrame:
    """Decisions about rows of the day's snapshot, with their categories."""
    decided = decide(snapshot, strategies, day.calendar, day.before, known, law=day.law, design=design).decisions
    categories = snapshot.select(*_KEY, "category")
    return decided.join(categories, on=_KEY, how="left", maintain_order="left")


def _beside(day: Stood, decided: pl.DataFrame, name: str, text_hash: pl.Expr) -> pl.DataFrame:
    """What a shadow decided as rows of decisions.shadow_decisions, the live decision beside each."""
    live = day.decisions.select(
        *_KEY,
        live_price="final_price",
        live_action="action",
        live_expected_units="expected_units",
        live_expected_profit="expected_profit",
    )
    rows = decided.with_columns(
        pl.lit(name).alias("shadow"),
        text_hash.cast(pl.String).alias("text_hash"),
        pl.lit(day.basis).alias("basis"),
        pl.col("category").fill_null(NO_CATEGORY),
    )
    rows = rows.join(live, on=_KEY, how="inner", maintain_order="left")
    return ShadowDecisions.cast(rows.select(ShadowDecisions.column_names()))


def kept(known: pl.DataFrame, day: Stood, now: Sequence[str]) -> pl.DataFrame:
    """Of the rows a day has already, those of shadows that ended since, while the live decisions are the same."""
    same = pl.col("basis").cast(pl.String) == day.basis
    return known.filter(same & ~pl.col("shadow").is_in([*now, WITHOUT_HOLD_OUT]))
