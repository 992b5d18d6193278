"""Profiles: one row per day of a table, with the figures its expectations look at, beside the days before.

Here: those figures, computed from rows as they were known at the cut-off of their own day, so that a day looks the
same whenever it is read again: rows that bear a later moment (`known_at`, of rivals `captured_at`) change no figure.
Rows without one count whenever they came: products, and rows in quarantine, for what broke its contract may not say
when it was known. Not here: what a figure should be (suites).

A figure is null where there is nothing to compare with: the day had no trade, fewer than LEAST_DAYS of the HISTORY days
before it had, or there are fewer than LEAST_ROWS rows for a share.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pricing_assets.sources.contracts import OWN_REASON, instant_of
from pricing_assets.sources.receiving import is_stray
from pricing_assets.sources.source import Source
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

HISTORY = 28
LEAST_DAYS = 14
LEAST_ROWS = 10
JUMP = 5.0
"""A price this many times, or this part of, the usual one has jumped."""
CHANCE = 10
"""Rows added on both sides of a comparison of volumes: chance moves a few rows far, and many hardly."""
ORDINARY = 100
"""Rows with the usual share in quarantine, added to a day: one faulty row of a dozen is chance."""

_LEAST_SAME_WEEKDAYS, _LEAST_AMOUNTS = 2, 3
_SHOWN = ("competitor", "units", "on_hand", "revenue", "price", "currency", "usual", "captured_at", "known_at", "rule")
_LOOKED_AT = (*_SHOWN, "market", "sku", "on_sale", "returned_units", "source_lines")
_NEED_HISTORY = ("price_level", "price_jumps", "repeated")
_MOMENTS = ("known_at", "captured_at")
_PAIR = ["sku", "market"]
_MILLIONTHS = 1_000_000
Frames = Mapping[type[Table], pl.DataFrame]


def looked_at(table: type[Table]) -> list[str]:
    """The columns of a table that a profile needs: its key, and what figures and examples are made of."""
    if table is raw.Quarantine:
        return table.column_names()
    return [name for name in table.column_names() if name in (*table.primary_key(), *_LOOKED_AT)]


@dataclass(frozen=True)
class Profile:
    """What a table looks like by day: `days` has `date` and a Float64 column per check; `figures` the rows behind."""

    days: pl.DataFrame
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Figure:
    """`date` and `figure` per day that has one; the rows behind it, and by what the most telling of them come first."""

    days: pl.DataFrame
    rows: pl.DataFrame
    telling: str = ""


def profiles(source: Source, frames: Frames, days: Sequence[date], closed: Collection[date]) -> dict[str, Profile]:
    """Table name → the profile of `days`.

    `frames` hold, of every table of the source and of raw.quarantine, the rows of `days` and of the HISTORY days before
    the first of them, sorted by day and key. `closed` are the days without trade.
    """
    tables = [table for table in frames if table is not raw.Quarantine]
    seen = {table: _seen_in_time(source, table, frames[table]) for table in tables}
    faulty = _faulty(frames[raw.Quarantine])
    calendar = _calendar(seen, days)
    judged = pl.DataFrame({"date": sorted(set(days) - set(closed))}, schema={"date": pl.Date})
    settled = _usual(calendar.with_columns(value=0)).select("date")
    found = {}
    for table, rows in seen.items():
        figures = _figures(source, table, rows, seen, calendar)
        figures["quarantine"] = _quarantine(rows, faulty.filter(table=table.table_name()), calendar)
        of_days = pl.DataFrame({"date": sorted(days)}, schema={"date": pl.Date})
        for check, figure in figures.items():
            column = figure.days.select("date", pl.col("figure").cast(pl.Float64).round(4).alias(check))
            known = column.join(settled if check in _NEED_HISTORY else judged, on="date", how="semi")
            of_days = of_days.join(known.join(judged, on="date", how="semi"), on="date", how="left")
        found[table.table_name()] = Profile(of_days.sort("date"), figures)
    return found


def _seen_in_time(source: Source, table: type[Table], frame: pl.DataFrame) -> pl.DataFrame:
    """The rows known before the cut-off of their own day, the latest of each key; the day is in column `date`.

    Rows that bear no moment all count.
    """
    frame = frame.rename({table.partition(): "date"})
    moment = next((name for name in _MOMENTS if name in frame.columns), None)
    if moment is None:
        return frame
    key = ["date" if name == table.partition() else name for name in table.order() if name != "known_at"]
    rows = _kept(frame, (pl.col(moment) < instant_of("date", source.cutoff)).fill_null(True))
    return _kept(rows, pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(-1)) for name in key))


def _kept(rows: pl.DataFrame, kept: pl.Expr) -> pl.DataFrame:
    """The rows kept; the frame itself, no copy of it, where that is all."""
    mask = rows.select(kept.alias("kept")).to_series()
    return rows if mask.all() else rows.filter(mask)


def _calendar(seen: Frames, days: Sequence[date]) -> pl.DataFrame:
    """Every day from HISTORY days before `days` on: `date`, and whether it had `trade`."""
    dates = pl.date_range(min(days) - timedelta(days=HISTORY), max(days), eager=True).alias("date")
    busy = pl.concat([seen[table]["date"].unique() for table in (raw.Listings, raw.Sales)]).unique()
    return pl.DataFrame({"date": dates, "trade": dates.is_in(busy.to_list())})


def _figures(
    source: Source, table: type[Table], rows: pl.DataFrame, seen: Frames, calendar: pl.DataFrame
) -> dict[str, Figure]:
    """Check → its figure, of all checks there are of a table."""
    figures = {"volume": _volume(rows, calendar)}
    if table in (raw.Prices, raw.CompetitorSnapshots):
        key = [name for name in table.primary_key() if name not in (table.partition(), "known_at")]
        priced = _beside_usual(rows.with_columns(amount=pl.col("price").cast(pl.Float64)), key)
        figures |= {"price_level": _price_level(priced), "price_jumps": _price_jumps(priced)}
        figures["currencies"] = _currencies(rows, calendar)
    if table is raw.Prices:
        figures["coverage"] = _coverage(seen[raw.Listings], rows)
    if table is raw.Sales:
        sold = rows.filter(pl.col("units") > 0)
        paid = sold.with_columns(amount=pl.col("revenue").cast(pl.Float64) / pl.col("units"))
        figures["price_level"] = _price_level(_beside_usual(paid, _PAIR))
        figures |= {"units": _units(sold, "units", calendar), "currencies": _currencies(rows, calendar)}
        figures |= {"references": _references(sold, seen[raw.Listings]), "repeated": _repeated(rows)}
        figures["freshness"] = _freshness(source, rows, "known_at")
    if table is raw.Stock:
        figures |= {"units": _units(rows, "on_hand", calendar), "freshness": _freshness(source, rows, "known_at")}
        figures["references"] = _references(rows, seen[raw.Listings])
    if table is raw.CompetitorSnapshots:
        figures["freshness"] = _freshness(source, rows, "captured_at")
        figures["references"] = _references(rows, seen[raw.Listings])
    return figures


def _volume(rows: pl.DataFrame, calendar: pl.DataFrame) -> Figure:
    """Rows of the day ÷ the usual number."""
    counted = calendar.join(rows.group_by("date").len("value"), on="date", how="left", maintain_order="left")
    usual = _usual(counted.with_columns(pl.col("value").fill_null(0).cast(pl.Int64)))
    ratio = (pl.col("value") + CHANCE) / (pl.col("usual") + CHANCE)
    return Figure(usual.filter(pl.col("usual") > 0).select("date", ratio.alias("figure")), rows)


def _faulty(quarantined: pl.DataFrame) -> pl.DataFrame:
    """Rows of raw.quarantine at fault on the day in `date`: no strays, none set aside for the shop's own reasons.

    `sku` and `market` are those of the record, null where it has none.
    """
    elsewhere = pl.col("rule").str.starts_with(OWN_REASON) | is_stray()
    of_pair = [pl.col("record").str.json_path_match(f"$.{name}").alias(name) for name in _PAIR]
    return quarantined.rename({"received_on": "date"}).filter(~elsewhere).with_columns(of_pair)


def _quarantine(rows: pl.DataFrame, faulty: pl.DataFrame, calendar: pl.DataFrame) -> Figure:
    """Share of rows in quarantine beyond the usual share; of sales, lines."""
    size = pl.col("source_lines").sum() if "source_lines" in rows.columns else pl.len().cast(pl.Int64)
    good = rows.group_by("date").agg(size.alias("good"))
    bad = faulty.group_by("date").agg(pl.len().cast(pl.Int64).alias("bad"))
    counted = calendar.join(good, on="date", how="left").join(bad, on="date", how="left", maintain_order="left")
    counted = counted.with_columns(pl.col("good", "bad").fill_null(0))
    counted = counted.with_columns(rows=pl.col("good") + pl.col("bad"))
    counted = counted.with_columns(
        value=pl.col("bad") / pl.col("rows"), trade=pl.col("trade") & (pl.col("rows") >= LEAST_ROWS)
    )
    usual = _usual(counted).filter(pl.col("rows") >= LEAST_ROWS)
    beyond = (pl.col("value") - pl.col("usual")) * pl.col("rows") / (pl.col("rows") + ORDINARY)
    return Figure(usual.select("date", beyond.alias("figure")), faulty)


def _units(rows: pl.DataFrame, column: str, calendar: pl.DataFrame) -> Figure:
    """Units of a typical row, their geometric mean, ÷ the usual: one large order moves it little."""
    logarithm = (pl.col(column).log1p() * _MILLIONTHS).round().cast(pl.Int64)  # whole numbers add up in any order
    mean = rows.group_by("date").agg(logarithm.sum() // pl.len(), pl.len().alias("rows"))
    typical = calendar.join(mean.rename({column: "value"}), on="date", how="left", maintain_order="left")
    typical = typical.with_columns(trade=pl.col("trade") & (pl.col("rows") >= LEAST_ROWS))
    usual = _usual(typical).filter(pl.col("rows") >= LEAST_ROWS)
    ratio = ((pl.col("value") - pl.col("usual")) / _MILLIONTHS).exp()
    return Figure(usual.select("date", ratio.alias("figure")), rows, column)


def _usual(values: pl.DataFrame) -> pl.DataFrame:
    """`values` (date, trade, value) with `usual`: the median of the days of trade before, of the weekday's if it can.

    Only days with LEAST_DAYS days of trade among the HISTORY before them.
    """
    ages = pl.DataFrame({"age": range(1, HISTORY + 1)}, schema={"age": pl.Int64})
    before = values.filter("trade").select("value", earlier="date").join(ages, how="cross")
    before = before.with_columns(date=pl.col("earlier") + pl.duration(days="age"))
    same = pl.col("value").filter(pl.col("age") % 7 == 0)
    usual = pl.when(same.len() >= _LEAST_SAME_WEEKDAYS).then(same.median()).otherwise(pl.col("value").median())
    found = before.group_by("date").agg(usual.alias("usual"), pl.len().alias("days"))
    return values.join(found.filter(pl.col("days") >= LEAST_DAYS), on="date", how="inner", maintain_order="left")


def _beside_usual(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """`rows` with `usual`, the median `amount` of the same key in the HISTORY days before, and how far it moved.

    `times` is the ratio, `far` how many times dearer or cheaper, 1 or more.
    """
    usual = pl.col("amount").rolling_median_by("date", f"{HISTORY}d", closed="left", min_samples=_LEAST_AMOUNTS)
    beside = rows.sort(*key, "date").with_columns(usual.over(key).alias("usual")).filter(pl.col("usual") > 0)
    moved = beside.with_columns(times=pl.col("amount") / pl.col("usual")).filter(pl.col("times") > 0)
    return moved.with_columns(far=pl.max_horizontal(pl.col("times"), 1 / pl.col("times")))


def _price_level(priced: pl.DataFrame) -> Figure:
    """The middle `times` of the market furthest from 1, either way."""
    middle = priced.group_by("date", "market").agg(pl.col("times").median(), pl.len().alias("rows"))
    middle = middle.filter(pl.col("rows") >= LEAST_ROWS)
    distance = pl.max_horizontal(pl.col("times"), 1 / pl.col("times"))
    figure = middle.group_by("date").agg(pl.col("times").sort_by(distance, "times").last().alias("figure"))
    return Figure(figure, priced, "far")


def _price_jumps(priced: pl.DataFrame) -> Figure:
    """Share of rows with a price JUMP times the usual, or a JUMPth of it."""
    return _share(priced, pl.col("far") >= JUMP, priced, "far")


def _currencies(rows: pl.DataFrame, calendar: pl.DataFrame) -> Figure:
    """Share of rows in a currency beyond the part it had of the market's rows in the HISTORY days before."""
    counts = rows.group_by("date", "market", "currency").len("rows")
    ages = pl.DataFrame({"age": range(1, HISTORY + 1)}, schema={"age": pl.Int64})
    before = counts.join(ages, how="cross").with_columns(date=pl.col("date") + pl.duration(days="age"))
    usual = before.group_by("date", "market", "currency").agg(usual=pl.col("rows").sum())
    of_market = before.group_by("date", "market").agg(usual_rows=pl.col("rows").sum(), days=pl.col("age").n_unique())
    today = counts.join(usual, on=["date", "market", "currency"], how="left")
    today = today.join(of_market.filter(pl.col("days") >= LEAST_DAYS), on=["date", "market"], how="inner")
    expected = pl.col("usual").fill_null(0) / pl.col("usual_rows")
    excess = (pl.col("rows") - expected * pl.col("rows").sum().over("date", "market")).clip(lower_bound=0)
    shares = today.with_columns(excess=excess).group_by("date").agg(pl.col("excess").sum(), pl.col("rows").sum())
    figure = shares.filter(pl.col("rows") >= LEAST_ROWS).select("date", figure=pl.col("excess") / pl.col("rows"))
    strange = rows.join(today.select("date", "market", "currency", excess=excess), on=["date", "market", "currency"])
    return Figure(figure, strange, "excess")


def _coverage(listings: pl.DataFrame, prices: pl.DataFrame) -> Figure:
    """Share of what is on sale that has a price."""
    on_sale, priced = listings.filter("on_sale"), prices.select("date", *_PAIR).unique()
    marked = on_sale.join(priced.with_columns(has=True), on=["date", *_PAIR], how="left")
    return _share(marked, pl.col("has").is_not_null(), marked.filter(pl.col("has").is_null()))


def _references(rows: pl.DataFrame, listings: pl.DataFrame) -> Figure:
    """Share of rows whose pair has a listing that day."""
    listed = listings.select("date", *_PAIR).unique().with_columns(listed=True)
    marked = rows.join(listed, on=["date", *_PAIR], how="left")
    return _share(marked, pl.col("listed").is_not_null(), marked.filter(pl.col("listed").is_null()))


def _repeated(sales: pl.DataFrame) -> Figure:
    """Share of rows found with the same values on the last day before that had any."""
    busy = sales["date"].unique().sort()
    previous = pl.DataFrame({"date": busy, "previous": busy.shift(1)})
    values = [*_PAIR, "units", "returned_units", "revenue"]
    then = sales.select(pl.col("date").alias("previous"), *values).with_columns(same=True)
    now = sales.join(previous, on="date", how="left").join(then, on=["previous", *values], how="left")
    sizes = sales.group_by("date").len("rows")
    counted = sizes.join(previous, on="date").join(sizes.rename({"date": "previous", "rows": "before"}), on="previous")
    same = now.filter("same").group_by("date").len("same")
    enough = counted.filter(pl.min_horizontal("rows", "before") >= LEAST_ROWS).join(same, on="date", how="left")
    share = pl.col("same").fill_null(0) / pl.max_horizontal("rows", "before")
    return Figure(enough.select("date", share.alias("figure")), now.filter("same"))


def _freshness(source: Source, rows: pl.DataFrame, moment: str) -> Figure:
    """Hours from the newest row's moment to the cut-off of its day."""
    newest = rows.filter(pl.col(moment).is_not_null()).group_by("date").agg(pl.col(moment).max())
    left = instant_of("date", source.cutoff) - pl.col(moment)
    hours = newest.select("date", figure=left.dt.total_seconds() / 3600)
    return Figure(hours, rows, moment)


def _share(rows: pl.DataFrame, holds: pl.Expr, behind: pl.DataFrame, telling: str = "") -> Figure:
    """Share of a day's rows for which something holds, from LEAST_ROWS rows on."""
    shares = rows.group_by("date").agg(holds.mean().alias("figure"), pl.len().alias("rows"))
    return Figure(shares.filter(pl.col("rows") >= LEAST_ROWS).select("date", "figure"), behind, telling)


def examples(figure: Figure, day: date, number: int = 3) -> list[str]:
    """A few of the rows behind a day's figure, the most telling first, in words."""
    rows = figure.rows.filter(pl.col("date") == day)
    by = [figure.telling] if figure.telling else []
    names = [name for name in _PAIR if name in rows.columns]
    descending = [*(True for _ in by), *(False for _ in names)]
    first = rows.sort(*by, *names, descending=descending, nulls_last=True, maintain_order=True)
    return [_words(row) for row in first.head(number).iter_rows(named=True)]


def _words(row: Mapping[str, object]) -> str:
    name = " in ".join(str(row[part]) for part in _PAIR if row.get(part) is not None) or "a row"
    facts = [f"{fact} {row[fact]}" for fact in _SHOWN if row.get(fact) is not None]
    return f"{name} ({', '.join(facts)})" if facts else name
