"""Rows a model prices: from the price so far to the one its category earns most by, or the reason to leave it.

Here: which rows a model may judge, their ladders, its choice, and the words for it. Not here: the arithmetic of gains
(optimiser), rungs (ladder), what is known of demand (prospects), the strategy's own rules.

Base and promotion prices stay apart: a price that is planned, or was cut below the list price only just now, is left as
it is, for neither its elasticity nor its forecast is that of a lasting price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.dates import Bools
from pricing_assets.pricing import constraints, ladder, linked
from pricing_assets.pricing.beliefs import believed
from pricing_assets.pricing.constraints import Bound
from pricing_assets.pricing.optimiser import Floats, Ints, Rows, choose, gain
from pricing_assets.pricing.prospects import COLUMNS, WRONG_SIGN, no_model
from pricing_assets.strategies import Learned, Strategy
from pricing_assets.tables import money
from pricing_assets.tables.decisions import LinkedGoals

READ = (
    *("price_change_28d_pct", "lowest_price_365d", "highest_price_365d", "days_since_price_change"),
    *("planned_price", "planned_price_today", "on_hand", "margin_pct", "margin_182d_pct"),
)
"""The features a model looks at, beside those of every decision."""
SETTLED = 14
"""Days after which a price below the list price counts as a lasting one."""
NO_RUNG = "no price on its ladder is admissible"
PROMOTED = "on promotion: base prices are left alone meanwhile"
ODD = 2.0
"""Times that errors of forecast, elasticity and cross effect count where a SKU's price, cost or rivals look odd, short
of what holds a price."""
_DOUBTS = ("spread", "error", "others_error")
_TEXT = pl.lit(None, dtype=pl.String)
_GAINS = ("expected_gain", "gain_low")
_STAYS = ("frozen", "alarmed", "held_out")
"""Sentences of rows whose price stays, whatever a model says of it."""


def to_be_seen(learned: Learned) -> pl.Expr:
    """Whether a row holds, by its `reason`, since something is missing or contradicts itself: for a person to see."""
    reason = pl.col("reason").cast(pl.String)
    said = [reason.str.starts_with(words) for words in (no_model(learned), WRONG_SIGN, NO_RUNG, linked.CLASHES)]
    return pl.any_horizontal(*said, reason.str.contains(" clashes with ", literal=True))


def nothing(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of `priced` for rows no model looks at."""
    amount = pl.lit(None, dtype=money.AT_REST)
    return frame.with_columns(
        ml=pl.lit(None, dtype=pl.Int64),
        linked=pl.lit(None, dtype=pl.Int64),
        unmoved=pl.lit(None, dtype=pl.String),
        **dict.fromkeys(_GAINS, amount),
    )


def before_rules(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows a model prices first: it starts at the price in force."""
    forced = pl.col("forced") if "forced" in frame.columns else pl.lit(None, dtype=pl.String)
    return frame.with_columns(start=pl.col("current"), base=pl.col("current"), settled=forced, hold=_TEXT)


def after_rules(frame: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """Rows a model prices after the rules: it starts where they ended, or at the price in force where none applied.

    A rule that stops the strategy has the last word, and so has an override that shuts models out.
    """
    names = {rule.name: pl.col(f"rule:{rule.name}").is_not_null() for rule in strategy.rules}
    ruled = pl.any_horizontal(names.values())
    stopped = [
        pl.when(names[rule.name]).then(pl.lit(f"rule {rule.name} ends it")) for rule in strategy.rules if rule.stop
    ]
    forced = [pl.col("forced")] if "forced" in frame.columns else []
    held = pl.when(pl.col("hold").is_not_null()).then(pl.lit(""))
    return frame.with_columns(
        base=pl.when(ruled).then("proposed").otherwise("current"),
        resumed=pl.when(~ruled & (pl.col("start") != pl.col("current"))).then("current"),
        settled=pl.coalesce(*forced, held, *stopped, _TEXT),
    )


class Priced(NamedTuple):
    """Rows after the model, and what came of the strategy's goals, as decisions.linked_goals."""

    frame: pl.DataFrame
    goals: pl.DataFrame


def priced(frame: pl.DataFrame, strategy: Strategy, learned: Learned, law: Sequence[Bound]) -> Priced:
    """What a model makes of each row: `ml`, `linked`, `unmoved`, `expected_gain`, `gain_low` and `confidence`.

    `ml` is the price after it and `linked` that after the goals (Int64 minor units; null where it moved nothing),
    `linked_told` the goal in words, `unmoved` why the price stays; gains are Decimal, of the category over 28 days.

    `frame` has `base` (Int64 minor units: the price so far), `settled` (why no model may touch a row; null where it
    may), `odd` (anomalies that make it doubt a row), the columns of prospects.COLUMNS and the features of READ.
    """
    inside = constraints.apply(frame.with_columns(price=pl.col("base")), strategy.constraints, law)
    inside = inside.with_columns(base=pl.col("price"))
    inside = inside.with_columns(ladder.bounded(inside, learned).get_columns())
    inside = inside.with_columns(why=_why_not())
    wanted = pl.col("base").is_not_null() if strategy.linked else pl.col("why").is_null()
    days = inside.filter(wanted).partition_by("date", maintain_order=True)
    # each day by itself: what is learned of a day's rows may not depend on the days beside it
    found = [_of_day(day, learned, strategy) for day in days]
    answers = pl.concat([each.frame for each in found]) if found else _no_answer()
    goals = pl.concat([LinkedGoals.create_empty(), *(each.goals for each in found)])
    frame = frame.drop("confidence", strict=False).with_columns(inside["why"])
    frame = frame.join(answers, on="row", how="left", maintain_order="left")
    return Priced(
        frame.with_columns(unmoved=pl.coalesce("held", "why", "unmoved")).drop("why", "held", *COLUMNS), goals
    )


def as_chosen(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows after all steps: what is expected of the model's price counts only where nothing moved the price again."""
    chosen = (pl.col("price") == pl.coalesce("linked", "ml")).fill_null(value=False)
    other = pl.col("present") if "present" in frame.columns else pl.lit(None, dtype=pl.Float64)
    gains = [pl.when(chosen | pl.col("ml").is_null()).then(name).alias(name) for name in _GAINS]
    return frame.with_columns(
        *gains,
        method=pl.when(chosen).then(pl.lit("ml")).otherwise("method"),
        confidence=pl.when(chosen).then("confidence").otherwise(other),
    )


def held_out(frame: pl.DataFrame) -> pl.DataFrame:
    """Those with the sentence `held_out` are held by it, and what another price would have gained is not theirs."""
    is_held, unknown = pl.col("held_out").is_not_null(), pl.col("current").is_null()
    return frame.with_columns(
        hold=pl.when(is_held & ~unknown).then("held_out").otherwise("hold"),
        **{name: pl.when(~is_held).then(name) for name in _GAINS},
    )


def _why_not() -> pl.Expr:
    """Why a model leaves a row alone; null where it judges it."""
    planned = pl.col("planned_price").is_not_null() | pl.col("planned_price_today").is_not_null()
    recent = (pl.col("current_price") < pl.col("list_price")) & (pl.col("days_since_price_change") < SETTLED)
    only_base = pl.col("lowest") > pl.col("highest")
    return pl.coalesce(
        "settled",
        pl.when(pl.col("base").is_null()).then(pl.lit("no price known on the day")),
        pl.when(planned | recent.fill_null(value=False)).then(pl.lit(PROMOTED)),
        "unknown",
        pl.when(pl.col("clash").is_not_null() | only_base.fill_null(value=True)).then(pl.lit(NO_RUNG)),
    )


def _of_day(rows: pl.DataFrame, learned: Learned, strategy: Strategy) -> Priced:
    """One day's rows: the model's own choice, and where there are goals, what meets them all.

    A price that is frozen, alarmed or held out stays whatever the model says: goals count it as it is.
    """
    free = rows["why"].is_null().to_numpy()
    steps = ladder.rungs(rows.select("base", "scale", "lowest", "highest"), learned, strategy.endings)
    steps = np.where(free, steps, 0)
    known = _rows(rows, learned)
    if learned.objective == "profit":
        known = believed(known, np.where(free, _kept(rows), np.nan), _group(rows))
    known = _doubted(known, rows["odd"].is_not_null().to_numpy())
    own = choose(known, steps, float(learned.bound_level))
    if not strategy.linked:
        return Priced(_answers(rows, known, own, linked.alone(own), learned), LinkedGoals.create_empty())
    stays = [pl.col(name).is_not_null() for name in _STAYS if name in rows.columns]
    moves = free & ~rows.select(pl.any_horizontal(stays)).to_series().to_numpy()
    found = linked.meet(rows, known, np.where(moves, steps, 0), strategy)
    found = found._replace(price=np.where(moves, found.price, own))
    return Priced(_answers(rows, known, own, found, learned), found.goals)


def _answers(rows: pl.DataFrame, known: Rows, own: Ints, found: linked.Met, learned: Learned) -> pl.DataFrame:
    """What `priced` adds to the rows a model judges: its price, that after the goals, and what is expected of it."""
    base, judged = rows["base"].to_numpy(), rows["why"].is_null()
    made = gain(known, found.price.astype(np.float64))
    low = made.low(float(learned.bound_level))
    moved, after = pl.Series(own != base), pl.Series(found.price != own)
    gains = [
        pl.Series(name, np.rint(values)).cast(pl.Int64) for name, values in zip(_GAINS, (made.mean, low), strict=True)
    ]
    answers = rows.select("row", "scale").with_columns(
        pl.select(pl.when(moved).then(pl.Series(own)).alias("ml")).to_series(),
        pl.select(pl.when(after).then(pl.Series(found.price)).alias("linked")).to_series(),
        found.because.alias("linked_told"),
        found.held.alias("held"),
        _unmoved(found, own, base, learned),
        *gains,
        pl.select(
            pl.when(pl.Series(found.price != base)).then(pl.Series(made.confidence())).alias("confidence")
        ).to_series(),
    )
    amounts = [money.to_major(pl.col(name), pl.col("scale")).alias(name) for name in _GAINS]
    return answers.with_columns(amounts).drop("scale").filter(judged)


def _unmoved(found: linked.Met, own: Ints, base: Ints, learned: Learned) -> pl.Series:
    """Why a judged price stays: the model found none better, or a goal left it out; null where it moves."""
    nothing = f"no price on its ladder earns more than holding, with probability {learned.bound_level}"
    by_goal = pl.format("the model would move it, but a goal leaves it: {}", pl.lit(found.because))
    stays, alone = pl.Series(found.price == base), pl.Series(own == base)
    return pl.select(
        pl.when(stays & alone).then(pl.lit(nothing)).when(stays).then(by_goal).alias("unmoved")
    ).to_series()


def _doubted(known: Rows, odd: Bools) -> Rows:
    """The rows with the errors of those that look odd as many times as large."""
    return replace(known, **{name: getattr(known, name) * np.where(odd, ODD, 1.0) for name in _DOUBTS})


def _no_answer() -> pl.DataFrame:
    """The answers about no row."""
    texts = dict.fromkeys(("linked_told", "held", "unmoved"), pl.String)
    amounts = dict.fromkeys(_GAINS, money.AT_REST)
    prices = dict.fromkeys(("ml", "linked"), pl.Int64)
    schema: dict[str, Any] = {"row": pl.get_index_type(), **prices, **texts, **amounts, "confidence": pl.Float64}
    return pl.DataFrame(schema=schema)


def _kept(judged: pl.DataFrame) -> Floats:
    """The share of the price kept over half a year; of a shorter history that of the day."""
    share = judged.select(pl.coalesce("margin_182d_pct", "margin_pct") / 100).to_series()
    return share.fill_null(float("nan")).to_numpy()


def _group(judged: pl.DataFrame) -> Ints:
    """The number of each row's category in its market, from 0; a row without a category is one by itself."""
    alone = pl.when(pl.col("category").is_null()).then("sku")
    placed = judged.select(pl.struct("market", "category", alone.alias("alone")).rank("dense"))
    return (placed.to_series() - 1).cast(pl.Int64).to_numpy()


def _rows(judged: pl.DataFrame, learned: Learned) -> Rows:
    """What the optimiser is told of the rows. A unit costs nothing more where its stock or revenue is what counts."""
    scale = judged["scale"].cast(pl.Float64)
    cost = judged["cost"].cast(pl.Float64) * scale if learned.objective == "profit" else scale * 0.0
    stock = judged["on_hand"].cast(pl.Float64).fill_null(float("inf"))
    named = {name: judged[name].cast(pl.Float64) for name in COLUMNS if name != "unknown"}
    arrays = {
        **named,
        "base": judged["base"].cast(pl.Float64),
        "cost": cost,
        "stock": stock if learned.objective == "clearance" else scale * 0.0 + float("inf"),
        "tested_low": (judged["lowest_price_365d"].cast(pl.Float64) * scale).log(),
        "tested_high": (judged["highest_price_365d"].cast(pl.Float64) * scale).log(),
        "label": float(learned.label) * scale,
    }
    return Rows(**{name: values.to_numpy() for name, values in arrays.items()})
