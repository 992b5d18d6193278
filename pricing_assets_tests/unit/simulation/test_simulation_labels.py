"""Labels say what the frames show; ordinary life stays below the thresholds, and late corrections come late."""

from datetime import timedelta

import polars as pl
import pytest
from simulation_markets import DEFAULT, KEY

from pricing_assets.anomalies.thresholds import FLOORS, LOSS_STEP
from pricing_assets.simulation import MarketSettings, Simulated, simulate
from pricing_assets.simulation.trading import Trade
from pricing_assets.tables.anomalies import REASONS


def number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64)


def latest(market: Simulated, table: str) -> pl.DataFrame:
    """The rows of a table known last, once."""
    return market.frames[table].sort("known_at").unique(KEY, keep="last")


def labelled(market: Simulated, reason: str, table: str = "prices") -> pl.DataFrame:
    """The labels of a reason with the rows of their days."""
    labels = market.labels.filter(reason=reason)
    rows = labels.join(latest(market, table), on=KEY)
    assert rows.height == labels.height > 10
    return rows


@pytest.mark.parametrize(("reason", "sign"), [("PRICE_SPIKE", 1), ("PRICE_TOO_LOW", -1)])
def test_a_wrong_price_is_off_by_its_magnitude(market: Simulated, reason: str, sign: int) -> None:
    off = (number("current_price") / number("list_price") - 1) * 100 * sign
    rows = labelled(market, reason).with_columns(off=off)
    assert rows.filter((pl.col("off") - pl.col("magnitude")).abs() > 0.3).is_empty()
    threshold = rows["magnitude"] / rows["effect_size"]
    assert threshold.min() == pytest.approx(FLOORS[reason]) and threshold.median() == pytest.approx(FLOORS[reason])


def test_a_margin_collapse_takes_its_magnitude_off_the_usual_margin(market: Simulated) -> None:
    margin = (1 - number("cost") / number("current_price")) * 100
    before = latest(market, "prices").select(*KEY, usual=margin).with_columns(pl.col("date") + timedelta(days=1))
    rows = labelled(market, "LOW_MARGIN").filter(pl.col("date") == pl.col("date").min().over("episode_id"))
    rows = rows.join(before, on=KEY).with_columns(margin=margin)
    assert rows.filter(pl.col("margin") < 0).is_empty()
    off = (pl.col("usual") - pl.col("margin") - pl.col("magnitude")).abs()
    assert rows.height > 10 and rows.filter(off < 1.5).height > 0.9 * rows.height


def test_a_negative_margin_loses_its_magnitude(market: Simulated) -> None:
    loss = (number("cost") / number("current_price") - 1) * 100
    rows = labelled(market, "NEGATIVE_MARGIN").with_columns(loss=loss)
    assert rows.filter((pl.col("loss") - pl.col("magnitude")).abs() > 0.4).is_empty()
    assert rows.filter((pl.col("effect_size") > 1) & (pl.col("loss") <= 0)).is_empty()
    assert rows["magnitude"].max() <= 2 * LOSS_STEP  # type: ignore[operator]


def test_an_undercut_widens_the_usual_gap_to_the_lowest_rival_by_its_magnitude(market: Simulated) -> None:
    offers = market.frames["competitor_snapshots"].unique().filter(pl.col("in_stock"))
    lowest = offers.group_by(KEY).agg(pl.col("price").min())
    gap = 100 * (number("current_price") / number("price") - 1)
    gaps = latest(market, "prices").join(lowest, on=KEY).select(*KEY, gap=gap)
    unseen = market.labels.filter(pl.col("episode_id").str.starts_with("competitor_snapshots"))
    labels = market.labels.filter(reason="COMPETITOR_UNDERCUT").join(unseen, on=["date", "market"], how="anti")
    start = labels.group_by("episode_id", "sku", "market", "magnitude").agg(start=pl.col("date").min())
    past = start.join(gaps, on=["sku", "market"]).filter(
        pl.col("date") < pl.col("start"), pl.col("date") >= pl.col("start") - timedelta(days=28)
    )
    usual = past.group_by("episode_id").agg(usual=pl.col("gap").median())
    rows = labels.join(gaps, on=KEY).join(usual, on="episode_id")
    off = (pl.col("gap") - pl.col("usual") - pl.col("magnitude")).abs()
    assert rows.height == labels.height
    assert rows.filter(off < 1).height > 0.9 * rows.height


def test_a_stale_price_is_not_delivered_for_its_days(market: Simulated) -> None:
    labels = market.labels.filter(reason="STALE_PRICE")
    assert labels.join(market.frames["prices"], on=KEY, how="semi").is_empty()
    days = labels.group_by("episode_id", "magnitude").len()
    assert days.filter(pl.col("len") != pl.col("magnitude")).is_empty()


def test_missing_data_lacks_as_many_kinds_as_its_magnitude(market: Simulated) -> None:
    gaps = market.labels.filter(pl.col("episode_id").str.starts_with("SKU-").not_())
    labels = market.labels.filter(reason="MISSING_DATA").join(gaps, on=["date", "market"], how="anti")
    labels = labels.with_row_index("label")
    expected = dict.fromkeys(("prices", "stock", "competitor_snapshots"), labels)
    expected["sales"] = labels.filter(market="UK")  # only its tills report days without a sale
    missing = [rows.join(market.frames[table], on=KEY, how="anti").select("label") for table, rows in expected.items()]
    number = pl.concat(missing).group_by("label").len()
    kinds = labels.join(number, on="label", how="left", maintain_order="left").select(pl.col("len").cast(pl.Int64))
    assert (kinds.to_series() == labels["magnitude"]).all()


def test_a_gap_leaves_out_a_whole_table_of_a_market_and_spares_the_days_a_demo_decides(market: Simulated) -> None:
    gaps = market.labels.filter(pl.col("episode_id").str.starts_with("SKU-").not_())
    table = gaps["episode_id"].str.extract(r"^(\w+)/").alias("table")
    days = gaps.select("date", "market", table).unique()
    assert 4 <= days.height <= 15 and days["date"].max() < DEFAULT.last_day - timedelta(days=40)  # type: ignore[operator]
    for name in days["table"].unique():
        left_out = days.filter(table=name)
        assert market.frames[name].join(left_out, on=["date", "market"], how="semi").is_empty()
    assert not gaps.join(market.frames["prices"], on=KEY, how="semi").is_empty()


def test_sizes_reach_from_below_the_threshold_to_three_times_it(market: Simulated) -> None:
    assert set(market.labels["reason"]) == set(REASONS)
    for (reason,), rows in market.labels.group_by("reason"):
        low, high = rows["effect_size"].min(), rows["effect_size"].max()
        assert low <= 1.01 and 2 < high <= 3.01, reason  # type: ignore[operator]


def test_episodes_are_rare_and_of_one_cell_apart(market: Simulated) -> None:
    episodes = market.labels["episode_id"].n_unique()
    assert episodes == pytest.approx(DEFAULT.cells * DEFAULT.days / 100, rel=0.25)
    assert not market.labels.select(KEY).is_duplicated().any()


def test_ordinary_life_moves_prices_and_margins_and_seldom_crosses_a_threshold(market: Simulated, kept: Trade) -> None:
    assert (kept.regular[1:] != kept.regular[:-1]).mean() > 0.015
    quiet = latest(market, "prices").join(market.labels, on=KEY, how="anti")
    margin = quiet.select(1 - number("cost") / number("current_price")).to_series()
    assert margin.min() > 0  # type: ignore[operator]
    plans = market.frames["promotions"]
    off = (number("current_price") / number("list_price") - 1).abs().alias("off")
    unplanned = quiet.join(plans, left_on=KEY, right_on=["target_date", "sku", "market"], how="anti").select(off)
    assert (unplanned["off"] > 0.05).mean() > 0.01  # type: ignore[operator]
    assert (unplanned["off"] > 0.20).mean() < 0.0005  # type: ignore[operator]


def test_corrections_are_known_later_and_say_something_else(market: Simulated) -> None:
    changed = {"prices": ["current_price", "cost"], "sales": ["units", "revenue"], "stock": ["on_hand"]}
    for table, columns in changed.items():
        rows = market.frames[table].unique().sort("known_at")
        both = rows.filter(pl.len().over(KEY) == 2)
        assert both.height > 50
        first, last = both.unique(KEY, keep="first").sort(KEY), both.unique(KEY, keep="last").sort(KEY)
        late = last["known_at"] - first["known_at"]
        assert late.min() == timedelta(days=1) and late.max() == timedelta(days=4)
        assert (last["known_at"].dt.date() <= DEFAULT.last_day).all()
        assert (first.select(columns).hash_rows() != last.select(columns).hash_rows()).mean() > 0.95


def test_a_market_without_irregularities_has_no_labels_no_gaps_and_no_corrections() -> None:
    plain = simulate(MarketSettings(skus=10, days=120, irregular=False, faulty=False))
    assert plain.labels.is_empty()
    assert plain.frames["prices"].height == plain.frames["stock"].height
    assert not plain.frames["prices"].select(KEY).is_duplicated().any()
    assert all(frame.is_empty() for frame in plain.faults.values())
