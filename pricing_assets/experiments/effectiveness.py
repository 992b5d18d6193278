"""What pricing earned: clusters it went on to price against those held out, both against their own past.

Here: differences in differences, their range and p-value by randomisation. Not here: what a cluster sold (the mart
marts.pricing_effectiveness), drawing who is held (holdouts).

A cluster's growth is what it made a day in a period, less what it made a day in as many days before, as a share of its
revenue (or units) a day then. The effect is the mean growth of clusters priced, less that of clusters held, period by
period. Chance alone drew who was held, so chance says what would be seen of no effect: the draw is repeated many times,
and with it the difference. No distribution is assumed, and a cluster may resemble itself from period to period.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pricing_assets.counting import counted
from pricing_assets.experiments.design import CLUSTER

FEWEST_CLUSTERS = 20
"""With fewer clusters a figure would say nothing: it reads `too few`."""
LEVEL = 0.90
"""How often the range holds the effect."""
MEASURES = {"profit": "revenue", "revenue": "revenue", "units": "units"}
"""What is measured, and what of the past it is a share of."""
COLUMNS: dict[str, Any] = {
    **{"measure": pl.String, "currency": pl.String, "clusters": pl.Int64, "held_out": pl.Int64, "periods": pl.Int64},
    **dict.fromkeys(("effect_pct", "low_pct", "high_pct", "std_error_pct", "p_value"), pl.Float64),
    **dict.fromkeys(("amount", "amount_low", "amount_high"), pl.Float64),
    "reason": pl.String,
}
_LEAST_DAYS = 7  # of a period and before it: a weekend more on one side would count for pricing
_DRAWS, _SEED = 1_999, 20_240_301
_CELL = ["period", *CLUSTER]
Array = np.ndarray[Any, Any]
Span = tuple[date, date]


class Effect(NamedTuple):
    """A difference of growths, as a share; `low` and `high` are infinite where too few were held to bound it."""

    value: float
    low: float
    high: float
    std_error: float
    p_value: float


def effectiveness(days: pl.DataFrame, span: Span | None = None) -> pl.DataFrame:
    """One row per measure and currency (COLUMNS), in the order of MEASURES; `days` as of `period_rows`.

    The effect is one over all currencies, the amounts are what it comes to in each. Where fewer than FEWEST_CLUSTERS
    can be compared, the figures are null and `reason` says so.
    """
    rows = [row for measure in MEASURES for row in _measured(days, measure, span)]
    return pl.DataFrame(rows, schema=COLUMNS)


def _measured(days: pl.DataFrame, measure: str, span: Span | None) -> list[dict[str, Any]]:
    compared = period_rows(days, measure, span)
    clusters = compared.select(CLUSTER).unique().height
    counts = {
        "measure": measure,
        "clusters": clusters,
        "held_out": compared.filter("held").height,
        "periods": compared["period"].n_unique(),
    }
    if reason := _too_few(clusters):
        return [counts | {"reason": reason}]
    found = effect(compared.select("period", "held", "growth"))
    figures = {
        "effect_pct": 100 * found.value,
        "low_pct": _finite(100 * found.low),
        "high_pct": _finite(100 * found.high),
        "std_error_pct": 100 * found.std_error,
        "p_value": found.p_value,
    }
    if measure == "units":
        return [counts | figures]
    priced = compared.filter(~pl.col("held")).group_by("currency").agg((pl.col("past") * pl.col("days")).sum())
    return [
        counts
        | figures
        | {"currency": currency, "amount": found.value * past}
        | {"amount_low": _finite(found.low * past), "amount_high": _finite(found.high * past)}
        for currency, past in priced.sort("currency").iter_rows()
    ]


def _too_few(clusters: int) -> str | None:
    if clusters >= FEWEST_CLUSTERS:
        return None
    return f"too few: {counted(clusters, 'cluster')} can be compared, {FEWEST_CLUSTERS} are needed"


def period_rows(days: pl.DataFrame, measure: str, span: Span | None = None) -> pl.DataFrame:
    """What each cluster made of a measure in each period it can be judged by.

    `days` are rows of marts.pricing_effectiveness: date, category, market, currency, units, revenue, profit, held,
    period, period_from, period_until, the last four null on days it was not drawn for. The result has period, category,
    market, currency, held, days, `growth`, and `past`: the revenue (or units) a day it is a share of. A cluster is left
    out of a period in which its prices stayed for a part of the days, before which they stayed, in which or before
    which it has too few days, and of periods in which nothing or everything was held. Of a `span` only its days count
    as a period's; the past they are compared with may lie before it.
    """
    scale = MEASURES[measure]
    asked = pl.col("date").is_between(*span) if span else pl.lit(value=True)
    during = (
        _in_main_currency(days)
        .drop_nulls(["held", measure])
        .filter(asked)
        .group_by(*_CELL, "currency")
        .agg(
            pl.col("held").first(),
            pl.col("period_from", "period_until").first(),
            mixed=pl.col("held").n_unique() > 1,
            days=pl.len(),
            made=pl.col(measure).cast(pl.Float64).mean(),
        )
        .filter(~pl.col("mixed") & (pl.col("days") >= _LEAST_DAYS))
    )
    length = (pl.col("period_until") - pl.col("period_from")).dt.total_days() + 1
    spans = during.select(*_CELL, "currency", "period_from", first=pl.col("period_from") - pl.duration(days=length))
    before = (
        days.drop_nulls([measure, scale])
        .drop("period", "period_from", "period_until")
        .join(spans, on=[*CLUSTER, "currency"])
        .filter((pl.col("date") >= pl.col("first")) & (pl.col("date") < pl.col("period_from")))
        .group_by(*_CELL)
        .agg(
            pl.col(measure).cast(pl.Float64).mean().alias("made_before"),
            pl.col(scale).cast(pl.Float64).mean().alias("past"),
            days_before=pl.len(),
            was_held=pl.col("held").fill_null(value=False).any(),
        )
        .filter(~pl.col("was_held") & (pl.col("days_before") >= _LEAST_DAYS) & (pl.col("past") > 0))
    )
    rows = during.join(before, on=_CELL).with_columns(growth=(pl.col("made") - pl.col("made_before")) / pl.col("past"))
    both = pl.col("held").any().over("period") & ~pl.col("held").all().over("period")
    return rows.filter(both).select(*_CELL, "currency", "held", "days", "growth", "past").sort(_CELL)


def _in_main_currency(days: pl.DataFrame) -> pl.DataFrame:
    """The rows of each cluster in the currency of most of its days: amounts of several do not add up."""
    counts = days.group_by(*CLUSTER, "currency").len().sort("len", "currency", descending=[True, False])
    main = counts.unique(CLUSTER, keep="first", maintain_order=True)
    return days.join(main.select(*CLUSTER, "currency"), on=[*CLUSTER, "currency"], how="semi", maintain_order="left")


def effect(rows: pl.DataFrame) -> Effect:
    """The effect that clusters with period, held and growth show, with its range and p-value by randomisation.

    In every period some are held and some are not. The range holds each constant effect that a test at 1 − LEVEL does
    not refuse; for one difference under one draw that is a condition of second degree, so nothing is searched for.
    """
    generator = np.random.Generator(np.random.PCG64(_SEED))
    parts = [part for _, part in rows.group_by("period", maintain_order=True)]
    held = [part["held"].to_numpy() for part in parts]
    weights = np.array([each.sum() * (~each).sum() / each.size for each in held])
    weights /= weights.sum()
    value, differences, overlaps = 0.0, np.zeros(_DRAWS), np.zeros(_DRAWS)
    for part, seen, weight in zip(parts, held, weights, strict=True):
        growth = part["growth"].to_numpy()
        drawn = _redrawn(seen, generator)
        value += weight * _difference(growth[None, :], seen[None, :])[0]
        differences += weight * _difference(growth[None, :], drawn)
        overlaps += weight * _difference((~seen).astype(float)[None, :], drawn)
    low, high = _bounds(value, differences, overlaps)
    p_value = (1 + np.count_nonzero(np.abs(differences) >= abs(value) - 1e-12)) / (_DRAWS + 1)
    return Effect(float(value), low, high, float((differences - value * overlaps).std()), float(p_value))


def _redrawn(held: Array, generator: np.random.Generator) -> Array:
    """As many held as there are, drawn anew: one row per draw."""
    places: Array = generator.random((_DRAWS, held.size)).argsort(axis=1, kind="stable")
    drawn: Array = places < held.sum()
    return drawn


def _difference(values: Array, held: Array) -> Array:
    """Mean of those not held − mean of those held, row by row."""
    count = held.sum(axis=1)
    total = (values * held).sum(axis=1)
    rest = (values * np.ones_like(held, dtype=float)).sum(axis=1) - total
    found: Array = rest / (held.shape[1] - count) - total / count
    return found


def _bounds(value: float, differences: Array, overlaps: Array) -> tuple[float, float]:
    """The constant effects a test does not refuse.

    Less an effect e, what was seen is value − e, and what a draw shows is difference − e × overlap. A draw is at least
    as far from nothing for the e between its two roots, and value is always among them.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([(value - differences) / (1 - overlaps), (value + differences) / (1 + overlaps)])
    alike = np.isclose(np.abs(overlaps), 1.0, rtol=0, atol=1e-12)  # the draw that was made: it says nothing
    lows = np.where(alike, -np.inf, roots.min(axis=0))
    highs = np.where(alike, np.inf, roots.max(axis=0))
    place = max(int(np.ceil((1 - LEVEL) * (_DRAWS + 1))) - 2, 0)  # the draw seen counts for every effect
    return float(np.sort(lows)[place]), float(np.sort(highs)[::-1][place])


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def sentence(found: pl.DataFrame, measure: str = "profit") -> str:
    """The effect on a measure in words."""
    row: dict[str, Any] = found.filter(measure=measure).row(0, named=True)
    if row["reason"]:
        return f"{measure}: {row['reason']}"
    bounds: Sequence[float | None] = (row["low_pct"], row["high_pct"])
    likely = " to ".join("any" if bound is None else f"{bound:+.1f}" for bound in bounds)
    return f"{measure} {row['effect_pct']:+.1f} % of past {MEASURES[measure]} (likely range {likely} %)"
