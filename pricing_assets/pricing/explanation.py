"""The explanation stored with each price: steps whose differences add up exactly to it, and one sentence.

Here: which steps there are, in which order, and their words. Not here: the arithmetic that moved the price.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from pricing_assets.strategies import Rule, Strategy

_HOLD = 1_000_000  # sorts after every other step


class Label(NamedTuple):
    """One possible step: the column with the price after it, and its words."""

    column: str
    step: str
    reason: str
    reference: str | None
    word: str


class Labels(NamedTuple):
    """The possible steps of a strategy in the order they are taken."""

    rules: tuple[Label, ...]
    constraints: tuple[Label, ...]

    @classmethod
    def nothing(cls) -> Labels:
        """The steps of a row no strategy claims: none."""
        return cls((), ())

    @classmethod
    def of(cls, strategy: Strategy) -> Labels:
        """The steps a strategy can take."""
        origin = f"{strategy.name}@{strategy.hash[:12]}"
        rules = tuple(
            Label(f"rule:{rule.name}", f"rule:{rule.name}", _sentence(rule), f"{origin}#{rule.name}", rule.name)
            for rule in strategy.rules
        )
        if strategy.type == "static":
            return cls(rules, ())
        limits = tuple(
            Label(f"constraint:{number}", f"constraint:{limit.kind}", limit.label, f"{origin}#constraints", limit.label)
            for number, limit in enumerate(strategy.constraints)
        )
        texts = ", ".join(str(ending) for ending in strategy.endings)
        ending = Label("ended", "ending", f"nearest admissible ending of {texts}", f"{origin}#endings", "ending")
        return cls(rules, (*limits, ending))


def _sentence(rule: Rule) -> str:
    return f"{rule.then.label}, since {rule.when_text}" if rule.when_text else rule.then.label


def reason(labels: Labels) -> pl.Expr:
    """Why the action was taken, in one sentence: the hold's reason, or the rules and limits that made the price."""
    rules = _named(labels.rules)
    limits = _named(labels.constraints)
    made = pl.concat_str(
        pl.when(rules != "").then(pl.lit("rules ") + rules).otherwise(pl.lit("list price")),
        pl.when(limits != "").then(pl.lit("; then ") + limits),
        ignore_nulls=True,
    )
    unchanged = pl.col("action") == "hold"
    return pl.coalesce("hold", pl.when(unchanged).then(pl.lit("unchanged: ") + made).otherwise(made))


def _named(labels: tuple[Label, ...]) -> pl.Expr:
    """The words of the steps that moved the price, comma separated; empty where none did."""
    words = [pl.when(pl.col(label.column).is_not_null()).then(pl.lit(label.word)) for label in labels]
    return pl.concat_str(words, separator=", ", ignore_nulls=True) if words else pl.lit("")


def steps(frame: pl.DataFrame, labels: Labels) -> pl.DataFrame:
    """Long rows of one part: row, order, date, decision_id, step, after (Int64 ten-thousandths), reason, reference."""
    step = 10_000 // pl.col("scale")
    parts = [_taken(frame, Label("start", "start", "list price", "list_price", ""), 0, pl.col("start") * step)]
    for order, label in enumerate(labels.rules, 1):
        parts.append(_taken(frame, label, order, pl.col(label.column).round().cast(pl.Int64) * step))
    free = frame.filter(pl.col("hold").is_null())
    for order, label in enumerate(labels.constraints, 1 + len(labels.rules)):
        parts.append(_taken(free, label, order, pl.col(label.column) * step))
    parts.append(_held(frame))
    return pl.concat(parts)


def _taken(frame: pl.DataFrame, label: Label, order: int, after: pl.Expr) -> pl.DataFrame:
    """The rows of one step, for those that took it."""
    return (
        frame.lazy()
        .filter(pl.col(label.column).is_not_null())
        .select(
            "row",
            pl.lit(order, dtype=pl.Int32).alias("order"),
            "date",
            "decision_id",
            pl.lit(label.step).alias("step"),
            after.alias("after"),
            pl.lit(label.reason).alias("reason"),
            pl.lit(label.reference, dtype=pl.String).alias("reference"),
        )
        .collect()
    )


def _held(frame: pl.DataFrame) -> pl.DataFrame:
    """The closing step where the exact current price stands: held rows, and fractions of a minor unit left alone."""
    exact = pl.col("current_price").to_physical().cast(pl.Int64)
    inexact = exact != pl.col("current") * (10_000 // pl.col("scale"))
    stays = pl.col("current").is_not_null() & (pl.col("hold").is_not_null() | ((pl.col("action") == "hold") & inexact))
    return frame.filter(stays).select(
        "row",
        pl.lit(_HOLD, dtype=pl.Int32).alias("order"),
        "date",
        "decision_id",
        pl.lit("hold").alias("step"),
        exact.alias("after"),
        pl.coalesce("hold", pl.lit("the current price stays as it is")).alias("reason"),
        pl.lit("current_price", dtype=pl.String).alias("reference"),
    )


def in_order(steps: pl.DataFrame) -> pl.DataFrame:
    """Rows of decisions.price_steps: numbered from 1 in each decision, each beginning where the one before ended."""
    ordered = steps.sort("row", "order")
    first = (pl.col("row") != pl.col("row").shift(1)).fill_null(True)
    position = pl.int_range(pl.len(), dtype=pl.Int64)
    return ordered.select(
        "date",
        "decision_id",
        (position - pl.when(first).then(position).forward_fill() + 1).alias("step_no"),
        "step",
        _decimal(pl.when(first).then(pl.lit(0, dtype=pl.Int64)).otherwise(pl.col("after").shift(1))).alias("before"),
        _decimal(pl.col("after")).alias("after"),
        "reason",
        "reference",
    )


def _decimal(ten_thousandths: pl.Expr) -> pl.Expr:
    """Int64 ten-thousandths as Decimal(18,4), exactly."""
    return (ten_thousandths.cast(pl.Decimal(38, 4)) / pl.lit(10_000, dtype=pl.Decimal(38, 4))).cast(pl.Decimal(18, 4))
