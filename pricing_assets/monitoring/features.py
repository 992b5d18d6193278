"""Have the features moved away from what the champion was judged on?

Here: one comparison per feature and SKU-market, last weeks against the reference. Not here: statistics
(distributions.py), what is made of many comparisons (shares.py).

Our own price changes are not drift: a feature that our price moves is compared on days at the SKU's usual price only,
in both windows. If there are too few of them, there is no comparison, and the reason says so.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.monitoring import distributions, shares
from pricing_assets.monitoring.plan import Feature, Incumbent, Plan

Floats = npt.NDArray[np.float64]

KEY = ["segment", "sku", "market"]
_LEAST_DAYS = (28, 14)  # with a value, in the reference and in the current window
_LEAST_INDEPENDENT = (8.0, 3.0)  # days they must be worth
_STATISTICS = {"psi": distributions.psi, "ks": distributions.ks}


def judge(snapshots: pl.DataFrame, day: date, champion: Incumbent, plan: Plan) -> list[shares.Share]:
    """A judgement per statistic, feature and segment.

    `snapshots` are rows of features.feature_snapshots with a `segment`, of the reference window and of the days after.
    Raises PricingError if a column is missing.
    """
    names = ["date", *KEY, "current_price", *(feature.name for feature in plan.features)]
    if missing := [name for name in names if name not in snapshots.columns]:
        raise PricingError(f"features: no column {', '.join(missing)}", f"expected {', '.join(names)}")
    first = max(champion.reference_until, day - timedelta(days=plan.current_days)) + timedelta(days=1)
    reference = pl.col("date").is_between(champion.reference_from, champion.reference_until)
    rows = snapshots.select(names).with_columns(
        reference.alias("reference"), pl.col("date").is_between(first, day).alias("current")
    )
    rows = rows.filter(pl.col("reference") | pl.col("current")).sort(*KEY, "date")
    judged: list[shares.Share] = []
    for feature in plan.features:
        compared = _compared(rows, feature, plan)
        for statistic in _STATISTICS:
            judged += shares.judge(f"{statistic}_{feature.name}", compared[statistic], plan)
    return judged


def _compared(rows: pl.DataFrame, feature: Feature, plan: Plan) -> dict[str, pl.DataFrame]:
    """A TESTS frame per statistic."""
    value = pl.col(feature.name).cast(pl.Float64).replace([math.inf, -math.inf, math.nan], None)
    kept = rows.select(*KEY, "reference", "current_price", value=value)
    if feature.price_moves_it:
        kept = _at_the_usual_price(kept, plan)
    windows = [pl.col("value").filter(side).drop_nulls() for side in (pl.col("reference"), ~pl.col("reference"))]
    cells = kept.group_by(KEY, maintain_order=True).agg(was=windows[0], now=windows[1])
    found: dict[str, list[dict[str, object]]] = {name: [] for name in _STATISTICS}
    for segment, sku, market, was, now in cells.iter_rows():
        named = {"segment": segment, "sku": sku, "market": market}
        for statistic, test in _tested(np.array(was), np.array(now), feature, plan).items():
            found[statistic].append(named | test)
    return {name: pl.DataFrame(tests, schema=dict(shares.TESTS)) for name, tests in found.items()}


def _at_the_usual_price(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Without the values of days at another price than the one most frequent in the reference, the lower of equals."""
    rows = rows.with_columns(price=pl.col("current_price").cast(pl.Float64))
    frequent = (
        rows.filter(pl.col("reference") & pl.col("price").is_not_null())
        .group_by(*KEY, "price")
        .len()
        .sort(*KEY, "len", "price", descending=[False, False, False, True, False])
        .unique(KEY, keep="first", maintain_order=True)
        .select(*KEY, usual="price")
    )
    rows = rows.join(frequent, on=KEY, how="left", maintain_order="left")
    near = ((pl.col("price") - pl.col("usual")).abs() <= plan.price_tolerance * pl.col("usual")).fill_null(False)
    return rows.with_columns(value=pl.when(near).then(pl.col("value"))).drop("price", "usual")


def _tested(was: Floats, now: Floats, feature: Feature, plan: Plan) -> dict[str, dict[str, object]]:
    """The test of each statistic, or why there is none."""
    days, reason = _days(was, now, feature)
    middles: dict[str, object] = {
        "was": float(np.median(was)) if len(was) else None,
        "now": float(np.median(now)) if len(now) else None,
    }
    if days is None:
        return dict.fromkeys(_STATISTICS, middles | {"reason": reason})
    least = {"psi": plan.least_psi, "ks": plan.least_distance}
    tested: dict[str, dict[str, object]] = {}
    for name, statistic in _STATISTICS.items():
        apart = statistic(was, now, days)
        tested[name] = middles | {"value": apart.value, "large": apart.value >= least[name], "p_value": apart.p_value}
    return tested


def _days(was: Floats, now: Floats, feature: Feature) -> tuple[tuple[float, float] | None, str]:
    """How many independent days the windows are worth, or the reason why they cannot be compared."""
    where = " at the usual price" if feature.price_moves_it else ""
    for window, least, name in zip((was, now), _LEAST_DAYS, ("reference", "current window"), strict=True):
        if len(window) < least:
            return None, f"fewer than {least} days{where} with {feature.name} in the {name}"
    if np.ptp(was) == 0:
        return None, f"{feature.name}{where} does not vary in the reference"
    days = distributions.independent_days(was, now)
    if any(worth < least for worth, least in zip(days, _LEAST_INDEPENDENT, strict=True)):
        return None, f"days with {feature.name} resemble each other too much to tell a shift from a phase"
    return days, ""
