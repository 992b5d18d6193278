"""From tests of single SKUs to a judgement of their segment: have enough of them moved, more than chance would have it?

Here: what comparisons of features and of elasticities have in common. Not here: the tests themselves.

A segment drifts when the SKUs found are at least `least_share` of those tested and two at least, and when "at least so
many have moved" is itself significant: the partial conjunction test of Benjamini & Heller (2008), corrected over
segments.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.monitoring.discoveries import q_values
from pricing_assets.monitoring.plan import Plan

Floats = npt.NDArray[np.float64]

TESTS = {
    "sku": pl.String,
    "market": pl.String,
    "segment": pl.String,
    "was": pl.Float64,
    "now": pl.Float64,
    "value": pl.Float64,
    "large": pl.Boolean,
    "p_value": pl.Float64,
    "reason": pl.String,
}
"""One test per SKU-market: what is usual and what is now, the statistic, whether it is large enough to matter, or the
reason why there is no test (p_value null)."""


class Share(NamedTuple):
    """A metric of a segment: `value` is the share of tested SKU-markets that have moved; null with a `reason`."""

    metric: str
    segment: str
    reason: str = ""
    value: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    drifted: bool = False
    found: int = 0
    tested: int = 0
    tests: pl.DataFrame | None = None


def judge(metric: str, tests: pl.DataFrame, plan: Plan) -> list[Share]:
    """A judgement per segment of TESTS rows, which get `q_value` over all SKU-markets and `found`."""
    p_values = tests["p_value"].cast(pl.Float64).fill_null(math.nan).to_numpy()
    q = pl.Series("q_value", q_values(p_values, plan.dependence), nan_to_null=True)
    tests = tests.with_columns(q).with_columns(
        found=((pl.col("q_value") <= plan.level) & pl.col("large")).fill_null(False)
    )
    segments = tests.sort("segment", "sku", "market").partition_by("segment", as_dict=True, maintain_order=True)
    shares = [_share(metric, str(segment), rows, plan) for (segment,), rows in segments.items()]
    over = q_values(np.array([math.nan if share.p_value is None else share.p_value for share in shares]))
    return [_decided(share, float(q_value), plan) for share, q_value in zip(shares, over, strict=True)]


def at_least(p_values: Floats, number: int) -> float:
    """p-value of "fewer than `number` of these have moved", by Simes over all but the smallest `number` − 1."""
    rest = np.sort(p_values)[number - 1 :]
    return float(np.min(len(rest) / np.arange(1, len(rest) + 1) * rest))


def _share(metric: str, segment: str, rows: pl.DataFrame, plan: Plan) -> Share:
    skus, p_values = rows["sku"].to_list(), rows["p_value"].to_list()
    tested = [p_value for p_value in p_values if p_value is not None]
    if len(set(skus)) < plan.least_skus:
        return Share(metric, segment, "it has one SKU, whose chance cannot be told from a drift", tests=rows)
    if len({sku for sku, p_value in zip(skus, p_values, strict=True) if p_value is not None}) < plan.least_skus:
        reasons = Counter(reason for reason in rows["reason"].to_list() if reason is not None)
        common = min(reasons, key=lambda reason: (-reasons[reason], reason))
        return Share(metric, segment, f"{len(tested)} of {rows.height} SKUs can be tested: {common}", tests=rows)
    found = int(rows["found"].sum())
    needed = max(plan.least_skus, math.ceil(plan.least_share * len(tested)))
    return Share(
        metric,
        segment,
        value=found / len(tested),
        threshold=needed / len(tested),
        p_value=at_least(np.array(tested), needed),
        found=found,
        tested=len(tested),
        tests=rows,
    )


def _decided(share: Share, q_value: float, plan: Plan) -> Share:
    if share.value is None or share.threshold is None:
        return share
    return share._replace(q_value=q_value, drifted=share.value >= share.threshold and q_value <= plan.level)
