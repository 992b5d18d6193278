"""Whether decisions keep the bounds of their strategy, asked once more in plain arithmetic.

Here: a second reading of each constraint, apart from the one that made the prices. Not here: applying them (pricing/).
"""

from __future__ import annotations

import polars as pl

from pricing_assets.strategies import Strategy

_SLACK = 1e-6
_TIMES = {
    "cost_times": "cost",
    "competitor_max_times": "competitor_max",
    "competitor_min_times": "competitor_min",
    "list_times": "list_price",
}


def broken(strategy: Strategy, features: pl.DataFrame, decisions: pl.DataFrame) -> int:
    """How many decided changes break a bound of the strategy. A bound whose feature is missing binds nothing.

    An ending is a wish: where none is admissible a price has none.
    """
    key = ["sku", "market"]
    wanted = ["cost", "map_price", "competitor_max", "competitor_min", "list_price"]
    rows = decisions.select(*key, "current_price", "final_price").join(features.select(*key, *wanted), on=key)
    rows = rows.filter(pl.col("final_price") != pl.col("current_price"))
    rows = rows.with_columns(pl.col("current_price", "final_price", *wanted).cast(pl.Float64))
    final, current = pl.col("final_price"), pl.col("current_price")
    faults = [pl.lit(value=False)]
    for bound in strategy.constraints:
        value = float(bound.value)
        if bound.kind in ("min_price", "max_price"):
            limit = pl.lit(value) if bound.parameter == "amount" else value * pl.col(_TIMES[bound.parameter])
            faults.append(final < limit - _SLACK if bound.kind == "min_price" else final > limit + _SLACK)
        elif bound.kind == "map":
            faults.append(final < pl.col("map_price") - _SLACK)
        elif bound.kind == "max_daily_change":
            faults.append((final - current).abs() > value * current + _SLACK)
        elif bound.kind == "min_margin_pct":
            faults.append(100 * (final - pl.col("cost")) < value * final - 100 * _SLACK)
    return int(rows.select(pl.any_horizontal(fault.fill_null(value=False) for fault in faults).sum()).item())
