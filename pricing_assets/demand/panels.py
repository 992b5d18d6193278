"""Panels of a shop: what its raw tables say of each SKU-market that is on sale on a day, and what is planned.

Here: from the rows a day sees to series, history and known future. Not here: which rows a day sees (inputs), what a
panel must be (panel), forecasting.

Units are 0 on days a SKU was listed and its market traded without selling it; where it was not listed or the market
sold nothing at all, they are not observed. Only posted prices and plans are known columns: a realised price is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import polars as pl

from pricing_assets.demand.numbering import CELL, NUMBER, NUMBERED, PAIR, cell, of_pairs
from pricing_assets.demand.panel import CENSORED, DATE, ID, KEY, Y, held
from pricing_assets.demand.plan import Frequency, Plan

OF_PRICES = ("price_kind", "price_type", "price", "currency")
_OF_PLANS = ("known_on", "planned_price", "currency", "feature", "display")
HORIZONS: Mapping[Frequency, int] = {"D": 28, "W": 8}
BLOCK = 25_000
"""SKU-markets whose days are put together at a time: their columns are many, and each join has them twice."""
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

    `keys`: unique_id, sku, market, series, `priced` (whether a posted price is known). `history`: a panel with the
    static columns and, where they were asked for, the known ones; `future`: unique_id, ds, known columns of every date
    of the horizon.
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


def daily(seen: Frames, holidays: pl.DataFrame, day: date, *, ahead: bool = True, with_known: bool = True) -> Panels:
    """The daily panel of a day: `seen` are the rows of raw tables that it sees, by name, of any window.

    `holidays` has date, market, is_holiday from the first day of the window to AHEAD days after `day`. Without `ahead`
    there is no future, and the history is the same; not `with_known` columns it has units alone.
    """
    pairs = _on_sale(seen, day)
    prices = posted(of_pairs(pairs, seen["raw.prices"], *OF_PRICES))
    keys = _keys(pairs, prices, day)
    known = _known_names(seen)
    rows = [observations(seen, pairs), _plans(seen, pairs, day), prices]
    own = keys.select(NUMBER, series_id(), own_currency="currency").with_columns(_static(keys, seen, day))
    coming = _days_ahead(keys, day, whole=ahead)
    to_holiday = days_to_holiday(holidays)
    parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    for inside in _blocks_of(keys):
        seen_rows, plans, posted_rows, ours, later = (each.filter(inside) for each in (*rows, own, coming))
        dated = seen_rows if with_known else seen_rows.filter(pl.col("date") == day)
        grid = pl.concat([dated, later], how="diagonal").sort(CELL)
        block = _known(grid, plans, posted_rows, ours, day)
        block = block.join(to_holiday, on=["date", "market"], how="left", maintain_order="left")
        block = block.with_columns(pl.col(HOLIDAY).fill_null(FAR_HOLIDAY)).rename({"date": DATE})
        future = block.filter((pl.col(DATE) > day) & ahead).select(*KEY, *known)
        history = block.filter(pl.col(DATE) <= day) if with_known else _units(seen_rows, ours)
        history = history.select(*KEY, Y, CENSORED, *(known if with_known else ()), *STATIC)
        parts.append((history, future))
    history, future = (pl.concat(each) for each in zip(*parts, strict=True))
    return Panels(day, Plan("D", HORIZONS["D"], tuple(known), STATIC), keys, history, future)


def _units(rows: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Observations with what `own` says of their pair, and no known column."""
    return rows.join(own, on=NUMBER, how="left", maintain_order="left").rename({"date": DATE})


def _on_sale(seen: Frames, day: date) -> pl.DataFrame:
    """sku, market, unique_id, series of the pairs on sale on a day, in order; numbers are those of the rows, if any."""
    listed = seen["raw.listings"].filter(pl.col("on_sale") & (pl.col("date") == day))
    pairs = listed.select(*PAIR, series_id(), *([NUMBER] if NUMBER in listed.columns else [])).sort(ID)
    return pairs if NUMBER in pairs.columns else pairs.with_row_index(NUMBER)


def _blocks_of(keys: pl.DataFrame) -> list[pl.Expr]:
    """Which rows are of each BLOCK of the pairs in order."""
    parts = [*keys.iter_slices(BLOCK)] or [keys]
    return [pl.col(NUMBER).is_between(part[NUMBER].min(), part[NUMBER].max()) for part in parts]


def weekly(of_days: Panels) -> Panels:
    """The weekly panel of the same day: weeks of seven days, named by their last one, the last of them `day` itself.

    A week's units are those of its days, not observed where the SKU was not listed on a day its market traded; a known
    column is the mean of its days, a holiday the nearest.
    """
    day, known, whole = of_days.day, of_days.plan.known, of_days.history
    week = (pl.lit(day) - pl.duration(days=7 * ((pl.lit(day) - pl.col(DATE)).dt.total_days() // 7))).cast(pl.Date)
    traded = _traded(whole, week)
    first = pl.lit(whole[DATE].min(), pl.Date) + pl.duration(days=6)
    means = {name: _mean(name) if name != HOLIDAY else pl.col(name).min() for name in known}
    there = [name for name in known if name in whole.columns]
    steps = (pl.col(DATE) - pl.lit(day)).dt.total_days() - 1
    ahead = (pl.lit(day) + pl.duration(days=7 * (steps // 7 + 1))).cast(pl.Date)
    parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    for history, future in zip(_blocks(whole, of_days.keys), _blocks(of_days.future, of_days.keys), strict=True):
        weeks = _weeks(history.with_columns(week=week), [means[name] for name in there], traded)
        weeks = weeks.filter(pl.col("week") >= first)
        coming = future.with_columns(week=ahead).sort(KEY).group_by(ID, "week", maintain_order=True)
        named = pl.col("week").alias(DATE)
        later = coming.agg(means.values()).select(ID, named, *known)
        parts.append((weeks.select(ID, named, Y, CENSORED, *there, *STATIC), later))
    history, future = (pl.concat(each) for each in zip(*parts, strict=True))
    return Panels(day, Plan("W", HORIZONS["W"], known, STATIC), of_days.keys, history, future)


def _weeks(days: pl.DataFrame, means: Sequence[pl.Expr], traded: pl.DataFrame) -> pl.DataFrame:
    """The weeks of a history whose days are marked with theirs."""
    units = pl.when(pl.col(Y).is_not_null().sum() > 0).then(pl.col(Y).cast(pl.Int64).sum()).cast(pl.Float64)
    weeks = (
        days.sort(KEY)
        .group_by(ID, "week", *STATIC, maintain_order=True)
        .agg(units.alias(Y), pl.col(CENSORED).any(), *means, observed=pl.col(Y).is_not_null().sum())
        .join(traded, on=["market", "week"], how="left", maintain_order="left")
    )
    return weeks.with_columns(pl.when(pl.col("observed") == pl.col("traded")).then(pl.col(Y)).alias(Y))


def _blocks(panel: pl.DataFrame, keys: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows of a panel, sorted by its key, of BLOCK series after the others; no copies of them."""
    last = keys[ID].gather_every(BLOCK)[1:]
    ends = [0, *panel[ID].search_sorted(last, side="left").to_list(), panel.height] if last.len() else [0, panel.height]
    return [panel.slice(start, end - start) for start, end in pairwise(ends)]


def observations(seen: Frames, pairs: pl.DataFrame) -> pl.DataFrame:
    """date, series, cell, y, censored of every day that any of the `pairs` (sku, market, series) was listed, by cell;
    sold out where stock says so."""
    sold = seen["raw.sales"]
    traded = sold.group_by("date", "market").agg(pl.col("units").sum()).filter(pl.col("units") > 0)
    traded = traded.select("date", "market", traded=True)
    rows = of_pairs(
        pairs, seen["raw.listings"].filter("on_sale").join(traded, on=["date", "market"], how="left"), "traded"
    )
    units = of_pairs(pairs, sold, "units").select(CELL, "units")
    rows = rows.join(units, on=CELL, how="left", maintain_order="left")
    y = pl.when("traded").then(pl.col("units").fill_null(0)).cast(pl.Float64).alias(Y)
    if "raw.stock" not in seen:
        return rows.select(*NUMBERED, y, pl.lit(value=False).alias(CENSORED))
    out = ((pl.col("sold_out_hours").fill_null(0) > 0) | (pl.col("on_hand") == 0)).alias(CENSORED)
    stock = of_pairs(pairs, seen["raw.stock"], "sold_out_hours", "on_hand").select(CELL, out)
    rows = rows.join(stock, on=CELL, how="left", maintain_order="left")
    return rows.select(*NUMBERED, y, pl.col(CENSORED).fill_null(value=False))


def posted(prices: pl.DataFrame) -> pl.DataFrame:
    """date, series, cell, current, list (ten-thousandths), currency of the posted ones of prices with a cell, by it."""
    rows = prices.filter(pl.col("price_kind") == "posted")
    price = (pl.col("price") * TEN_THOUSANDTHS).cast(pl.Int64)
    current = rows.filter(pl.col("price_type") == "current").select(*NUMBERED, "currency", current=price)
    listed = rows.filter(pl.col("price_type") == "list").select(CELL, list=price, listed_in="currency")
    found = current.join(listed, on=CELL, how="left", maintain_order="left")
    same = pl.when(pl.col("listed_in") == pl.col("currency")).then("list").alias("list")
    return found.with_columns(same).drop("listed_in").sort(CELL)


def _keys(pairs: pl.DataFrame, prices: pl.DataFrame, day: date) -> pl.DataFrame:
    """The pairs on sale on the day, with their last posted price and its currency, by number."""
    last = prices.filter(pl.col("date") <= day).unique(NUMBER, keep="last", maintain_order=True)
    today = last.select(NUMBER, "currency", "current", "list", priced_on="date")
    keys = pairs.join(today, on=NUMBER, how="left", maintain_order="left")
    return keys.select(
        *(NUMBER, *PAIR, "currency", "current", "list", "priced_on", ID),
        pl.col("current").is_not_null().alias("priced"),
    )


def _known_names(seen: Frames) -> list[str]:
    is_posted = (pl.col("price_kind") == "posted") & (pl.col("price_type") == "current")
    price = [PRICE] if seen["raw.prices"].select(is_posted.any()).item() else []
    return [*price, *(MARKS if "raw.promotions" in seen else ()), HOLIDAY]


def _days_ahead(keys: pl.DataFrame, day: date, *, whole: bool) -> pl.DataFrame:
    """Number and date of the AHEAD days to come.

    Where they are not wanted `whole`, as many as their prices may be those of a past that has none: the next day, and
    all days of what has no posted price yet.
    """
    days = pl.DataFrame({"date": [day + timedelta(days=number) for number in range(1, AHEAD + 1)]})
    rows = keys.select(NUMBER, "priced")
    if whole:
        return _with_cells(rows.join(days, how="cross"))
    parts = (
        rows.filter("priced").join(days.head(1), how="cross"),
        rows.filter(~pl.col("priced")).join(days, how="cross"),
    )
    return _with_cells(pl.concat(parts))


def _with_cells(rows: pl.DataFrame) -> pl.DataFrame:
    """date, series, cell of rows with series and date, in order."""
    return rows.with_columns(cell("date")).select(NUMBERED).sort(CELL)


def _known(grid: pl.DataFrame, plans: pl.DataFrame, prices: pl.DataFrame, own: pl.DataFrame, day: date) -> pl.DataFrame:
    """The grid with its known columns but holidays: past prices as they were, coming ones planned or resting.

    Grid, plans and prices are by cell, `own` by number.
    """
    rows = grid.join(plans.drop(NUMBER), on=CELL, how="left", maintain_order="left")
    posted = prices.select(CELL, "current", "currency")
    rows = rows.join(posted, on=CELL, how="left", maintain_order="left")
    own = own.join(_resting(prices, rows, day), on=NUMBER, how="left", maintain_order="left")
    rows = rows.join(own, on=NUMBER, how="left", maintain_order="left")
    ours = pl.col("currency") == pl.col("own_currency")
    plan_is_ours = pl.col("plan_currency").is_null() | (pl.col("plan_currency") == pl.col("own_currency"))
    past = pl.when(ours).then("current")
    ahead = pl.coalesce(pl.when(plan_is_ours).then("planned"), "resting")
    price = pl.when(pl.col("date") <= day).then(past).otherwise(ahead)
    rows = rows.with_columns((price / TEN_THOUSANDTHS).alias(PRICE), *(pl.col(mark).fill_null(0.0) for mark in MARKS))
    return rows.with_columns(held(PRICE, NUMBER))


def _resting(prices: pl.DataFrame, rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """series, resting: the price of the day, without the promotion that is on."""
    last = prices.filter(pl.col("date") <= day).unique(NUMBER, keep="last", maintain_order=True)
    on = rows.filter((pl.col("date") == day) & (pl.col("promoted") > 0)).select(NUMBER, on=True)
    last = last.join(on, on=NUMBER, how="left")
    without = pl.when("on").then(pl.coalesce("list", "current")).otherwise("current")
    return last.select(NUMBER, resting=without)


def _plans(seen: Frames, pairs: pl.DataFrame, day: date) -> pl.DataFrame:
    """What was planned for each date, by the plan known last, up to the date itself and up to the day."""
    columns = {"planned": pl.Int64, "plan_currency": pl.String, **dict.fromkeys(MARKS, pl.Float64)}
    if "raw.promotions" not in seen:
        return pl.DataFrame(schema={NUMBER: pl.UInt32, CELL: pl.Int64, **columns})
    known = (pl.col("known_on") <= day) & (pl.col("known_on") <= pl.col("target_date"))
    plans = of_pairs(pairs, seen["raw.promotions"].filter(known), *_OF_PLANS, day="target_date").sort(CELL, "known_on")
    plans = plans.unique(CELL, keep="last", maintain_order=True)
    feature, display = (pl.col(mark).fill_null(value=False) for mark in ("feature", "display"))
    marks = {"promoted": pl.col("planned_price").is_not_null() | feature | display}
    marks |= {"feature": feature, "display": display}
    return plans.select(
        NUMBER,
        CELL,
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


def _static(keys: pl.DataFrame, seen: Frames, day: date) -> list[pl.Series]:
    """category and market of each key: the category is the catalogue's of the day, else the last one known."""
    rows = keys.select(PAIR)
    if "raw.products" not in seen:
        return rows.select(pl.lit(NO_CATEGORY).alias("category"), "market").get_columns()
    products = seen["raw.products"].filter(pl.col("date") <= day).sort("date")
    last = products.unique("sku", keep="last", maintain_order=True).select("sku", "category")
    rows = rows.join(last, on="sku", how="left", maintain_order="left")
    return rows.select(pl.col("category").fill_null(NO_CATEGORY), "market").get_columns()


def _mean(name: str) -> pl.Expr:
    """The mean of a column as a quotient of whole numbers: no order of adding shows in it."""
    whole = (pl.col(name) * TEN_THOUSANDTHS).round().cast(pl.Int64)
    return (whole.sum() / (whole.count() * TEN_THOUSANDTHS)).alias(name)


def _traded(history: pl.DataFrame, week: pl.Expr) -> pl.DataFrame:
    """market, week, traded: how many days of a week the market traded."""
    days = history.filter(pl.col(Y).is_not_null()).select("market", DATE, week=week).unique()
    return days.group_by("market", "week").agg(pl.len().alias("traded"))
