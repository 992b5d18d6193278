"""The explanation stored with each price: steps whose differences add up exactly to it, and one sentence.

Here: which steps there are, in which order, and their words. Not here: the arithmetic that moved the price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pricing_assets.cores import side_by_side
from pricing_assets.experiments import STEP
from pricing_assets.pricing.constraints import TEN_THOUSANDTHS
from pricing_assets.strategies import Learned, Rule, Strategy
from pricing_assets.tables.anomalies import PriceAnomalies

Array = np.ndarray[Any, Any]

_BITS = 60  # marks packed into one Int64
_ROWS = 1 << 16  # rows explained together: what is worked out on the way stays in the processor's cache


class Label(NamedTuple):
    """One possible step: the column with the price after it, and its words."""

    column: str
    step: str
    reason: str
    reference: str | None
    word: str


_START = Label("start", "start", "list price", "list_price", "")
_IN_FORCE = Label("start", "start", "price in force", "current_price", "")
_LINKED = Label("linked", "linked", "a goal over several SKUs", "decisions.linked_goals", "linked goals")
_RESUMED = Label("resumed", "start", "no rule applies: the price in force", "current_price", "")


class Labels(NamedTuple):
    """The possible steps of a strategy in the order they are taken."""

    rules: tuple[Label, ...]  # and the model, in the strategy's order
    constraints: tuple[Label, ...]
    obeying: bool = False  # whether something goes before the strategy
    testing: bool = False  # whether prices that would stay may be moved to learn from it
    start: Label = _START

    @classmethod
    def nothing(cls) -> Labels:
        """The steps of a row no strategy claims: none."""
        return cls((), ())

    @classmethod
    def of(cls, strategy: Strategy, law: Sequence[str] = ()) -> Labels:
        """The steps a strategy can take, and those a law of its markets can make it take before its constraints."""
        origin = f"{strategy.name}@{strategy.hash[:12]}"
        rules = tuple(
            Label(f"rule:{rule.name}", f"rule:{rule.name}", _sentence(rule), f"{origin}#{rule.name}", rule.name)
            for rule in strategy.rules
        )
        legal = [
            Label(f"constraint:{number}", "constraint:law", rule, "source.yaml", rule)
            for number, rule in enumerate(law)
        ]
        limits = (
            *legal,
            *(
                Label(
                    f"constraint:{number}", f"constraint:{each.kind}", each.label, f"{origin}#constraints", each.label
                )
                for number, each in enumerate(strategy.constraints, len(legal))
            ),
        )
        texts = ", ".join(str(ending) for ending in strategy.endings)
        ending = Label("ended", "ending", f"nearest admissible ending of {texts}", f"{origin}#endings", "ending")
        if strategy.ml is None:
            return cls(rules, (*limits, ending))
        model = Label("ml", "ml", _told(strategy.ml), f"{origin}#ml", "the model")
        models = (model, _LINKED) if strategy.linked else (model,)
        if strategy.order[0] == "rules":
            return cls((*rules, _RESUMED, *models), (*limits, ending))
        return cls((*models, *rules), (*limits, ending), start=_IN_FORCE)


class Part(NamedTuple):
    """Rows decided by one strategy, or by none: their frame with every intermediate price, and the possible steps.

    `goals` are rows of decisions.linked_goals.
    """

    frame: pl.DataFrame
    labels: Labels
    goals: pl.DataFrame


_TESTED = Label("test", STEP, "", "decisions.price_tests", "")
_FORCED = Label("forced", "override", "", None, "")
_FROZEN = Label("frozen", "override", "", None, "")
_REVIEWED = Label("reviewed", "review", "", None, "")
_ALARMED = Label("alarmed", "anomaly", "", PriceAnomalies.table_name(), "")
_HOLD = Label("hold", "hold", "the current price stays as it is", "current_price", "")
_TOLD = {label: label.column for label in (_TESTED, _FORCED, _REVIEWED, _FROZEN, _ALARMED, _HOLD)} | {
    _LINKED: "linked_told"
}
"""Steps whose words each row has in a column of its own; of overrides and answers also the reference."""
_REFERENCES = {_FROZEN: "override_id", _FORCED: "override_id", _REVIEWED: "review_id"}


def _sentence(rule: Rule) -> str:
    return f"{rule.then.label}, since {rule.when_text}" if rule.when_text else rule.then.label


def _told(learned: Learned) -> str:
    return (
        f"the model: of its ladder the price of most {learned.objective} for the category, {learned.bound_level} sure"
    )


def reasons(part: Part) -> pl.Series:
    """Why each action was taken, in one sentence: the hold's reason, or the rules and limits that made the price.

    Rows that took the same steps share the sentence, so each is put together once.
    """
    labels = (*part.labels.rules, *part.labels.constraints)
    marks = [pl.col("action") == "hold", *(pl.col(label.column).is_not_null() for label in labels)]
    codes = part.frame.select(
        pl.sum_horizontal(
            mark.cast(pl.Int64) * (1 << bit) for bit, mark in enumerate(marks[first : first + _BITS])
        ).alias(f"marks from {first}")
        for first in range(0, len(marks), _BITS)
    )
    distinct = codes.unique()
    texts = pl.Series("reason", [_made(part.labels, row) for row in distinct.iter_rows()], dtype=pl.String)
    made = codes.join(distinct.with_columns(texts), on=codes.columns, how="left", maintain_order="left")
    told = [*(["reviewed"] if part.labels.obeying else []), *(["test"] if part.labels.testing else [])]
    reason = pl.coalesce("hold", *told, made["reason"])
    if "why" in part.frame.columns:
        free = pl.col("hold").is_null()
        reason = pl.concat_str(reason, pl.when(free).then("why"), separator="; ", ignore_nulls=True)
    if part.labels.obeying:
        reason = pl.concat_str("forced", reason, separator="; ", ignore_nulls=True)
    return part.frame.select(reason.alias("reason")).to_series()


def _made(labels: Labels, codes: Sequence[int]) -> str:
    """The sentence of rows that are not held, from their packed marks."""
    unchanged, *taken = (bool(code >> bit & 1) for code in codes for bit in range(_BITS))
    moves = [label for label, yes in zip(labels.rules, taken, strict=False) if yes and label.word]
    limits = [label.word for label, yes in zip(labels.constraints, taken[len(labels.rules) :], strict=False) if yes]
    told = []
    for who, labels_of in groupby(moves, key=lambda label: "rules" if label.step.startswith("rule:") else label.word):
        told.append(f"rules {', '.join(label.word for label in labels_of)}" if who == "rules" else who)
    made = ", then ".join(told) or labels.start.reason
    made += f"; then {', '.join(limits)}" if limits else ""
    return f"unchanged: {made}" if unchanged else made


class _Taken(NamedTuple):
    """One step, for the rows that took it: their positions, the steps they took before, the price after it."""

    label: Label
    rows: Array
    before: Array
    after: Array  # ten-thousandths of the major unit


def steps(parts: Sequence[Part], rows: int) -> pl.DataFrame:
    """The steps of `rows` decisions in canonical order: numbered from 1, each beginning where the one before ended.

    As decisions.price_steps, but for the keys of the decision: `row` is its position, ascending as in each part. Worked
    out for some rows at a time, on all processors.
    """
    bounds = [*range(0, rows, _ROWS), rows]
    chunks = [
        ([part._replace(frame=_between(part.frame, start, end)) for part in parts], start, end)
        for start, end in pairwise(bounds)
    ]
    found = side_by_side(lambda chunk: _steps(*chunk), chunks)
    return pl.concat(found or [_steps(parts, 0, 0)])


def _between(frame: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """The rows whose position is from `start` to before `end`, with positions counted from `start`."""
    row = frame.get_column("row")
    first, last = row.search_sorted(start), row.search_sorted(end)
    return frame.slice(first, last - first).with_columns(pl.col("row") - start)


def _steps(parts: Sequence[Part], start: int, end: int) -> pl.DataFrame:
    """The steps of some rows. Every step knows its place beforehand, so none is sorted."""
    taken = [piece for part in parts for piece in _taken(part)]
    counts = np.zeros(end - start, dtype=np.int64)
    for piece in taken:
        counts[piece.rows] += 1
    starts = np.cumsum(counts) - counts
    # the narrowest types that hold a position, a number of steps and a label: this is bound by memory
    row, number, label, after = (np.empty(counts.sum(), dtype) for dtype in (np.uint32, np.int32, np.uint32, np.int64))
    for index, piece in enumerate(taken):
        place = starts[piece.rows] + piece.before
        row[place], number[place], label[place], after[place] = piece.rows, piece.before, index, piece.after
    before = np.roll(after, 1)
    before[starts[counts > 0]] = 0
    words = pl.DataFrame([piece.label for piece in taken], schema=dict.fromkeys(Label._fields, pl.Categorical))
    amounts = pl.DataFrame({"before": before, "after": after}).select(_decimal(pl.all()))
    return pl.DataFrame(
        [
            pl.Series("row", row) + start,
            pl.Series("step_no", number, dtype=pl.Int64) + 1,
            words["step"].gather(label),
            *amounts,
            words["reason"].gather(label),
            words["reference"].gather(label),
        ]
    )


def _taken(part: Part) -> Iterator[_Taken]:
    """The steps of a part in their order. Where no current price is known there is no price to explain, so none."""
    known = pl.col("current").is_not_null()
    expressions = dict(_prices(part.labels))
    wide = part.frame.select(
        pl.when(known).then(after).cast(pl.Int64).alias(str(number))
        for number, after in enumerate(expressions.values())
    )
    rows = part.frame.get_column("row").to_numpy()
    before = np.zeros(rows.size, dtype=np.int32)
    for label, after in zip(expressions, wide.iter_columns(), strict=True):
        taken = after.is_not_null().to_numpy()
        pieces = _Taken(label, rows[taken], before[taken], after.drop_nulls().to_numpy())
        yield from _by_reason(pieces, part.frame.filter(after.is_not_null())) if label in _TOLD else [pieces]
        before += taken


def _by_reason(told: _Taken, frame: pl.DataFrame) -> Iterator[_Taken]:
    """Steps apart by the words each row has for them, of which there are few."""
    texts = frame[_TOLD[told.label]].fill_null(told.label.reason)
    for text in texts.unique().sort():
        mine = (texts == text).to_numpy()
        label = told.label._replace(reason=text)
        if told.label in _REFERENCES:
            label = label._replace(reference=frame[_REFERENCES[told.label]][int(mine.argmax())])
        yield _Taken(label, told.rows[mine], told.before[mine], told.after[mine])


def _prices(labels: Labels) -> Iterator[tuple[Label, pl.Expr]]:
    """Each possible step with the price after it in ten-thousandths, null where it was not taken."""
    step = TEN_THOUSANDTHS // pl.col("scale")
    free = pl.col("hold").is_null()
    yield labels.start, pl.col("start") * step
    if labels.obeying:
        yield _FORCED, pl.when(pl.col("forced").is_not_null()).then(pl.col("start") * step)
    for label in labels.rules:
        yield label, pl.col(label.column).round().cast(pl.Int64) * step
    for label in labels.constraints:
        yield label, pl.when(free).then(pl.col(label.column) * step)
    if labels.testing:
        yield _TESTED, pl.col("tested") * step
    # the exact current price stands: where held, and where a fraction of a minor unit is left alone
    exact = pl.col("current_price").to_physical().cast(pl.Int64)
    inexact = (pl.col("action") == "hold") & (exact != pl.col("current") * step)
    holds = ~free | inexact
    if labels.obeying:
        told = pl.col("reviewed").is_not_null()
        yield _REVIEWED, pl.when(told & free).then(pl.col("price") * step).when(told).then(exact)
        holds &= ~told
    for label in (_FROZEN, _ALARMED) if labels.obeying else ():
        told = pl.col(label.column).is_not_null()
        yield label, pl.when(told).then(exact)
        holds &= ~told
    yield _HOLD, pl.when(holds).then(exact)


def _decimal(ten_thousandths: pl.Expr) -> pl.Expr:
    """Int64 ten-thousandths as Decimal(18,4), exactly."""
    return (ten_thousandths.cast(pl.Decimal(38, 0)) * pl.lit(Decimal("0.0001"))).cast(pl.Decimal(18, 4))
