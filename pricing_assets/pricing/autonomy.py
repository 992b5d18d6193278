"""Autonomy: what becomes of a changed price without a person, and what is put to one.

Here: the mode and threshold in force for each row, and the action they come to, with the sentence why. Not here: how
sure a decision is (its confidence is given), what people answer (reviews), when governance tightens (governance/).

A mode is tightened, never loosened: of the strategy's own and governance's the stricter counts, and the higher
threshold. A strategy of rules or set prices that says nothing of autonomy publishes its changes, unless governance
puts its scope to manual.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.strategies import Autonomy, Strategy

MODES = ("manual", "semi-auto", "full-auto")
"""The strictest first."""

SCOPES: tuple[tuple[str, ...], ...] = (("category", "market"), ("category",), ("market",), ())
"""What a tightening may be about; the last is everything."""

_MANUAL, _SEMI, _FULL = range(len(MODES))
_FREE = len(MODES)  # publishes its changes, however sure it is
_SLACK = 1e-9  # 0.29 × 100 is a little less than 29
NO_CATEGORY = ""
"""The category of SKUs that have none, in a scope."""


def autonomy_of(strategy: Strategy) -> Autonomy | None:
    """What a strategy is allowed by its text; None where its changes are published. A model alone is semi-automatic."""
    if strategy.autonomy is None and strategy.type in {"ml", "hybrid"}:
        return Autonomy("semi-auto")
    return strategy.autonomy


def in_force(frame: pl.DataFrame, autonomy: Autonomy | None, tightened: pl.DataFrame) -> pl.DataFrame:
    """The frame with `mode` (null: changes publish) and `threshold` of each row.

    `frame` has date, category and market; `tightened` are rows of decisions.autonomy.
    """
    own = MODES.index(autonomy.mode) if autonomy else _FREE
    least = float(autonomy.threshold) if autonomy else 0.0
    frame = frame.with_columns(_mode=pl.lit(own, dtype=pl.Int32), threshold=pl.lit(least))
    if tightened.height:
        frame = _tightened(frame, tightened, is_free=autonomy is None)
    mode = pl.col("_mode").replace_strict(range(len(MODES)), MODES, default=None, return_dtype=pl.String)
    return frame.with_columns(mode=mode).drop("_mode")


def _tightened(frame: pl.DataFrame, tightened: pl.DataFrame, *, is_free: bool) -> pl.DataFrame:
    """The frame with the strictest mode and the highest threshold of all tightenings about each row."""
    ranks = pl.col("mode").cast(pl.String).replace_strict(MODES, range(len(MODES)), return_dtype=pl.Int32)
    rows = tightened.with_columns(rank=ranks)
    if is_free:  # knows no threshold, so only a person in its place can make it stricter
        rows = rows.filter(rank=_MANUAL).with_columns(threshold=pl.lit(None, dtype=pl.Float64))
    frame = frame.with_columns(_category=pl.col("category").fill_null(NO_CATEGORY), _market=pl.col("market"))
    for scope in SCOPES:
        named = [pl.col(name).is_not_null() == (name in scope) for name in SCOPES[0]]
        about = rows.filter(named).select("date", "rank", "threshold", **{f"_{name}": pl.col(name) for name in scope})
        if not about.height:
            continue
        key = ["date", *(f"_{name}" for name in scope)]
        about = about.group_by(key).agg(_cap=pl.col("rank").min(), _floor=pl.col("threshold").max())
        frame = frame.join(about, on=key, how="left", maintain_order="left")
        frame = frame.with_columns(
            _mode=pl.min_horizontal("_mode", "_cap"), threshold=pl.max_horizontal("threshold", "_floor")
        ).drop("_cap", "_floor")
    return frame.drop("_category", "_market")


def acts(frame: pl.DataFrame) -> pl.DataFrame:
    """`action` and `why` of each row; `why` is null where the price that was made says it all.

    `frame` has changed, late, confidence, and mode and threshold as of `in_force`. An unchanged price is held, a late
    one only recommended.
    """
    sure = pl.col("confidence").fill_nan(None)
    waits = pl.when(pl.col("mode") == "full-auto").then(pl.lit("hold")).otherwise(pl.lit("review"))
    action = (
        pl.when(~pl.col("changed"))
        .then(pl.lit("hold"))
        .when("late")
        .then(pl.lit("recommend"))
        .when(pl.col("mode").is_null())
        .then(pl.lit("publish"))
        .when(pl.col("mode") == "manual")
        .then(pl.lit("review"))
        .when((sure >= pl.col("threshold")).fill_null(False))
        .then(pl.lit("publish"))
        .otherwise(waits)
    )
    judged = pl.col("changed") & ~pl.col("late") & pl.col("mode").is_not_null()
    told = frame.select(
        action=action,
        judged=judged,
        mode="mode",
        threshold="threshold",
        percent=(sure * 100 + _SLACK).floor().cast(pl.Int64),
    )
    # few sentences for many rows: each is put together once
    keys = [name for name in told.columns if name != "judged"]
    distinct = told.filter("judged").select(keys).unique()
    sentences = distinct.with_columns(
        pl.Series("why", [_sentence(**row) for row in distinct.to_dicts()], dtype=pl.String), judged=pl.lit(True)
    )
    return told.join(sentences, on=[*keys, "judged"], how="left", nulls_equal=True, maintain_order="left").select(
        "action", "why"
    )


def _sentence(action: str, mode: str, threshold: float, percent: int | None) -> str:
    """Why; a confidence is rounded down, so that one below the threshold never reads as equal to it."""
    does = {"review": ": for review", "hold": ": held", "publish": ""}[action]
    if mode == "manual":
        return "every change is for a person to decide: for review"
    if percent is None:
        return f"confidence unknown{does}"
    shown = percent / 100
    if action == "publish":
        return f"confidence {shown:.2f}, {_plain(threshold)} is enough"
    return f"confidence {shown:.2f} below {_plain(threshold)}{does}"


def _plain(threshold: float) -> str:
    return f"{threshold:.4f}".rstrip("0").ljust(4, "0")
