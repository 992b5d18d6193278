"""Many evaluations: every kind of market, every starting distance, every seed, side by side in processes.

Here: which evaluations, and what they come to by kind of market. Not here: one evaluation, tables and pictures.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.simulation.loop.evaluation import INFORMED, ORACLE, PLUG_IN, PRODUCT, STATIC, evaluate, evaluate_in
from pricing_assets.simulation.loop.juice import JUICE, juice_scene
from pricing_assets.simulation.loop.scenes import KINDS

KEY = ["law", "off", "seed"]
_BITS = 31
_LOW = 0.05  # of seeds: the bad one in twenty

Progress = Callable[[int, int], None]
"""Told how many evaluations are over, and of how many."""


@dataclass(frozen=True)
class Asked:
    """What is evaluated: a strategy's text in kinds of markets, at starting distances, over seeds; the size of each.

    The kind JUICE is of the file `juice`, whatever the size says.
    """

    policy: str
    seeds: tuple[int, ...]
    laws: tuple[str, ...] = tuple(KINDS)
    offs: tuple[float, ...] = (0.07, 0.15)
    days: int = 90
    skus: int = 24
    markets: int = 2
    juice: Path | None = None
    product: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("seeds", "laws", "offs"):
            values = getattr(self, name)
            if not values:
                raise PricingError(f"{name}: none", "give at least one")
            if len(set(values)) < len(values):
                raise PricingError(f"{name}: {', '.join(map(str, values))} names one twice", "give each once")


class Results(NamedTuple):
    """`rows`: one per law, off, seed and policy; `days`: one per day beside; `left`: evaluations that were not made."""

    rows: pl.DataFrame
    days: pl.DataFrame
    left: int = 0


def drawn(number: int) -> tuple[int, ...]:
    """Seeds nobody could tune to: from the operating system."""
    if number < 1:
        raise PricingError(f"seeds: {number}", "expected 1 or more")
    seeds: dict[int, None] = {}
    while len(seeds) < number:
        seeds[secrets.randbits(_BITS)] = None
    return tuple(seeds)


def run(asked: Asked, workers: int = 1, progress: Progress | None = None) -> Results:
    """All evaluations asked for, of every kind of market a seed before the next. The same with any number of workers.

    Stopped by Ctrl-C it gives those that are over by then, and says how many are not.
    """
    every = list(product(asked.laws, asked.offs, asked.seeds))
    found: dict[int, tuple[pl.DataFrame, pl.DataFrame]] = {}
    try:
        with closing(_made(asked, every, workers)) as making:
            for number, made in making:
                found[number] = made
                if progress:
                    progress(len(found), len(every))
    except KeyboardInterrupt:
        if not found:
            raise
    rows, days = zip(*(found[number] for number in sorted(found)), strict=True)
    return Results(pl.concat(rows), pl.concat(days), len(every) - len(found))


def _made(
    asked: Asked, every: Sequence[tuple[str, float, int]], workers: int
) -> Generator[tuple[int, tuple[pl.DataFrame, pl.DataFrame]]]:
    """The number of each evaluation and what came of it, as they get done."""
    turns = sorted(range(len(every)), key=lambda number: asked.seeds.index(every[number][2]))
    if workers <= 1:
        for number in turns:
            yield number, _one(asked, *every[number])
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))  # threads of this one are running
    try:
        running = {pool.submit(_one, asked, *every[number]): number for number in turns}
        for done in as_completed(running):
            yield running[done], done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one(asked: Asked, law: str, off: float, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    size: dict[str, Any] = {"days": asked.days, "skus": asked.skus, "markets": asked.markets}
    if law == JUICE and asked.juice is not None:
        outcome = evaluate_in(juice_scene(asked.juice, off, seed, days=asked.days), asked.policy, **asked.product)
    else:
        outcome = evaluate(asked.policy, law, off, seed, **size, **asked.product)
    named = [pl.lit(law).alias("law"), pl.lit(off).alias("off"), pl.lit(seed, pl.Int64).alias("seed")]
    return tuple(frame.select(*named, pl.all()) for frame in (outcome.rows, outcome.days))  # type: ignore[return-value]


def summary(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per law, off and policy, over its seeds.

    `gain_low_pct` is the seed in twenty that fares worst (the lowest under twenty), of profit over holding;
    `oracle_share` and `informed_share` are shares of the gains of the oracle and of the better of the policies with the
    same information, all seeds summed, null where these gain nothing; `claimed_over_realised` likewise; `harmed_share`
    of changed SKU-markets. `brier_skill` of confidences is against saying of all changes how many of them come true.
    """
    totals = rows.group_by("law", "off", "policy", maintain_order=True).agg(
        seeds=pl.len(),
        gain_low_pct=pl.col("gain_pct").quantile(_LOW, "lower"),
        gain_median_pct=pl.col("gain_pct").median(),
        gain=pl.col("gain").sum(),
        revenue=pl.col("revenue").sum(),
        regret_pct=100 * pl.col("regret").sum() / (pl.col("regret") + pl.col("profit")).sum(),
        harmed_share=_over(pl.col("harmed").sum(), pl.col("changed").sum()),
        claimed_over_realised=_over(pl.col("claimed").sum(), pl.col("realised").sum()),
        brier_skill=_skill(),
        violations=pl.col("violations").sum(),
        changes_per_100_days=pl.col("changes_per_100_days").mean(),
        mean_change_pct=pl.col("mean_change_pct").mean(),
    )
    beside = [
        totals.filter(policy=STATIC).select("law", "off", held="revenue"),
        _of(totals, [ORACLE], "oracle_gain"),
        _of(totals, [INFORMED, PLUG_IN], "informed_gain"),
    ]
    for each in beside:
        totals = totals.join(each, on=["law", "off"], how="left", maintain_order="left")
    return totals.with_columns(
        revenue_pct=100 * (pl.col("revenue") / pl.col("held") - 1),
        oracle_share=_over(pl.col("gain"), pl.col("oracle_gain")),
        informed_share=_over(pl.col("gain"), pl.col("informed_gain")),
    ).drop("held", "oracle_gain", "informed_gain", "gain", "revenue")


def _of(totals: pl.DataFrame, policies: Sequence[str], name: str) -> pl.DataFrame:
    mine = totals.filter(pl.col("policy").is_in(policies))
    return mine.group_by("law", "off", maintain_order=True).agg(pl.col("gain").max().alias(name))


def _skill() -> pl.Expr:
    """1 − the squared error of confidences ÷ that of their base rate (Brier 1950); null where all came the same."""
    told, came = pl.col("told").sum(), pl.col("came_true").sum()
    usual = came * (told - came) / told
    return pl.when((came > 0) & (came < told)).then(1 - pl.col("squared_error").sum() / usual)


def _over(value: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """The quotient; null where there is nothing to divide by."""
    return pl.when(whole > 0).then(value / whole)


BARS: Mapping[str, tuple[float, float]] = {
    "gain_low_pct": (0.0, float("inf")),
    "informed_share": (0.9, float("inf")),
    "claimed_over_realised": (0.8, 1.2),
    "harmed_share": (0.0, 0.1),
    "violations": (0, 0),
}
"""Between which bounds a figure of the product is held to be."""


def judged(summed: pl.DataFrame) -> pl.DataFrame:
    """The product's rows with a column `misses`: the figures out of their bounds, by name. A null one misses none."""
    mine = summed.filter(policy=PRODUCT)
    missed = [pl.when(~pl.col(name).is_between(least, most)).then(pl.lit(name)) for name, (least, most) in BARS.items()]
    return mine.with_columns(misses=pl.concat_str(missed, separator=", ", ignore_nulls=True))
