"""A small simulated market: what is planted well above the threshold is found, and little else is."""

from __future__ import annotations

import polars as pl

from benchmarks import anomalies as bench


def test_planted_anomalies_are_found_and_quiet_days_are_quiet() -> None:
    rows = bench.run(seeds=[6], skus=40, days=160)
    assert [row["holds"] for row in rows] == [True, True, True], rows


def test_a_bar_holds_only_where_something_is_counted() -> None:
    nothing = {"episodes": 0, "recall": None, "alarms": 0, "precision": None}
    rows = bench.figures({**nothing, "quiet_days": 10, "false_alarms_per_10k": 0.0}, "none")
    assert [row["holds"] for row in rows] == [False, False, True]


def test_markets_of_two_seeds_are_scored_as_two() -> None:
    apart = [bench.judged([seed], 12, 100) for seed in (7, 8)]
    together = bench.judged([7, 8], 12, 100)
    for counted in ("episodes", "alarms", "false_alarms", "quiet_days"):
        assert together.overall[counted] == sum(each.overall[counted] for each in apart), counted
    summed = sum(each.by_size.select(pl.col("episodes", "found", "alarms", "right")).to_numpy() for each in apart)
    assert (together.by_size.select("episodes", "found", "alarms", "right").to_numpy() == summed).all()
