"""Panels of a shop: what its raw tables say of each SKU-market that is on sale on a day, and what is planned.

Here: from the rows a day sees to series, history and known future. Not here: which rows a day sees (inputs), what a
panel must be (panel), forecasting.

Units are 0 on days a SKU was listed and its market traded without selling it; where it was not listed or the market
sold nothing at all, they are not observed. Only posted prices and plans are known columns: a realised price is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.panel import CENSORED, DATE, ID, KEY, Y
from pricing_assets.demand.plan import Frequency, Plan

PAIR = ["sku", "market"]
HORIZONS: Mapping[Frequency, int] = {"D": 28, "W": 8}
AHEAD = 56
"""Days of the longest horizon."""
PRICE, HOLIDAY = "price", "days_to_holiday"
MARKS = ("promoted", "feature", "display")
STATIC = ("category", "market")
NO_CATEGORY = "(none)"
FAR_HOLIDAY = 14
"""Days to a holiday from which it does not matter."""
TEN_THOUSANDTHS = 10_000

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Panels:
    """What day `day` knows of each SKU-market on sale, daily or weekly.

    `keys`: unique_id, sku, market, `priced` (whether a posted price is known). `history`: a panel with the known and
    static columns; `future`: unique_id, ds, known columns of every date of the horizon.
    """

    day: date
    plan: Plan
    keys: pl.DataFrame
    history: pl.DataFrame
    future: pl.DataFrame


def series_id() -> pl.Expr:
    """`market/sku` from columns sku and market; a `/` or `%` in a market's name is written %2F, %25."""
    market = pl.col("market").str.replace_all("%", "%25", literal=True).str.replace_all("/", "%2F", literal=True)
    return pl.concat_str(market, pl.col("sku"), separator="/").alias(ID)


def series_pair() -> list[pl.Expr]:
    """sku and market from unique_id."""
    market = pl.col(ID).str.splitn("/", 2).struct.field("field_0")
    market = market.str.replace_all("%2F", "/", literal=True).str.replace_all("%25", "%", literal=True)
    return [pl.col(ID).str.splitn("/", 2).struct.field("field_1").alias("sku"), market.alias("market")]


def daily(seen: Frames, holidays: pl.DataFrame, day: date) -> Panels:
    """The daily panel of a day: `seen` are the rows of raw tables that it sees, by name, of any window.

    `holidays` has date, market, is_holiday from the first day of the window to AHEAD days after `day`.
    """
    listed = seen["raw.listings"].filter("on_sale").select("date", *PAIR)
    prices = posted(seen["raw.prices"])
    keys = _keys(listed, prices, day)
    known = _known_names(prices, seen)
    rows = observations(seen).join(keys.select(PAIR), on=PAIR, how="semi")
    grid = pl.concat([rows.select("date", *PAIR), _days_ahead(keys, day)])
    columns = _known(grid, seen, prices, holidays, day).select("date", *PAIR, *known)
    history = rows.join(columns, on=["date", *PAIR], how="left").join(_static(keys, seen, day), on=PAIR, how="left")
    history = history.select(series_id(), pl.col("date").alias(DATE), Y, CENSORED, *known, *STATIC).sort(KEY)
    future = columns.filter(pl.col("date") > day).select(series_id(), pl.col("date").alias(DATE), *known).sort(KEY)
    plan = Plan("D", HORIZONS["D"], tuple(known), STATIC)
    until = day + timedelta(days=AHEAD)
    return Panels(day, plan, keys, history, future.filter(pl.col(DATE) <= until))


def weekly(of_days: Panels) -> Panels:
    """The weekly panel of the same day: weeks of seven days, named by their last one, the last of them `day` itself.

    A week's units are those of its days, not observed where the SKU was not listed on a day its market traded; a known
    column is the mean of its days, a holiday the nearest.
    """
    day, known = of_days.day, of_days.plan.known
    week = (pl.lit(day) - pl.duration(days=7 * ((pl.lit(day) - pl.col(DATE)).dt.total_days() // 7))).cast(pl.Date)
    means = [_mean(name) if name != HOLIDAY else pl.col(name).min() for name in known]
    grouped = of_days.history.with_columns(week=week).sort(KEY).group_by(ID, "week", *STATIC, maintain_order=True)
    units = pl.when(pl.col(Y).is_not_null().sum() > 0).then(pl.col(Y).cast(pl.Int64).sum()).cast(pl.Float64)
    history = grouped.agg(units.alias(Y), pl.col(CENSORED).any(), *means, observed=pl.col(Y).is_not_null().sum())
    history = history.join(_traded(of_days.history, week), on=["market", "week"], how="left", maintain_order="left")
    whole = pl.when(pl.col("observed") == pl.col("traded")).then(pl.col(Y))
    first = pl.lit(of_days.history[DATE].min(), pl.Date)
    history = history.with_columns(whole.alias(Y)).filter(pl.col("week") >= first + pl.duration(days=6))
    history = history.select(ID, pl.col("week").alias(DATE), Y, CENSORED, *known, *STATIC)
    steps = (pl.col(DATE) - pl.lit(day)).dt.total_days() - 1
    ahead = (pl.lit(day) + pl.duration(days=7 * (steps // 7 + 1))).cast(pl.Date)
    future = of_days.future.with_columns(week=ahead).sort(KEY).group_by(ID, "week", maintain_order=True).agg(means)
    plan = Plan("W", HORIZONS["W"], known, STATIC)
    return Panels(day, plan, of_days.keys, history, future.rename({"week": DATE}))


def observations(seen: Frames) -> pl.DataFrame:
    """date, sku, market, y, censored of every listed SKU-market and day; sold out where stock says so."""
    listed = seen["raw.listings"].filter("on_sale").select("date", *PAIR)
    sold = seen["raw.sales"].select("date", *PAIR, "units")
    traded = sold.group_by("date", "market").agg(pl.col("units").sum()).filter(pl.col("units") > 0)
    rows = listed.join(sold, on=["date", *PAIR], how="left")
    rows = rows.join(traded.select("date", "market", traded=True), on=["date", "market"], how="left")
    y = pl.when("traded").then(pl.col("units").fill_null(0)).cast(pl.Float64).alias(Y)
    if "raw.stock" not in seen:
        return rows.select("date", *PAIR, y, pl.lit(value=False).alias(CENSORED))
    out = ((pl.col("sold_out_hours").fill_null(0) > 0) | (pl.col("on_hand") == 0)).alias(CENSORED)
    stock = seen["raw.stock"].select("date", *PAIR, out)
    rows = rows.join(stock, on=["date", *PAIR], how="left")
    return rows.select("date", *PAIR, y, pl.col(CENSORED).fill_null(value=False))


def posted(prices: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market, current, list (ten-thousandths), currency of the posted prices, by pair and date."""
    rows = prices.filter(pl.col("price_kind") == "posted")
    price = (pl.col("price") * TEN_THOUSANDTHS).cast(pl.Int64)
    rows = rows.select("date", *PAIR, pl.col("price_type").cast(pl.String), "currency", price=price)
    current = rows.filter(pl.col("price_type") == "current").drop("price_type").rename({"price": "current"})
    listed = rows.filter(pl.col("price_type") == "list").select("date", *PAIR, "currency", list="price")
    return current.join(listed, on=["date", *PAIR, "currency"], how="left").sort(*PAIR, "date")


def _keys(listed: pl.DataFrame, prices: pl.DataFrame, day: date) -> pl.DataFrame:
    """The pairs on sale on the day, with their last posted price and its currency."""
    last = prices.filter(pl.col("date") <= day).unique(PAIR, keep="last", maintain_order=True)
    today = last.select(*PAIR, "currency", "current", "list", priced_on="date")
    keys = listed.filter(pl.col("date") == day).select(PAIR).join(today, on=PAIR, how="left")
    return keys.with_columns(series_id(), pl.col("current").is_not_null().alias("priced")).sort(ID)


def _known_names(prices: pl.DataFrame, seen: Frames) -> list[str]:
    price = [PRICE] if prices.height else []
    return [*price, *(MARKS if "raw.promotions" in seen else ()), HOLIDAY]


def _days_ahead(keys: pl.DataFrame, day: date) -> pl.DataFrame:
    days = pl.DataFrame({"date": [day + timedelta(days=number) for number in range(1, AHEAD + 1)]})
    return days.join(keys.select(PAIR), how="cross")


def _known(grid: pl.DataFrame, seen: Frames, prices: pl.DataFrame, holidays: pl.DataFrame, day: date) -> pl.DataFrame:
    """The known columns of the grid's rows: past prices as they were, those ahead as planned, else as they rest."""
    rows = grid.join(_plans(seen, day), on=["date", *PAIR], how="left")
    rows = rows.join(prices.select("date", *PAIR, "current", "currency"), on=["date", *PAIR], how="left")
    resting = _resting(prices, rows, day)
    rows = rows.join(resting, on=PAIR, how="left")
    ours = pl.col("currency") == pl.col("own_currency")
    plan_is_ours = pl.col("plan_currency").is_null() | (pl.col("plan_currency") == pl.col("own_currency"))
    past = pl.when(ours).then("current")
    ahead = pl.coalesce(pl.when(plan_is_ours).then("planned"), "resting")
    price = pl.when(pl.col("date") <= day).then(past).otherwise(ahead)
    rows = rows.with_columns((price / TEN_THOUSANDTHS).alias(PRICE), *(pl.col(mark).fill_null(0.0) for mark in MARKS))
    rows = rows.join(days_to_holiday(holidays), on=["date", "market"], how="left").sort(*PAIR, "date")
    return rows.with_columns(
        pl.col(PRICE).forward_fill().over(PAIR).backward_fill().over(PAIR), pl.col(HOLIDAY).fill_null(FAR_HOLIDAY)
    )


def _resting(prices: pl.DataFrame, rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """sku, market, own_currency, resting: the price of the day, without the promotion that is on."""
    last = prices.filter(pl.col("date") <= day).unique(PAIR, keep="last", maintain_order=True)
    on = rows.filter((pl.col("date") == day) & (pl.col("promoted") > 0)).select(*PAIR, on=True)
    last = last.select(*PAIR, "current", "list", own_currency="currency").join(on, on=PAIR, how="left")
    without = pl.when("on").then(pl.coalesce("list", "current")).otherwise("current")
    return last.select(*PAIR, "own_currency", resting=without)


def _plans(seen: Frames, day: date) -> pl.DataFrame:
    """What was planned for each date, by the plan known last, up to the date itself and up to the day."""
    columns = {"planned": pl.Int64, "plan_currency": pl.String, **dict.fromkeys(MARKS, pl.Float64)}
    if "raw.promotions" not in seen:
        return pl.DataFrame(schema={"date": pl.Date, "sku": pl.String, "market": pl.String, **columns})
    known = (pl.col("known_on") <= day) & (pl.col("known_on") <= pl.col("target_date"))
    plans = seen["raw.promotions"].filter(known).sort(*PAIR, "target_date", "known_on")
    plans = plans.unique([*PAIR, "target_date"], keep="last", maintain_order=True)
    feature, display = (pl.col(mark).fill_null(value=False) for mark in ("feature", "display"))
    marks = {"promoted": pl.col("planned_price").is_not_null() | feature | display}
    marks |= {"feature": feature, "display": display}
    return plans.select(
        pl.col("target_date").alias("date"),
        *PAIR,
        (pl.col("planned_price") * TEN_THOUSANDTHS).cast(pl.Int64).alias("planned"),
        pl.col("currency").alias("plan_currency"),
        *(mark.cast(pl.Float64).alias(name) for name, mark in marks.items()),
    )


def days_to_holiday(holidays: pl.DataFrame) -> pl.DataFrame:
    """date, market, days_to_holiday: days to the next public holiday, 0 on it, at most FAR_HOLIDAY."""
    rows = holidays.sort("market", "date")
    coming = pl.when("is_holiday").then("date").backward_fill().over("market")
    days = (coming - pl.col("date")).dt.total_days().cast(pl.Float64)
    return rows.select("date", "market", days.clip(upper_bound=FAR_HOLIDAY).fill_null(FAR_HOLIDAY).alias(HOLIDAY))


def _static(keys: pl.DataFrame, seen: Frames, day: date) -> pl.DataFrame:
    """sku, market, category: the catalogue's of the day, else the last one known."""
    rows = keys.select(PAIR)
    if "raw.products" not in seen:
        return rows.with_columns(category=pl.lit(NO_CATEGORY))
    products = seen["raw.products"].filter(pl.col("date") <= day).sort("sku", "date")
    last = products.unique("sku", keep="last", maintain_order=True).select("sku", "category")
    return rows.join(last, on="sku", how="left").with_columns(pl.col("category").fill_null(NO_CATEGORY))


def _mean(name: str) -> pl.Expr:
    """The mean of a column as a quotient of whole numbers: no order of adding shows in it."""
    whole = (pl.col(name) * TEN_THOUSANDTHS).round().cast(pl.Int64)
    return (whole.sum() / (whole.count() * TEN_THOUSANDTHS)).alias(name)


def _traded(history: pl.DataFrame, week: pl.Expr) -> pl.DataFrame:
    """market, week, traded: how many days of a week the market traded."""
    days = history.filter(pl.col(Y).is_not_null()).select("market", DATE, week=week).unique()
    return days.group_by("market", "week").agg(pl.len().alias("traded"))
