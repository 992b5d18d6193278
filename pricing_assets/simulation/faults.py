"""Malformed rows: what a sane contract refuses, in every table, few enough that no day stops for them.

Here: the kinds of faults, and which day gets how many. Not here: the contract that refuses them (sources/contracts.py).

A malformed row is a good row of the day with something broken. Dates are text, so that impossible ones can exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import polars as pl
import polars.selectors as cs

from pricing_assets.simulation.randomness import Ints, stream
from pricing_assets.simulation.settings import MarketSettings

DAILY_SHARE = 0.02
"""Most rows of a table's day that are spoilt; a row that contradicts another counts once, so twice that at worst."""

STRAY_SHARE = 0.0005
"""Share of a table's rows beside which one without a usable date turns up."""

CONTRADICTION = "contradiction"
DAYS = {"prices": "date", "sales": "date", "stock": "date", "promotions": "known_on", "competitor_snapshots": "date"}
"""Tables with a day, and its column."""

_SPOILT_A_DAY = {"prices": 1.0, "sales": 0.9, "stock": 1.0, "promotions": 8.0, "competitor_snapshots": 2.0}
_EMPTY, _NOWHERE, _NO_MONEY = pl.lit(""), pl.lit("ZZ"), pl.lit("XXX")


def _money(value: float | None) -> pl.Expr:
    return pl.lit(value).cast(pl.Decimal(18, 4))


def _both(value: pl.Expr) -> dict[str, pl.Expr]:
    return {"list_price": value, "current_price": value}


def _hundredfold(*columns: str) -> dict[str, pl.Expr]:
    """Amounts in pence or cents, in a currency that says so and that nobody knows."""
    wrong = {column: (pl.col(column) * 100).cast(pl.Decimal(18, 4)) for column in columns}
    return {**wrong, "currency": pl.lit("GBX")}


KINDS: Mapping[str, Mapping[str, Mapping[str, pl.Expr]]] = {
    "products": {
        "pack_of_nothing": {"pack_quantity": pl.lit(0.0)},
        "empty_sku": {"sku": _EMPTY},
        "negative_pack": {"pack_quantity": pl.lit(-1.0)},
    },
    "listings": {
        "unknown_market": {"market": _NOWHERE},
        "empty_sku": {"sku": _EMPTY},
    },
    "prices": {
        "zero_price": _both(_money(0)),
        "negative_price": _both(_money(-9.99)),
        "null_price": _both(_money(None)),
        "negative_cost": {"cost": _money(-1)},
        "unknown_currency": {"currency": _NO_MONEY},
        "hundredfold": _hundredfold("list_price", "current_price", "cost"),
        "unknown_market": {"market": _NOWHERE},
        "empty_sku": {"sku": _EMPTY},
        CONTRADICTION: {name: pl.col(name) + _money(1) for name in ("list_price", "current_price")},
    },
    "sales": {
        "negative_units": {"units": -pl.col("units") - 1},
        "null_units": {"units": pl.lit(None, dtype=pl.Int64)},
        "no_revenue": {"revenue": _money(None)},
        "negative_revenue": {"revenue": _money(-5)},
        "negative_returns": {"returned_units": pl.lit(-1, dtype=pl.Int64)},
        "no_lines": {"source_lines": pl.lit(0, dtype=pl.Int64)},
        "unknown_currency": {"currency": _NO_MONEY},
        "hundredfold": _hundredfold("revenue"),
        "unknown_market": {"market": _NOWHERE},
        "empty_sku": {"sku": _EMPTY},
        CONTRADICTION: {"units": pl.col("units") + 1},
    },
    "stock": {
        "negative_stock": {"on_hand": -pl.col("on_hand") - 1},
        "null_stock": {"on_hand": pl.lit(None, dtype=pl.Int64)},
        "negative_opening": {"opening": pl.lit(-1, dtype=pl.Int64)},
        "day_of_25_hours": {"sold_out_hours": pl.lit(25.0)},
        "negative_hours": {"sold_out_hours": pl.lit(-1.0)},
        "received_tomorrow": {"oldest_received_on": pl.col("date").str.to_date().dt.offset_by("1d").cast(pl.String)},
        "received_never": {"oldest_received_on": pl.lit("2026-02-31")},
        "unknown_market": {"market": _NOWHERE},
        "empty_sku": {"sku": _EMPTY},
        CONTRADICTION: {"on_hand": pl.col("on_hand") + 1},
    },
    "promotions": {
        "zero_price": {"planned_price": _money(0)},
        "negative_price": {"planned_price": _money(-9.99)},
        "unknown_currency": {"currency": _NO_MONEY},
        "impossible_target": {"target_date": pl.lit("2026-02-31")},
        "unknown_market": {"market": _NOWHERE},
        "empty_sku": {"sku": _EMPTY},
    },
    "competitor_snapshots": {
        "zero_price": {"price": _money(0)},
        "negative_price": {"price": _money(-9.99)},
        "null_price": {"price": _money(None)},
        "negative_shipping": {"shipping": _money(-4.9)},
        "unknown_currency": {"currency": _NO_MONEY},
        "hundredfold": _hundredfold("price"),
        "surer_than_sure": {"match_confidence": pl.lit(1.7)},
        "captured_later": {"captured_at": pl.col("captured_at") + pl.duration(days=3)},
        "no_tax_basis": {"tax_basis": pl.lit("brutto")},
        "nobody": {"competitor": _EMPTY},
        "unknown_market": {"market": _NOWHERE},
        "empty_sku": {"sku": _EMPTY},
        CONTRADICTION: {"price": pl.col("price") + _money(1)},
    },
}
"""Table → kind → the columns it breaks."""


def spoil(settings: MarketSettings, frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Malformed rows of every table, beside its good ones: columns of the frames, dates as text, and `fault`."""
    spoilt = {name: _spoilt(settings, name, frame) for name, frame in frames.items()}
    return spoilt if settings.faulty else {name: rows.clear() for name, rows in spoilt.items()}


def twice(settings: MarketSettings, frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The frames with some rows delivered twice, next to each other."""
    repeated = {}
    for name, day in DAYS.items():
        chosen = _chosen(settings, f"twice {name}", frames[name], day, _SPOILT_A_DAY[name] / 8)
        number = np.arange(frames[name].height)
        repeated[name] = frames[name][np.sort(np.concatenate([number, chosen]))]
    return frames | repeated


def _spoilt(settings: MarketSettings, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    kinds = list(KINDS[name])
    if name in DAYS:
        chosen = _chosen(settings, f"faults {name}", frame, DAYS[name], _SPOILT_A_DAY[name])
    else:
        chosen = np.arange(frame.height)[: min(int(DAILY_SHARE * frame.height), len(kinds))]
    base = _as_text(frame[chosen])
    base = base.with_columns(fault=pl.Series(np.resize(kinds, len(chosen)), dtype=pl.String))
    parts = [_broken(base.filter(fault=kind), kind, KINDS[name][kind]) for kind in kinds]
    return pl.concat([*parts, *(_strays(settings, name, frame) if name in DAYS else [])])


def _broken(rows: pl.DataFrame, kind: str, change: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The rows with their columns broken; two rows that contradict each other are about a SKU nobody lists."""
    if kind != CONTRADICTION:
        return rows.with_columns(**change)
    rows = rows.with_columns(sku=pl.col("sku") + "-B")
    return pl.concat([rows, rows.with_columns(**change)])


def _strays(settings: MarketSettings, name: str, frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows without a usable date, or dated in the future."""
    later = settings.last_day + timedelta(days=400)
    days = {"impossible_date": "2026-02-31", "date_of_zeros": "00000000", "no_date": "", "future_date": str(later)}
    number = round(STRAY_SHARE * frame.height)
    place = stream(settings.seed, f"strays of {name}").integers(0, max(frame.height, 1), number)
    base = _as_text(frame[place]).with_columns(fault=pl.Series(np.resize(list(days), number), dtype=pl.String))
    return [base.filter(fault=kind).with_columns(pl.lit(day).alias(DAYS[name])) for kind, day in days.items()]


def _chosen(settings: MarketSettings, purpose: str, frame: pl.DataFrame, day: str, a_day: float) -> Ints:
    """Places of rows to spoil: about `a_day` of each day, never more than DAILY_SHARE of it."""
    counts = frame.group_by(day).len().sort(day)["len"].to_numpy().astype(np.int64)
    draw = stream(settings.seed, purpose)
    number = np.minimum(draw.poisson(a_day, len(counts)), (DAILY_SHARE * counts).astype(np.int64))
    first = np.repeat(np.cumsum(counts) - counts, number)
    order = np.argsort(frame[day].to_physical().to_numpy(), kind="stable")
    return np.unique(order[first + (draw.random(len(first)) * np.repeat(counts, number)).astype(np.int64)])


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Dates as ISO text, labels as text."""
    return frame.with_columns(pl.col(pl.Date).cast(pl.String), cs.enum().cast(pl.String))
