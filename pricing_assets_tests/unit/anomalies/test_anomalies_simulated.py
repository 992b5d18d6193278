"""A small simulated market: what is planted well above the threshold is found, and little else is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import polars as pl

BENCH = Path(__file__).parents[3] / "benchmarks" / "anomalies.py"


def test_planted_anomalies_are_found_and_quiet_days_are_quiet() -> None:
    found = importlib.util.spec_from_file_location("benchmark_of_anomalies", BENCH)
    assert found is not None and found.loader is not None
    bench = importlib.util.module_from_spec(found)
    found.loader.exec_module(bench)
    rows = bench.run(seeds=[6], skus=40, days=160)
    assert [row["holds"] for row in rows] == [True, True, True], rows
    labels, alarms, quiet = bench.judge(7, 12, 100)
    assert quiet > labels.height > 20
    told = labels.filter(pl.col("found") & (pl.col("reason") == "PRICE_TOO_LOW"))
    beside = alarms.join(told, on=bench.KEY, how="semi")["reason"].unique().to_list()
    assert "PRICE_TOO_LOW" in beside, "a label is found by its own reason, or by what follows from it"
