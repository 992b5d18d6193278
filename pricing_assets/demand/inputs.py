"""What demand is learned from and forecast from: windows of raw tables in the lake, as each day sees them.

Here: reading, and which of the rows a day may use. Not here: what they come to (panels), forecasts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.numbering import CELL, NUMBER, PAIR, numbered
from pricing_assets.demand.panel import ID
from pricing_assets.demand.panels import AHEAD, Panels, daily, series_id, weekly
from pricing_assets.demand.plan import Frequency
from pricing_assets.features import Calendar, visible
from pricing_assets.lake import Lake
from pricing_assets.tables import Table, raw

WINDOW = 400
"""Days of history a day looks back on, itself included."""
COLUMNS: dict[type[Table], tuple[str, ...]] = {
    raw.Products: ("date", "sku", "category"),
    raw.Listings: ("date", "sku", "market", "known_at", "on_sale"),
    raw.Prices: ("date", "sku", "market", "price_type", "known_at", "price", "currency", "price_kind"),
    raw.Sales: ("date", "sku", "market", "known_at", "units"),
    raw.Stock: ("date", "sku", "market", "known_at", "on_hand", "sold_out_hours"),
    raw.Promotions: (
        *("known_on", "target_date", "sku", "market"),
        *("planned_price", "currency", "feature", "display"),
    ),
    raw.CompetitorSnapshots: ("date", "sku", "market", "competitor", "price", "currency", "in_stock"),
}
OF_PANELS: tuple[type[Table], ...] = (
    *(raw.Products, raw.Listings, raw.Prices),
    *(raw.Sales, raw.Stock, raw.Promotions),
)
"""What panels are made of."""
_DATED: dict[type[Table], str] = {raw.Promotions: "target_date"}
"""The column of a table's date, where it is another than `date`."""
_TOLD_BY_TEXT: dict[type[Table], tuple[str, ...]] = {raw.Listings: ("sku", "market"), raw.Sales: ("market",)}
"""What rows with a number are still told apart by: which pairs are on sale, whether a market trades."""


@dataclass(frozen=True)
class Read:
    """Rows of the windows of some days. `settled` rows are seen by every day from their own on, `moving` ones are late
    or corrected: which of them a day sees is asked day by day. By table.

    `pairs` (sku, market, unique_id, series) were ever listed. Rows of tables with markets have their number and cell,
    and settled ones are in its order: else each day of a range would do that anew. Settled ones have it in place of
    what they were numbered by: the texts and times of a year would be half of what is held.
    """

    pairs: pl.DataFrame
    settled: dict[type[Table], pl.DataFrame]
    moving: dict[type[Table], pl.DataFrame]
    calendar: Calendar
    window: int

    def seen(self, day: date, tables: Container[type[Table]] | None = None) -> dict[str, pl.DataFrame]:
        """The rows a day sees in its window, by name of table, in no order; of some of the tables, where given."""
        first = day - timedelta(days=self.window - 1)
        found = {}
        for table, settled in self.settled.items():
            if tables is not None and table not in tables:
                continue
            inside = pl.col(table.partition()).is_between(first, day)
            moving = visible(self.moving[table].filter(inside), table, day, self.calendar)
            found[table.table_name()] = pl.concat([_filtered(settled, inside), moving.select(settled.columns)])
        return found

    def daily(self, day: date, *, ahead: bool = True, with_known: bool = True) -> Panels:
        """The daily panel of a day; without a future where it is not looked `ahead`, and with a history of units alone
        where not `with_known` columns."""
        first, last = day - timedelta(days=self.window - 1), day + timedelta(days=AHEAD)
        span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return daily(self.seen(day, OF_PANELS), self.calendar.holidays(span), day, ahead=ahead, with_known=with_known)

    def panels(self, day: date, *, with_known: bool = True) -> dict[Frequency, Panels]:
        """The daily and the weekly panel of a day; with histories of units alone where not `with_known` columns."""
        of_days = self.daily(day, with_known=with_known)
        return {"D": of_days, "W": weekly(of_days)}


def read(
    lake: Lake,
    days: Sequence[date],
    calendar: Calendar,
    window: int = WINDOW,
    tables: Sequence[type[Table]] = OF_PANELS,
) -> Read:
    """Reads the windows of `days`; a table that was never committed is left out."""
    first, last = min(days) - timedelta(days=window - 1), max(days)
    listed = lake.read(raw.Listings, first, last, columns=PAIR)
    frames = (
        (table, lake.read(table, first, last, columns=list(COLUMNS[table])))
        for table in tables
        if lake.version(table) >= 0
    )
    return sort_out(frames, listed, calendar, window)


def sort_out(
    frames: Iterable[tuple[type[Table], pl.DataFrame]], listed: pl.DataFrame, calendar: Calendar, window: int = WINDOW
) -> Read:
    """Rows of raw tables, told apart by whether every day from their own on sees them; `listed` has sku and market.

    One table after the other: while its rows are put in order they are there twice.
    """
    pairs = listed.select(PAIR).unique().select(*PAIR, series_id()).sort(ID).with_row_index(NUMBER)
    settled: dict[type[Table], pl.DataFrame] = {}
    moving: dict[type[Table], pl.DataFrame] = {}
    for table, rows in frames:
        told = numbered(rows, pairs, _DATED.get(table, "date")) if "market" in rows.columns else rows
        del rows
        late = _moving(told, table, calendar)
        moving[table] = told.filter(late)
        spent = {*PAIR, "known_at"} - {*_TOLD_BY_TEXT.get(table, ())} if CELL in told.columns else ()
        told = _filtered(told.drop(spent, strict=False), pl.lit(~late))
        settled[table] = told.sort(CELL, maintain_order=True) if CELL in told.columns else told
    return Read(pairs, settled, moving, calendar, window)


def _filtered(rows: pl.DataFrame, kept: pl.Expr) -> pl.DataFrame:
    """The rows kept; the frame itself, no copy of it, where that is all."""
    return rows if rows.select(kept.all()).item() else rows.filter(kept)


def _moving(rows: pl.DataFrame, table: type[Table], calendar: Calendar) -> pl.Series:
    """Whether a row was known only after its own day's cut-off, or shares its key with another; or has no number."""
    if "known_at" not in table.columns():
        return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    column = table.partition()
    cutoffs = {day: calendar.cutoff(day) for day in rows[column].unique().to_list()}
    cutoff = pl.col(column).replace_strict(cutoffs, return_dtype=pl.Datetime("us", "UTC"))
    key = [name for name in table.order() if name != "known_at"]
    if CELL in rows.columns:
        key = [CELL, *(name for name in key if name not in (column, *PAIR))]
    late = pl.lit(value=False) if not cutoffs else pl.col("known_at") >= cutoff
    return rows.select((late | pl.struct(key).is_duplicated()).alias("moving")).to_series()
