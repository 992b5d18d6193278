"""The decision: one per listed SKU and market, also where data is missing.

Here: strategies' proposals carried through constraints and endings to a final price, an action and a reason; what
goes before them obeyed. Not here: the arithmetic of each part, and where decisions are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import polars as pl

from pricing_assets import experiments
from pricing_assets.experiments import Design
from pricing_assets.lake.hashing import canonical
from pricing_assets.pricing import autonomy, constraints, endings, explanation, interventions, learned, reviews, trials
from pricing_assets.pricing import law as laws
from pricing_assets.pricing.basis import decision_ids
from pricing_assets.pricing.constraints import Bound
from pricing_assets.pricing.expected import expected
from pricing_assets.pricing.explanation import Labels, Part
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.law import NO_LAW, Law
from pricing_assets.pricing.outlook import Outlook, nothing_known
from pricing_assets.pricing.prospects import prospects
from pricing_assets.strategies import Constraint, Strategy, claims, propose
from pricing_assets.tables import money
from pricing_assets.tables.decisions import ACTIONS, METHODS, Autonomy, LinkedGoals, PriceDecisions, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots

_KEYS = ("date", "sku", "market", "category", "brand", "currency")
_AMOUNTS = ("current_price", "list_price", "cost", *constraints.READ)


class Decided(NamedTuple):
    """What was decided: rows of decisions.price_decisions, price_steps and linked_goals, in canonical order."""

    decisions: pl.DataFrame
    steps: pl.DataFrame
    goals: pl.DataFrame


def decide(
    features: pl.DataFrame,
    strategies: Sequence[Strategy],
    days: pl.DataFrame,
    before: Interventions | None = None,
    known: Outlook | None = None,
    *,
    law: Law = NO_LAW,
    design: Design | None = None,
) -> Decided:
    """Decides every row of `features`; the overrides and severe anomalies in `before` go before the strategies.

    What is `known` of demand says how many units each decision expects; only a strategy's model moves prices by it. The
    `law` of each market binds whatever a strategy says; of strategies with a model, a `design` holds clusters out and
    lets prices be tested. `features` are rows of features.feature_snapshots; `days` has one row per date in them: date,
    basis (String), late (Boolean). A strategy is active by the day its price takes effect, the day after `date`. Raises
    PricingError where two strategies of equal priority claim one SKU.
    """
    frame = _numbered(features, days, strategies, law)
    known = known or nothing_known(learned=any(each.ml for each in strategies))
    with ThreadPoolExecutor(1) as pool:
        ids = pool.submit(decision_ids, frame)  # one after the other: meanwhile the other processors make prices
        parts = list(_parts(frame, strategies, before, known, _Market(law, design)))
        rows = pl.concat([_rows(part) for part in parts]).sort("row").drop("row")
        steps = explanation.steps(parts, frame.height)
        units = expected(rows.with_columns(frame["category"]), known)
        decisions = PriceDecisions.cast(rows.hstack(units).with_columns(ids.result()))
    explained = decisions.select("date", "sku", "market", "decision_id")[steps["row"]]
    goals = pl.concat([part.goals for part in parts])
    return Decided(decisions, PriceSteps.cast(explained.hstack(steps.drop("row"))), goals.sort(LinkedGoals.order()))


def columns(strategies: Sequence[Strategy], law: Law = NO_LAW) -> list[str]:
    """The columns of features.feature_snapshots that decisions by these strategies under a law look at."""
    named = {name for strategy in strategies for name in strategy.features()}
    named |= {name for strategy in strategies if strategy.ml for name in learned.READ}
    named |= set(laws.READ) if law else set()
    return [name for name in FeatureSnapshots.columns() if name in _KEYS + _AMOUNTS or name in named]


def unread(strategies: Sequence[Strategy], law: Law = NO_LAW) -> list[str]:
    """The columns, as `features.feature_snapshots.column`, that decisions by these strategies do not look at."""
    read = columns(strategies, law)
    return [f"{FeatureSnapshots.table_name()}.{name}" for name in FeatureSnapshots.columns() if name not in read]


class _Market(NamedTuple):
    """What binds all strategies alike: the law of each market, and how experiments are drawn."""

    law: Law
    design: Design | None


def _parts(
    frame: pl.DataFrame, strategies: Sequence[Strategy], before: Interventions | None, known: Outlook, bound: _Market
) -> Iterator[Part]:
    """The rows by the strategy that prices them, priced; first those that none does.

    Rows that something goes before are parts of their own, so that all others pay nothing for it. A model's are not:
    what it learns of its rows, and goals over several of them, are about all of them.
    """
    claimed = claims(strategies, frame.with_columns(pl.col("date").dt.offset_by("1d")))
    touched = interventions.touched(frame, before) if before else None
    held = _held_out(frame, claimed, strategies, touched, bound.design)
    mine = [claimed.is_null(), *((claimed == number).fill_null(False) for number in range(len(strategies)))]
    for rows, strategy in zip(mine, (None, *strategies), strict=True):
        part = frame.filter(rows)
        if strategy and strategy.ml:  # what a category gains or loses is of all its SKUs, whoever prices them
            part = part.hstack(prospects(frame, known, strategy.ml).filter(rows))
            part = part.join(held, on="row", how="left", maintain_order="left")
            part = interventions.with_odd(part, before)
        if touched is None:
            yield _part(part, strategy, before, bound)
            continue
        if strategy and strategy.ml:
            told = touched.with_columns(touched=True)
            part = part.join(told, on="row", how="left", maintain_order="left")
            yield _part(part, strategy, before, bound, obeying=True)
            continue
        yield _part(part.join(touched, on="row", how="anti", maintain_order="left"), strategy, before, bound)
        obeying = part.join(touched, on="row", how="inner", maintain_order="left")
        yield _part(obeying, strategy, before, bound, obeying=True)


def _held_out(
    frame: pl.DataFrame,
    claimed: pl.Series,
    strategies: Sequence[Strategy],
    touched: pl.DataFrame | None,
    design: Design | None,
) -> pl.DataFrame:
    """Row and sentence of those held out, of the rows models price; where rules are forced, no model is held out."""
    models = [number for number, strategy in enumerate(strategies) if strategy.ml is not None]
    held = experiments.held_out(frame.filter(claimed.is_in(models)), design)
    if touched is None:
        return held
    return held.join(touched.filter(pl.col("forced").is_not_null()), on="row", how="anti", maintain_order="left")


def _part(
    frame: pl.DataFrame,
    strategy: Strategy | None,
    before: Interventions | None,
    bound: _Market,
    *,
    obeying: bool = False,
) -> Part:
    """Rows of one strategy, or of none, priced; `obeying` rows have the columns of interventions.touched.

    Rows of a model have `held_out`, why they are left alone; prices that something goes before are not tested.
    """
    law = bound.law
    frame, goals = _by_strategy(frame, strategy, law) if strategy else _unclaimed(frame)
    unknown = pl.when(pl.col("current").is_null()).then(pl.lit("no price known on the day"))
    frame = frame.with_columns(hold=pl.coalesce(unknown, "hold"))
    if strategy and strategy.ml:
        frame = learned.held_out(frame)
    if obeying and before:
        frame = _obeying(frame, strategy.constraints if strategy else ())
        frame = reviews.obey(frame, before.reviews, strategy.constraints if strategy else None, law)
    testing = bool(strategy and strategy.ml and strategy.ml.tests)
    if strategy and testing:
        frame = trials.tested(frame, strategy, bound.design)
    frame = _warned(frame, strategy.constraints if strategy else ())
    labels = Labels.of(strategy, [each.label for each in laws.bounds(law)]) if strategy else Labels.nothing()
    frame = _judged(frame, strategy, before.autonomy if before else None)
    return Part(_settled(frame), labels._replace(obeying=obeying, testing=testing), goals)


def _numbered(features: pl.DataFrame, days: pl.DataFrame, strategies: Sequence[Strategy], law: Law) -> pl.DataFrame:
    """The features decisions look at, in canonical order, with the current price in minor units.

    Adds row (the position), scale (minor units per major unit) and current (Int64 minor units).
    """
    frame = canonical(features.select(columns(strategies, law)), FeatureSnapshots)
    frame = frame.join(days, on="date", how="inner", validate="m:1", maintain_order="left")
    scale = money.scale(pl.col("currency"), frame["currency"].unique())
    frame = frame.with_columns(scale=scale).with_row_index("row")
    return frame.with_columns(current=money.to_minor(pl.col("current_price"), pl.col("scale")))


def _unclaimed(frame: pl.DataFrame) -> learned.Priced:
    """Rows no strategy claims: the price stays."""
    frame = learned.nothing(frame).with_columns(
        start=money.to_minor(pl.col("list_price"), pl.col("scale")),
        price=pl.col("current"),
        proposed=pl.col("current"),
        hold=pl.lit("no active strategy covers it"),
        confidence=pl.lit(None, dtype=pl.Float64),
        method=pl.lit("static"),
        strategy=pl.lit(None, dtype=pl.String),
        strategy_hash=pl.lit(None, dtype=pl.String),
    )
    return learned.Priced(frame, LinkedGoals.create_empty())


def _by_strategy(frame: pl.DataFrame, strategy: Strategy, law: Law) -> learned.Priced:
    """Proposal, constraints and ending of one strategy, with every intermediate price kept for the explanation."""
    bounds = laws.bounds(law)
    frame, goals = _proposed(frame, strategy, bounds)
    frame = frame.with_columns(strategy=pl.lit(strategy.name), strategy_hash=pl.lit(strategy.hash))
    frame = constraints.apply(frame.with_columns(price=pl.col("proposed")), strategy.constraints, bounds)
    # a price nothing moved needs no ending
    kept = pl.col("unmoved").is_not_null() & (pl.col("price") == pl.col("current"))
    frame = frame.with_columns(endings.nearest(frame, strategy.endings))
    frame = frame.with_columns(ended=pl.when((pl.col("ended") != pl.col("price")) & ~kept).then("ended"))
    frame = frame.with_columns(price=pl.coalesce("ended", "price"))
    frame = learned.as_chosen(frame) if strategy.ml else frame
    held = pl.coalesce("hold", *_obstacles(strategy, law), pl.when(kept).then("unmoved"))
    return learned.Priced(frame.with_columns(hold=held), goals)


def _proposed(frame: pl.DataFrame, strategy: Strategy, bounds: Sequence[Bound]) -> learned.Priced:
    """The price after rules and model, in the strategy's order, as `proposed`; and each of them on the way."""
    method = "static" if strategy.type == "static" else "rules"
    if strategy.ml is None:
        frame = learned.nothing(_ruled(frame, strategy)).with_columns(method=pl.lit(method))
        return learned.Priced(frame, LinkedGoals.create_empty())
    first = strategy.order[0]
    frame = learned.after_rules(_ruled(frame, strategy), strategy) if first == "rules" else learned.before_rules(frame)
    frame, goals = learned.priced(frame, strategy, strategy.ml, bounds)
    frame = frame.with_columns(proposed=pl.coalesce("linked", "ml", "base"))
    if first == "ml" and strategy.rules:
        so_far = money.to_major(pl.col("proposed"), pl.col("scale")).alias("price_so_far")
        frame = _ruled(frame.with_columns(so_far).drop("start", "hold", "proposed"), strategy, "price_so_far")
        frame = frame.with_columns(start=pl.col("current"))
    return learned.Priced(frame.with_columns(method=pl.lit(method if strategy.rules else "static")), goals)


def _ruled(frame: pl.DataFrame, strategy: Strategy, start: str = "list_price") -> pl.DataFrame:
    """The rows after the strategy's rules; beside a model's confidence theirs is `present`."""
    proposal = propose(strategy, frame, start)
    proposal = proposal.rename({"confidence": "present"}) if strategy.ml else proposal
    return frame.hstack(proposal).with_columns(proposed=pl.col("proposed").round().cast(pl.Int64))


def _obstacles(strategy: Strategy, law: Law) -> list[pl.Expr]:
    """Why a row must be held although its rules went through, null where nothing stands in the way."""
    found = [pl.col("clash"), pl.when(pl.col("price") < constraints.LOWEST).then(pl.lit("its price rounds to zero"))]
    if bounds := [constraints.described(each) for each in strategy.constraints if constraints.needs_cost(each)]:
        no_cost = pl.lit(f"no cost known, so {' and '.join(bounds)} cannot be checked")
        found.insert(0, pl.when(pl.col("cost").is_null()).then(no_cost))
    if law:
        no_cost = pl.lit(f"no cost known, so law: {laws.BELOW_COST} cannot be checked")
        found.insert(0, pl.when(laws.cost_unknown(law)).then(no_cost))
    if strategy.type == "static":
        # rules start from the list price; a price set by hand does not
        unset = pl.all_horizontal(pl.lit(True), *(pl.col(f"rule:{rule.name}").is_null() for rule in strategy.rules))
        found.insert(0, pl.when(unset).then(pl.lit(f"{strategy.name} sets no price for it")))
    return found


def _obeying(frame: pl.DataFrame, bounds: Sequence[Constraint]) -> pl.DataFrame:
    """Rows held by a freeze or a severe anomaly, with their sentences; a floor that a frozen price breaks is named."""
    broken = constraints.broken_floors(bounds)
    although = pl.when(broken != "").then(pl.format(", although the price is below {}", broken)).otherwise(pl.lit(""))
    frozen, alarmed, priced = (pl.col(name).is_not_null() for name in ("frozen", "alarmed", "current"))
    frame = frame.with_columns(
        frozen=pl.when(frozen & priced).then(pl.concat_str("frozen", although)).otherwise("frozen"),
        method=pl.when(frozen).then(pl.lit("static")).otherwise("method"),
    )
    named = pl.concat_str("frozen", "alarmed", pl.when(~priced).then("hold"), separator="; ", ignore_nulls=True)
    return frame.with_columns(hold=pl.when(frozen | alarmed).then(named).otherwise("hold"))


def _warned(frame: pl.DataFrame, bounds: Sequence[Constraint]) -> pl.DataFrame:
    """Rows that hold at a price below what it must not be below: their sentence names it, as that of a freeze does."""
    told = pl.col("frozen").is_not_null() if "frozen" in frame.columns else pl.lit(value=False)
    held = frame.select(pl.col("hold").is_not_null() & pl.col("current").is_not_null() & ~told).to_series().arg_true()
    if not held.len():
        return frame
    rows = frame[held].with_columns(broken=constraints.broken_floors(bounds))
    broken = rows.filter(pl.col("broken") != "")
    if not broken.height:
        return frame
    words = broken.select("row", hold=pl.format("{}, although the price is below {}", "hold", "broken"))
    return frame.update(words, on="row", how="left")


def _judged(frame: pl.DataFrame, strategy: Strategy | None, tightened: pl.DataFrame | None) -> pl.DataFrame:
    """What autonomy makes of changed prices: `acted` and `why`, and a hold where it leaves the price as it is.

    Nothing is added where neither strategy nor governance says anything: then changes publish. A price that a person
    approved needs no second word.
    """
    own = autonomy.autonomy_of(strategy) if strategy else None
    if own is None and (tightened is None or tightened.is_empty()):
        return frame
    changed = pl.col("hold").is_null() & (pl.col("price") != pl.col("current")).fill_null(False)
    if "reviewed" in frame.columns:
        changed &= pl.col("reviewed").is_null()
    rows = frame.select("date", "market", "category", "late", "confidence", changed=changed)
    limits = Autonomy.create_empty() if tightened is None else tightened
    rows = autonomy.in_force(rows, own, limits)
    acted = autonomy.acts(rows)
    if "test" in frame.columns:
        acted = trials.acted(frame["test"], rows["mode"], acted)
    frame = frame.with_columns(changed=changed).hstack(acted.rename({"action": "acted"}))
    held = pl.col("changed") & (pl.col("acted") == "hold")
    return frame.with_columns(
        hold=pl.when(held).then("why").otherwise("hold"), acted=pl.when("changed").then("acted")
    ).drop("changed")


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """Final price, action and whether the row is held, from `price`, `current`, `hold`, `late` and what is `acted`."""
    held = pl.col("hold").is_not_null()
    unchanged = (pl.col("price") == pl.col("current")).fill_null(True)
    changed = pl.when("late").then(pl.lit("recommend")).otherwise(pl.lit("publish"))
    if "acted" in frame.columns:
        changed = pl.coalesce("acted", changed)
    return frame.with_columns(
        final_price=pl.when(held | unchanged)
        .then("current_price")
        .otherwise(money.to_major(pl.col("price"), pl.col("scale"))),
        action=pl.when(held | unchanged).then(pl.lit("hold")).otherwise(changed).cast(pl.Enum(ACTIONS)),
    )


def _rows(part: Part) -> pl.DataFrame:
    """Rows of decisions.price_decisions without what they expect, and the row number they sort by."""
    return part.frame.select(
        "row",
        "date",
        "sku",
        "market",
        "basis",
        "currency",
        "current_price",
        "list_price",
        money.to_major(pl.col("proposed"), pl.col("scale")).alias("proposed_price"),
        "final_price",
        "cost",
        pl.col("method").cast(pl.Enum(METHODS)),
        "action",
        explanation.reasons(part),
        "confidence",
        "expected_gain",
        "gain_low",
        "strategy",
        "strategy_hash",
        (pl.col("override_id") if part.labels.obeying else pl.lit(None, dtype=pl.String))
        .cast(pl.Categorical)
        .alias("override_id"),
    )
