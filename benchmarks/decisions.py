"""Decisions by rules, and by a model, against Polars reading the same inputs and writing the same outputs.

Here: a generated snapshot in a lake of its own, with a forecast and elasticities of every SKU-market, priced by the
packaged strategy, and by one whose prices a model chooses among those of a ladder, through `decide_days` and
`commit_days`: reading, deciding, expected units, steps, validation, hash, files, commits, manifest. The baseline reads
the same files and writes the rows of all that was written with the lake's Parquet settings, and nothing else. Of
forecasts the file holds one target date, the last: decisions read no other, and the baseline is not made to read what
they leave out.

    python benchmarks/decisions.py --size 1000000
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pricing_assets import anomalies, pricing, strategies
from pricing_assets.lake import Lake, Provenance
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, PriceSentences, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.raw import Listings

BY_RULES, BY_MODEL = 3.0, 5.0
"""Times what Polars takes."""
LEARNED = """strategy: learned
type: ml
ml: {objective: profit, bound_level: 0.80, ladder: {step: 0.01, down: 0.10, up: 0.10}}
constraints: [{min_price: {cost_times: 1.05}}, {max_daily_change: 0.10}]
"""
DAY = date(2026, 1, 15)
TAKES_EFFECT = datetime(2026, 1, 16, 6, tzinfo=UTC)
RUN = Provenance("benchmark", "0.0.0")
TIMING = pricing.Timing({DAY: TAKES_EFFECT - timedelta(hours=4)}, {DAY: TAKES_EFFECT}, {})
INPUTS = (FeatureSnapshots, DemandForecasts, Elasticities)
OUTPUTS = (PriceDecisions, PriceSteps, PriceBook, PriceSentences)


def run(size: int = 1_000_000, rounds: int = 3) -> list[dict[str, Any]]:
    """Figures for `make bench`: decided by rules, and by a model."""
    rows = snapshot(size)
    by_rules = measured(strategies.packaged_default(), rows, rounds)
    by_model = measured(LEARNED, rows, rounds)
    return [_figure("by rules", size, by_rules, BY_RULES), _figure("by a model", size, by_model, BY_MODEL)]


def measured(text: str, rows: pl.DataFrame, rounds: int) -> tuple[float, str]:
    """The median over `rounds` of ours ÷ the baseline right after it; and what was done, in words."""
    active = [pricing.Active(strategies.parse(text), 1, "benchmark")]
    mine, theirs, steps = [], [], 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            lake = Lake(Path(folder) / "lake")
            lake.commit(FeatureSnapshots, rows, [DAY], RUN)
            listed = rows.select("date", "sku", "market", known_at=pl.lit(TIMING.as_of[DAY]), on_sale=True)
            lake.commit(PriceAnomalies, anomalies.anomalies_of(lake, [DAY]), [DAY], RUN)
            lake.commit(DemandForecasts, forecasts(rows), [DAY], RUN)
            lake.commit(Elasticities, elasticities(rows), [DAY], RUN)
            lake.commit(Listings, listed.cast(Listings.create_empty().schema), [DAY], RUN)
            start = time.perf_counter()
            ours(lake, active)
            mine.append(time.perf_counter() - start)
            outputs = [lake.read(table) for table in OUTPUTS]
            steps = outputs[1].height
            start = time.perf_counter()
            baseline(lake, outputs, Path(folder))
            theirs.append(time.perf_counter() - start)
    ratio = statistics.median(one / other for one, other in zip(mine, theirs, strict=True))
    changed = outputs[0].filter(pl.col("final_price") != pl.col("current_price")).height
    seconds = f"ours {statistics.median(mine):.2f} s, Polars {statistics.median(theirs):.2f} s"
    return ratio, f"{steps:,} steps, {changed:,} prices changed; {seconds}"


def _figure(how: str, size: int, found: tuple[float, str], bar: float) -> dict[str, Any]:
    ratio, said = found
    name = f"decisions {how} of {size:,} SKU-markets ÷ Polars reading and writing the same ({said})"
    return {"name": name, "figure": round(ratio, 2), "bar": bar, "holds": ratio <= bar}


def ours(lake: Lake, active: list[pricing.Active]) -> None:
    batch = pricing.decide_days(lake, [DAY], TIMING, active)
    done = pricing.commit_days(lake, batch, RUN, TAKES_EFFECT)
    assert done.changed == [DAY] and done.rows["decided"].sum() == lake.partitions(FeatureSnapshots)[DAY].rows
    assert batch.decisions["expected_units"].null_count() == batch.decisions["final_price"].null_count()


def baseline(lake: Lake, outputs: list[pl.DataFrame], folder: Path) -> None:
    for table in INPUTS:
        pl.read_parquet(lake.path(table, lake.partitions(table)[DAY]), hive_partitioning=False)
    for number, rows in enumerate(outputs):
        rows.write_parquet(folder / f"{number}.parquet")


def snapshot(size: int, seed: int = 20260115) -> pl.DataFrame:
    """A day's feature rows: prices of 1 to 100, a tenth of the stock and competitor features null."""
    draw = np.random.default_rng(seed)
    minor = draw.integers(100, 10_000, size)

    def amount(low: float, high: float, known: float = 1.0) -> pl.Series:
        cents = (minor * draw.uniform(low, high, size)).astype(np.int64) + 1
        major = pl.Series(cents).cast(pl.Decimal(38, 4)) / pl.Series([100]).cast(pl.Decimal(38, 4))
        return _known(major.cast(pl.Decimal(18, 4)), draw, known)

    def count(high: int, known: float = 0.9) -> pl.Series:
        return _known(pl.Series(draw.integers(0, high, size)), draw, known)

    number = pl.int_range(size, dtype=pl.Int64)
    texts = {
        "currency": "GBP",
        "price_kind": "posted",
        "cost_source": "recorded",
        "brand": "B",
        "absent_tables": "",
        "missing_data": "",
    }
    current = amount(0.9, 1.0)
    amounts = {
        "current_price": current,
        "list_price": amount(1.0, 1.2),
        "cost": amount(0.4, 0.8),
        "competitor_min": amount(0.8, 1.2, 0.9),
        "competitor_median": amount(1.0, 1.3, 0.9),
        "competitor_max": amount(1.2, 1.6, 0.9),
        **{
            name: (current.cast(pl.Float64) * share).round(4).cast(pl.Decimal(18, 4))
            for name, share in (("lowest_price_365d", 0.9), ("highest_price_365d", 1.15))
        },
    }
    frame = pl.DataFrame(amounts).with_columns(
        date=pl.lit(DAY),
        sku=pl.format("SKU-{}", (number // 2).cast(pl.String).str.zfill(7)),
        market=pl.when(number % 2 == 0).then(pl.lit("DE")).otherwise(pl.lit("GB")),
        category=pl.format("C{}", number % 40),
        inputs_hash=pl.lit("a" * 64),
        inputs=pl.lit("[]"),
        month=pl.lit(DAY.month, dtype=pl.Int64),
        stock_age_days=count(400),
        on_hand=count(200),
        price_age_days=pl.lit(0, dtype=pl.Int64),
        **_as_usual(),
        **{name: pl.lit(text) for name, text in texts.items()},
    )
    rest = [
        (count(300, 1.0) if dtype == pl.Int64 else _known(pl.Series(draw.normal(10, 20, size)), draw, 0.9)).alias(name)
        for name, dtype in FeatureSnapshots.create_empty().schema.items()
        if name not in frame.columns and dtype in (pl.Int64, pl.Float64)
    ]
    absent = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in FeatureSnapshots.create_empty().schema.items()
        if name not in {*frame.columns, *(series.name for series in rest)}
    ]
    return frame.with_columns(*rest, *absent).select(FeatureSnapshots.column_names()).sort("date", "sku", "market")


def forecasts(rows: pl.DataFrame, seed: int = 20260116) -> pl.DataFrame:
    """Units of each SKU-market over the 28 days after the day, at its current price."""
    units = pl.Series(np.random.default_rng(seed).gamma(2.0, 20.0, rows.height))
    frame = rows.select("date", "sku", "market", conditioning_price="current_price", sum_mean=units).with_columns(
        target_date=pl.lit(DAY + timedelta(days=28)),
        frequency=pl.lit("D"),
        model=pl.lit("demand-daily"),
        method=pl.lit("blend"),
        model_version=pl.lit(3),
        model_hash=pl.lit("ab12cd34ef56" + "0" * 52),
        trained_until=pl.lit(DAY),
        fallback_reason=pl.lit(None, dtype=pl.String),
        **{name: pl.col("sum_mean") * share for name, share in {"mean": 1 / 28, "q10": 0.01, "q90": 0.1}.items()},
        **{name: pl.col("sum_mean") * share for name, share in {"sum_q10": 0.5, "sum_q90": 2.0}.items()},
    )
    return DemandForecasts.cast(frame)


def elasticities(rows: pl.DataFrame, seed: int = 20260117) -> pl.DataFrame:
    """A base and a promotion elasticity of each SKU-market, near what its margin says: a shop prices well, not best."""
    kept = rows.select(1 - pl.col("cost").cast(pl.Float64) / pl.col("current_price").cast(pl.Float64)).to_series()
    own = np.exp(0.1 * np.random.default_rng(seed).standard_normal(rows.height)) / kept.to_numpy().clip(0.1)
    kinds = [
        rows.select(
            *("date", "sku", "market"),
            kind=pl.lit(kind),
            elasticity=pl.Series(-own * times),
            curvature=pl.lit(curvature, pl.Float64),
            cross=pl.lit(cross, pl.Float64),
            cross_error=pl.lit(cross, pl.Float64) / 2,
            cross_reason=pl.lit(None, dtype=pl.String),
        )
        for kind, times, curvature, cross in (("base", 1.0, 0.5, 0.4), ("promotion", 1.3, None, None))
    ]
    frame = pl.concat(kinds).with_columns(
        own="elasticity",
        own_error=pl.lit(0.4),
        std_error=pl.lit(0.3),
        n_obs=pl.lit(90),
        price_variation=pl.lit(0.1),
        spec_low=pl.col("elasticity") * 1.1,
        spec_high=pl.col("elasticity") * 0.9,
        shrinkage=pl.lit(0.2),
        fallback_reason=pl.lit(None, dtype=pl.String),
        left_out=pl.lit(None, dtype=pl.String),
        estimated_on=pl.lit(DAY),
    )
    return Elasticities.cast(frame)


def _as_usual() -> dict[str, pl.Expr]:
    """An ordinary day: prices, margins and rivals where they usually are, so hardly any anomaly."""
    price, cost, rival = (pl.col(name).cast(pl.Float64) for name in ("current_price", "cost", "competitor_min"))
    margin, delta = 100 * (price - cost) / price, 100 * (price - rival) / rival
    return {
        "usual_price": pl.col("current_price"),
        "usual_price_move_pct": pl.lit(5.0),
        "margin_pct": margin,
        "margin_182d_pct": margin,
        "price_change_28d_pct": pl.lit(0.0),
        "days_since_price_change": pl.lit(60, dtype=pl.Int64),
        "usual_margin_pct": margin,
        "usual_margin_move": pl.lit(2.0),
        "competitor_delta_pct": delta,
        "usual_competitor_delta_pct": delta,
        "usual_competitor_delta_move": pl.lit(4.0),
    }


def _known(values: pl.Series, draw: np.random.Generator, share: float) -> pl.Series:
    """The values, null but for a share of them."""
    if share == 1.0:
        return values
    return values.to_frame().select(pl.when(pl.Series(draw.random(values.len()) < share)).then(pl.first())).to_series()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="SKU-markets")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps(run(options.size, options.rounds), indent=2, ensure_ascii=False))
