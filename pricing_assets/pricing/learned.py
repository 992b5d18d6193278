"""Rows a model prices: from the price so far to the one its category earns most by, or the reason to leave it.

Here: which rows a model may judge, their ladders, its choice, and the words for it. Not here: the arithmetic of gains
(optimiser), rungs (ladder), what is known of demand (prospects), the strategy's own rules.

Base and promotion prices stay apart: a price that is planned, or was cut below the list price only just now, is left as
it is, for neither its elasticity nor its forecast is that of a lasting price.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pricing_assets.pricing import constraints, ladder
from pricing_assets.pricing.beliefs import believed
from pricing_assets.pricing.constraints import Bound
from pricing_assets.pricing.optimiser import Choice, Floats, Gain, Rows, choose
from pricing_assets.pricing.prospects import COLUMNS
from pricing_assets.strategies import Learned, Strategy
from pricing_assets.tables import money

READ = (
    *("price_change_28d_pct", "lowest_price_365d", "highest_price_365d", "days_since_price_change"),
    *("planned_price", "planned_price_today", "on_hand", "margin_pct", "margin_182d_pct"),
)
"""The features a model looks at, beside those of every decision."""
SETTLED = 14
"""Days after which a price below the list price counts as a lasting one."""
PROMOTED = "on promotion: base prices are left alone meanwhile"
_TEXT = pl.lit(None, dtype=pl.String)
_GAINS = ("expected_gain", "gain_low")


def queued(strategy: Strategy) -> tuple[str, ...]:
    """Reasons to hold that a person should see: something is missing or contradicts itself."""
    model = strategy.ml.model if strategy.ml else ""
    return (f"no model {model} made its forecast", "its elasticity has the wrong sign", _no_rung())


def nothing(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of `priced` for rows no model looks at."""
    amount = pl.lit(None, dtype=money.AT_REST)
    return frame.with_columns(
        ml=pl.lit(None, dtype=pl.Int64), unmoved=pl.lit(None, dtype=pl.String), **dict.fromkeys(_GAINS, amount)
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


def priced(frame: pl.DataFrame, strategy: Strategy, learned: Learned, law: Sequence[Bound]) -> pl.DataFrame:
    """What a model makes of each row: the columns `ml`, `unmoved`, `expected_gain`, `gain_low` and `confidence`.

    `ml` is the price after it (Int64 minor units; null where it moved nothing), `unmoved` why it did not; gains are
    Decimal, of the category over 28 days.

    `frame` has `base` (Int64 minor units: the price so far), `settled` (why no model may touch a row; null where it
    may), the columns of prospects.COLUMNS and the features of READ.
    """
    inside = constraints.apply(frame.with_columns(price=pl.col("base")), strategy.constraints, law)
    inside = inside.with_columns(base=pl.col("price"))
    bounds = ladder.bounded(inside, learned)
    inside = inside.with_columns(bounds.get_columns())
    why = inside.select(why=_why_not())["why"]
    judged = inside.filter(why.is_null())
    choice = _chosen(judged, learned, strategy)
    moved = pl.Series(choice.price) != judged["base"]
    unmoved = pl.select(
        pl.when(~moved).then(
            pl.lit(f"no price on its ladder earns more than holding, with probability {learned.bound_level}")
        )
    ).to_series()
    answers = judged.select("row", "scale").with_columns(
        ml=pl.select(pl.when(moved).then(pl.Series(choice.price))).to_series(),
        unmoved=unmoved,
        expected_gain=pl.Series(np.rint(choice.gain.mean)).cast(pl.Int64),
        gain_low=pl.Series(np.rint(choice.low)).cast(pl.Int64),
        confidence=pl.select(pl.when(moved).then(pl.Series(choice.gain.confidence()))).to_series(),
    )
    answers = answers.with_columns(money.to_major(pl.col(name), pl.col("scale")) for name in _GAINS).drop("scale")
    frame = frame.drop("confidence", strict=False).with_columns(why=why)
    frame = frame.join(answers, on="row", how="left", maintain_order="left")
    return frame.with_columns(unmoved=pl.coalesce("why", "unmoved")).drop("why", *COLUMNS)


def as_chosen(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows after all steps: what is expected of the model's price counts only where nothing moved the price again."""
    chosen = (pl.col("price") == pl.col("ml")).fill_null(value=False)
    other = pl.col("present") if "present" in frame.columns else pl.lit(None, dtype=pl.Float64)
    gains = [pl.when(chosen | pl.col("ml").is_null()).then(name).alias(name) for name in _GAINS]
    return frame.with_columns(
        *gains,
        method=pl.when(chosen).then(pl.lit("ml")).otherwise("method"),
        confidence=pl.when(chosen).then("confidence").otherwise(other),
    )


def _why_not() -> pl.Expr:
    """Why a model leaves a row alone; null where it judges it."""
    planned = pl.col("planned_price").is_not_null() | pl.col("planned_price_today").is_not_null()
    recent = (pl.col("current_price") < pl.col("list_price")) & (pl.col("days_since_price_change") < SETTLED)
    only_base = pl.col("lowest") > pl.col("highest")
    return pl.coalesce(
        "settled",
        pl.when(planned | recent.fill_null(value=False)).then(pl.lit(PROMOTED)),
        "unknown",
        pl.when(pl.col("clash").is_not_null() | only_base.fill_null(value=True)).then(pl.lit(_no_rung())),
    )


def _no_rung() -> str:
    return "no price on its ladder is admissible"


def _chosen(judged: pl.DataFrame, learned: Learned, strategy: Strategy) -> Choice:
    """The choices, each day by itself: what is learned of a day's rows may not depend on the days beside it."""
    days = [_of_day(part, learned, strategy) for part in judged.partition_by("date", maintain_order=True)]
    if len(days) == 1:
        return days[0]
    parts = zip(*((day.price, day.gain.mean, day.gain.doubt, day.low) for day in days), strict=True) if days else []
    price, mean, doubt, low = [np.concatenate(part) for part in parts] or [np.zeros(0)] * 4
    return Choice(price, Gain(mean, doubt), low)


def _of_day(judged: pl.DataFrame, learned: Learned, strategy: Strategy) -> Choice:
    rungs = ladder.rungs(judged.select("base", "scale", "lowest", "highest"), learned, strategy.endings)
    rows = _rows(judged, learned)
    if learned.objective == "profit":
        rows = believed(rows, _kept(judged))
    return choose(rows, rungs, float(learned.bound_level))


def _kept(judged: pl.DataFrame) -> Floats:
    """The share of the price kept over half a year; of a shorter history that of the day."""
    share = judged.select(pl.coalesce("margin_182d_pct", "margin_pct") / 100).to_series()
    return share.fill_null(float("nan")).to_numpy()


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
