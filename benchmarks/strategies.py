"""How fast a strategy of 20 rules prices a generated frame.

Here: one generated frame, one strategy, the best of a few passes. Not here: constraints, decisions, files.

    python benchmarks/strategies.py --size 1000000
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import polars as pl

from pricing_assets.strategies import Strategy, parse, propose
from pricing_assets.tables.features import FeatureSnapshots

RULES = 20
ROWS_PER_SECOND = 20_000_000
CONDITIONS = (
    "has(stock_age_days) && stock_age_days > {n} && on_hand > {n}",
    "has(competitor_min) && price > competitor_min * {f}",
    "margin_pct > {n} || units_28d < {n}",
    "month in [1, 7, 12] && category == 'C{k}'",
)
ACTIONS: tuple[dict[str, Any], ...] = (
    {"multiply": 0.99},
    {"multiply": "1 - stock_age_days / 36500"},
    {"add": -0.01},
    {"match": "competitor_min", "beat_by_pct": 1},
)


def plain() -> Strategy:
    """20 rules as most are: one feature against a threshold, one factor."""
    features = ("on_hand", "units_28d", "margin_pct", "month")
    rules = [
        {"name": f"r{number}", "when": f"{features[number % 4]} > {5 + 2 * number}", "then": {"multiply": 0.99}}
        for number in range(RULES)
    ]
    return parse(json.dumps({"strategy": "plain", "type": "rules", "rules": rules}))


def rich() -> Strategy:
    """20 rules with arithmetic, null guards, the price so far, text, four kinds of action."""
    rules = []
    for number in range(RULES):
        when = CONDITIONS[number % 4].format(n=10 + 5 * number, f=1 + number / 50, k=number % 8)
        action = ACTIONS[(1, 3, 0, 2)[number % 4] if number < 12 else 0]
        rules.append({"name": f"r{number}", "priority": -number, "when": when, "then": action})
    return parse(json.dumps({"strategy": "rich", "type": "rules", "rules": rules}))


def frame(size: int, seed: int = 20260101) -> pl.DataFrame:
    """Feature rows with a fifth of the optional features null."""
    draw = np.random.default_rng(seed)

    def absent(values: pl.Series) -> pl.Series:
        return values.to_frame().select(pl.when(pl.Series(draw.random(size) > 0.2)).then(pl.first())).to_series()

    def amount(name: str, low: int, high: int) -> pl.Series:
        return (pl.Series(name, draw.integers(low, high, size)) / 100).cast(pl.Decimal(18, 4))

    made = pl.DataFrame(
        [
            pl.Series("list_price", draw.integers(500, 20_000, size)).cast(pl.Decimal(18, 4)) / 100,
            absent(amount("competitor_min", 400, 20_000)),
            absent(pl.Series("stock_age_days", draw.integers(0, 400, size))),
            pl.Series("on_hand", draw.integers(0, 300, size)),
            pl.Series("units_28d", draw.integers(0, 300, size)),
            pl.Series("month", draw.integers(1, 13, size)),
            pl.Series("margin_pct", draw.normal(30, 15, size)),
            pl.Series("category", draw.choice([f"C{k}" for k in range(8)], size)),
            pl.Series("currency", draw.choice(["GBP", "EUR", "JPY"], size)),
        ]
    )
    schema = FeatureSnapshots.create_empty().schema
    return made.with_columns(
        pl.col("list_price").cast(pl.Decimal(18, 4)),
        *(pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in made.columns),
    ).select(schema.names())


def run(size: int = 1_000_000) -> list[dict[str, Any]]:
    """Figures against their bars: [{name, figure, bar, holds}]."""
    rows = frame(size)
    return [
        _measured("plain rules", plain(), rows, ROWS_PER_SECOND),
        _measured("rich rules", rich(), rows, None),
    ]


def _measured(kind: str, rules: Strategy, rows: pl.DataFrame, bar: int | None) -> dict[str, Any]:
    """Rows per second, the best of a few passes: the machine's other work only ever takes away."""
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        propose(rules, rows)
        seconds.append(time.perf_counter() - start)
    figure = rows.height / min(seconds)
    name = f"strategy of {RULES} {kind} over {rows.height:,} rows, rows per second"
    return {"name": name, "figure": round(figure), "bar": bar, "holds": bar is None or figure >= bar}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="rows to price")
    for line in run(parser.parse_args().size):
        print(json.dumps(line))
