"""Who is held out: how many, until when, by chance, and the same whoever asks."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.experiments import Design, assigned, held_out, settings_of
from pricing_assets.strategies import parse
from pricing_assets.tables.decisions import Holdouts

DESIGN = Design(0.05, 28, "shop")
DAY = date(2026, 1, 14)  # its prices take effect on the first day of a period


def shop(clusters: int, *days: date, skus: int = 3) -> pl.DataFrame:
    """A row per SKU of so many categories in one market."""
    rows = [
        (day, f"c{n:03}", "UK", f"{n}-{sku}") for day in days or (DAY,) for n in range(clusters) for sku in range(skus)
    ]
    frame = pl.DataFrame(rows, schema=["date", "category", "market", "sku"], orient="row")
    return frame.with_row_index("row")


def held_on(clusters: int, day: date, design: Design = DESIGN) -> set[str]:
    return set(assigned(shop(clusters, day), design).filter("held")["category"])


@settings(max_examples=30)
@given(st.integers(1, 90), st.sampled_from([0.05, 0.1, 0.3]), st.integers(0, 400))
def test_the_share_of_clusters_is_held_rounded_at_least_one_and_never_all(
    clusters: int, share: float, later: int
) -> None:
    found = held_on(clusters, DAY + timedelta(days=later), Design(share, 28, "s"))
    assert len(found) == min(max(1, int(clusters * share + 0.5)), clusters - 1)


def test_a_cluster_is_held_for_the_whole_period_and_then_drawn_anew() -> None:
    days = [DAY + timedelta(days=n) for n in range(56)]
    drawn = [held_on(40, day) for day in days]
    assert all(each == drawn[0] for each in drawn[:28]) and all(each == drawn[28] for each in drawn[28:])
    assert drawn[0] != drawn[28]
    rows = assigned(shop(40, *days), DESIGN)
    Holdouts.validate(Holdouts.cast(rows))
    assert rows.select(pl.col("period_from", "period_until").unique().sort()).rows() == [
        (days[0] + timedelta(days=1), days[27] + timedelta(days=1)),
        (days[28] + timedelta(days=1), days[55] + timedelta(days=1)),
    ]


def test_every_row_of_a_held_cluster_is_held_with_its_last_day_and_no_other() -> None:
    frame = shop(25)
    found = held_out(frame, DESIGN)
    (held,) = held_on(25, DAY)
    assert found["row"].to_list() == frame.filter(category=held)["row"].to_list()
    assert set(found["held_out"]) == {"held out until 2026-02-11: its category shows what would have been without"}


def test_skus_without_a_category_are_a_cluster_of_their_market() -> None:
    frame = shop(2).with_columns(category=pl.when(pl.col("category") == "c000").then("category"))
    assert assigned(frame, DESIGN)["category"].to_list() == ["c000", "none"]
    days = [DAY + timedelta(days=28 * n) for n in range(12)]
    held = [held_out(frame.with_columns(date=pl.lit(day)), DESIGN)["row"].to_list() for day in days]
    assert {tuple(rows) for rows in held} == {(0, 1, 2), (3, 4, 5)}


def test_nobody_is_held_without_a_design_with_a_share_of_nothing_or_of_a_single_cluster() -> None:
    assert held_out(shop(30), None).is_empty()
    assert held_out(shop(30), Design(0.0, 28, "s")).is_empty()
    assert held_out(shop(1), DESIGN).is_empty()
    assert held_out(shop(0), DESIGN).is_empty()
    assert not assigned(shop(3), Design(0.0, 28, "s"))["held"].any()


def test_every_cluster_comes_to_its_turn_about_equally_often() -> None:
    days = [DAY + timedelta(days=28 * n) for n in range(400)]
    counts = Counter(assigned(shop(20, *days, skus=1), DESIGN).filter("held")["category"])
    assert len(counts) == 20
    assert max(counts.values()) < 45 and min(counts.values()) > 5, "400 draws of one in twenty: 20 each, give or take 4"


@settings(max_examples=10)
@given(st.permutations(range(75)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    frame = shop(25)
    assert assigned(frame[order], DESIGN).equals(assigned(frame, DESIGN))


def test_another_salt_draws_others() -> None:
    drawn = {
        salt: [held_on(40, DAY + timedelta(days=28 * n), Design(0.05, 28, salt)) for n in range(5)] for salt in "ab"
    }
    assert drawn["a"] != drawn["b"]


def test_a_pass_over_many_days_draws_as_day_by_day() -> None:
    days = [DAY + timedelta(days=n) for n in range(20, 40)]
    alone = pl.concat([assigned(shop(30, day), DESIGN) for day in days])
    assert assigned(shop(30, *days), DESIGN).equals(alone)


def test_settings_name_experiments_only_where_a_model_prices() -> None:
    said = {"logic": 1, **DESIGN.settings()}
    rules = parse("strategy: r\ntype: rules\nrules: [{name: a, then: {multiply: 0.9}}]")
    assert settings_of(said, [rules]) == {"logic": 1}
    assert settings_of(said, [rules, parse("strategy: m\ntype: ml\n")]) == said
    assert Design.of(said) == DESIGN
    assert Design.of({"logic": 1}) is None
