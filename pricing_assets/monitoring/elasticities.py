"""Have customers become more or less sensitive to prices than the champion believes?

Here: new estimates against old ones. Not here: estimating (demand/).

An elasticity has shifted when the new estimate lies outside the old one's 95 % interval and the difference, judged by
both standard errors, is significant after correction over SKUs. Estimates that share days are positively correlated,
which makes the test careful, not rash.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.monitoring import shares
from pricing_assets.monitoring.plan import Plan

NORMAL_95 = 1.96
_KEY = ["sku", "market", "kind"]
_COLUMNS = [*_KEY, "elasticity", "std_error"]


def judge(old: pl.DataFrame, new: pl.DataFrame, plan: Plan) -> list[shares.Share]:
    """A judgement per kind (base, promotion) and segment.

    Both have the columns of forecasts.elasticities, `new` a `segment` as well. A row that fell back (`fallback_reason`)
    is nobody's own estimate and is not tested. Raises PricingError for a missing column or a key that is twice.
    """
    rows = _named(new, "new", [*_COLUMNS, "segment"]).join(
        _named(old, "old", _COLUMNS), on=_KEY, how="left", suffix="_old", maintain_order="left"
    )
    rows = _tested(rows)
    judged: list[shares.Share] = []
    for (kind,), tests in rows.partition_by("kind", as_dict=True, maintain_order=True).items():
        judged += shares.judge(f"elasticity_{kind}", tests.select(list(shares.TESTS)), plan)
    return judged


def _named(estimates: pl.DataFrame, which: str, columns: list[str]) -> pl.DataFrame:
    if missing := [name for name in columns if name not in estimates.columns]:
        raise PricingError(f"{which} elasticities: no column {', '.join(missing)}", f"expected {', '.join(columns)}")
    twice = estimates.filter(pl.struct(_KEY).is_duplicated()).sort(_KEY)
    if twice.height:
        where = ", ".join(f"{name} {twice[name][0]}" for name in _KEY)
        raise PricingError(f"{which} elasticities: {where} is there twice", "give one estimate per SKU-market and kind")
    own = pl.lit(True)
    if "fallback_reason" in estimates.columns:
        own = pl.col("fallback_reason").is_null() | (pl.col("fallback_reason") == "")
    rows = estimates.select(*(pl.col(name) for name in columns), own=own).sort(_KEY)
    return rows.with_columns(pl.col("elasticity", "std_error").cast(pl.Float64), pl.col("kind").cast(pl.String))


def _tested(rows: pl.DataFrame) -> pl.DataFrame:
    """With the columns of shares.TESTS; the statistic is the difference in its standard errors."""
    from scipy.stats import norm  # type: ignore[import-untyped]

    numbers = pl.col("elasticity", "elasticity_old", "std_error", "std_error_old")
    rows = rows.with_columns(numbers.replace([np.inf, -np.inf, np.nan], None))
    error, error_old = pl.col("std_error"), pl.col("std_error_old")
    whole = pl.all_horizontal(pl.col("elasticity", "elasticity_old").is_not_null(), error > 0, error_old > 0)
    fit = whole.fill_null(False) & pl.col("own") & pl.col("own_old").fill_null(False)
    difference = pl.col("elasticity") - pl.col("elasticity_old")
    rows = rows.with_columns(value=pl.when(fit).then(difference / (error**2 + error_old**2).sqrt()))
    p_value = 2 * norm.sf(np.abs(rows["value"].fill_null(np.nan).to_numpy()))
    return rows.with_columns(
        pl.Series("p_value", p_value, nan_to_null=True),
        was=pl.col("elasticity_old"),
        now=pl.col("elasticity"),
        large=difference.abs() > NORMAL_95 * error_old,
        reason=pl.when(~fit).then(pl.lit("no own estimate with a standard error, old and new")),
    )
