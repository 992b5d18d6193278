"""The elasticities of days in the lake: estimated once a week, carried until the next.

Here: from what a day sees to rows of forecasts.elasticities, and which day's estimate holds. Not here: estimation
(elasticity/), reading (inputs).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import chain

import polars as pl

from pricing_assets.demand.elasticity import KINDS, Columns, elasticities
from pricing_assets.demand.elasticity.shrinkage import PUBLISHED, PUBLISHED_SPREAD
from pricing_assets.demand.elasticity.substitution import ALONE, published
from pricing_assets.demand.inputs import COLUMNS, WINDOW, Read, read
from pricing_assets.demand.numbering import CELL, NUMBER, PAIR, cell, of_pairs
from pricing_assets.demand.panel import CENSORED, DATE, ID, held
from pricing_assets.demand.panels import OF_PRICES, PRICE, TEN_THOUSANDTHS, Frames, Panels, posted, series_pair
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import Elasticities

RIVAL, REGULAR = "rival_", "regular_price"
MARKS = ("feature", "display")
ONLY_REALISED = "no posted price is known: what customers paid on average says nothing of how they answer"


def elasticities_of(lake: Lake, days: Sequence[date], calendar: Calendar) -> pl.DataFrame:
    """Rows of forecasts.elasticities for the days, in canonical order: two per SKU-market on sale.

    They are estimated on the first day of a week (from Monday) with anything on sale, from what that day sees, and hold
    until the week is over for those on sale then and now. An estimate of an earlier day than the run's is taken from
    the lake, or made again as that day saw it: a range gives what its days give one after the other.
    """
    wanted = sorted(set(days))
    estimated_on = _estimated_on(lake, wanted, calendar)
    weeks = sorted({on for on in estimated_on.values() if on})
    made = _estimates(lake, weeks, wanted, calendar)
    listed = read(lake, wanted, calendar, window=1, tables=[raw.Listings])
    empty = Elasticities.create_empty()
    parts: list[pl.DataFrame] = [empty]
    for day, on in estimated_on.items():
        if on is not None:
            sold = listed.seen(day)["raw.listings"].filter("on_sale").select(PAIR)
            parts.append(made[on].join(sold, on=PAIR, how="semi").with_columns(date=pl.lit(day)).select(empty.columns))
    return pl.concat(parts).sort(Elasticities.order())


def estimate(panels: Panels, seen: Frames) -> pl.DataFrame:
    """Rows of forecasts.elasticities as of the panels' day. `seen` are the rows of raw tables they are made of."""
    return _rows(panels.day, _question(panels, seen)())


def _rows(day: date, found: pl.DataFrame) -> pl.DataFrame:
    rows = found.with_columns(*series_pair(), date=pl.lit(day), estimated_on=pl.lit(day))
    schema = Elasticities.create_empty().schema
    return rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items()).sort(Elasticities.order())


def _question(panels: Panels, seen: Frames) -> Callable[[], pl.DataFrame]:
    """What answers the elasticities of a day; it holds its panel, and no more the rows that this was made of."""
    if PRICE not in panels.plan.known:
        return partial(_published, panels)
    keys = panels.keys.select(ID, *PAIR, NUMBER, "currency")
    panel = panels.history.drop("market").join(keys.drop("currency"), on=ID, how="left", maintain_order="left")
    panel = panel.with_columns(cell(DATE))
    for prices in chain([_regular(seen, keys)], _rivals(seen, keys)):
        panel = panel.join(prices, on=CELL, how="left", maintain_order="left")
    panel = panel.with_columns(held(REGULAR, NUMBER)).drop(NUMBER, CELL)
    columns = Columns(
        price=PRICE,
        regular_price=None if panel[REGULAR].has_nulls() else REGULAR,
        promotions=tuple(mark for mark in MARKS if mark in panel.columns),
        rivals=tuple(name for name in panel.columns if name.startswith(RIVAL)),
        sku="sku",
        category="category",
        zone="market",
        censored=CENSORED,
    )
    if columns.regular_price is None:
        panel = panel.drop(REGULAR)  # a column of that name would be taken for it
    return partial(elasticities, panel, columns, f"prices and units as of {panels.day}")


def _estimated_on(lake: Lake, days: Sequence[date], calendar: Calendar) -> dict[date, date | None]:
    """Of each day the first one of its week on which anything was on sale; None where nothing was up to it."""
    weeks = {day: [day - timedelta(days=number) for number in range(day.weekday(), -1, -1)] for day in days}
    asked = sorted({each for week in weeks.values() for each in week})
    listed = read(lake, asked, calendar, window=1, tables=[raw.Listings])
    traded = {each for each in asked if _anything(listed.seen(each))}
    return {day: next((each for each in week if each in traded), None) for day, week in weeks.items()}


def _anything(seen: Frames) -> bool:
    return "raw.listings" in seen and seen["raw.listings"].filter("on_sale").height > 0


def _estimates(
    lake: Lake, weeks: Sequence[date], days: Collection[date], calendar: Calendar
) -> dict[date, pl.DataFrame]:
    """The estimates of some days: made where the day is of this run or has none yet, else the lake's.

    One after the other, and only when the rows their panels are made of are no longer held: else these, and what one
    estimate looks at, would be most of the memory of a run.
    """
    files = lake.partitions(Elasticities)
    found = {on: lake.read_files(Elasticities, [files[on]]) for on in weeks if on not in days and on in files}
    if missing := [on for on in weeks if on not in found]:
        asked = _questions(read(lake, missing, calendar, WINDOW, [*COLUMNS]), missing)
        found |= {on: _rows(on, asked.pop(on)()) for on in missing}
    return found


def _questions(raws: Read, days: Sequence[date]) -> dict[date, Callable[[], pl.DataFrame]]:
    tables = (raw.Prices, raw.CompetitorSnapshots)
    return {on: _question(raws.daily(on, ahead=False), raws.seen(on, tables)) for on in days}


def _regular(seen: Frames, keys: pl.DataFrame) -> pl.DataFrame:
    """cell, regular_price: the list price of each date, without promotion."""
    prices = posted(of_pairs(keys, seen["raw.prices"], *OF_PRICES))
    return prices.select(CELL, (pl.col("list") / TEN_THOUSANDTHS).alias(REGULAR))


def _rivals(seen: Frames, keys: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Of each rival in turn cell and the lowest price it asks in our currency, by cell; none without rivals.

    One after the other: all of them have several times the rows of a panel.
    """
    if "raw.competitor_snapshots" not in seen:
        return
    offers = seen["raw.competitor_snapshots"]
    for name in offers["competitor"].unique().sort():
        own = offers.filter(pl.col("competitor") == name, pl.col("in_stock").fill_null(value=True))
        own = of_pairs(keys, own, "price", "currency").join(keys, on=[NUMBER, "currency"], how="semi")
        if own.height:
            yield own.group_by(CELL).agg(pl.col("price").min().cast(pl.Float64).alias(RIVAL + name)).sort(CELL)


def _published(panels: Panels) -> pl.DataFrame:
    """What is published, for a shop that has no posted prices to learn from."""
    kinds = pl.DataFrame({"kind": list(KINDS)})
    zeros = [pl.lit(0.0).alias("price_variation"), pl.lit(0, pl.Int64).alias("n_obs"), pl.lit(1.0).alias("shrinkage")]
    nothing = [pl.lit(None, dtype).alias(name) for name, dtype in _UNSAID.items()]
    value = [pl.lit(PUBLISHED).alias(name) for name in ("elasticity", "spec_low", "spec_high")]
    effect, error = published()
    base = pl.when(pl.col("kind") == "base")
    beside = base.then(pl.when(pl.len().over("market", "category", "kind") > 1).then(1.0))
    return (
        panels.history.select(ID, "market", "category")
        .unique(ID, keep="last", maintain_order=True)
        .join(panels.keys.select(ID), on=ID, how="right")
        .join(kinds, how="cross")
        .with_columns(
            *value, *zeros, *nothing, std_error=pl.lit(PUBLISHED_SPREAD), fallback_reason=pl.lit(ONLY_REALISED)
        )
        .with_columns(cross=effect * beside, cross_error=error * beside)
        .with_columns(
            cross_reason=base.then(pl.when(pl.col("cross").is_null()).then(pl.lit(ALONE)).otherwise("fallback_reason"))
        )
        .drop("market", "category")
    )


_UNSAID = {"curvature": pl.Float64, "own": pl.Float64, "own_error": pl.Float64, "left_out": pl.String}
