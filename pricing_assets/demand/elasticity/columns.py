"""Columns of a panel that says what prices did: which is which, in which types.

Here: their names, and refusing what cannot be meant. Not here: rows that are left out (observations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import polars as pl

from pricing_assets.errors import PricingError

ID, DATE, Y = "unique_id", "ds", "y"
_USUAL = {
    "regular_price": ("regular_price", "base_price", "list_price"),
    "sku": ("sku", "item", "product"),
    "category": ("category",),
    "zone": ("zone", "price_zone"),
    "censored": ("censored", "sold_out"),
}
_USUAL_PROMOTIONS = ("feature", "feat", "display", "deal", "promotion")
_RIVAL = "rival_"


@dataclass(frozen=True)
class Columns:
    """Names of a panel's columns beyond unique_id, ds (date) and y (units).

    `price` is what was asked; `regular_price` what it is without promotion (derived where None). `promotions` are flags
    or numbers, 0 without; `rivals` prices others ask; `controls` anything else that moves demand. `sku` names series
    that are one product in several markets, `category` what SKUs are compared with, `zone` where a price is set,
    `censored` is true where it was sold out.
    """

    price: str = "price"
    regular_price: str | None = None
    promotions: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    sku: str | None = None
    category: str | None = None
    zone: str | None = None
    censored: str | None = None

    @property
    def numbers(self) -> list[str]:
        """The columns that hold numbers, y first."""
        optional = [self.regular_price] if self.regular_price else []
        return [Y, self.price, *optional, *self.promotions, *self.rivals, *self.controls]

    @property
    def names(self) -> list[str]:
        """The columns that name something."""
        return [name for name in (self.sku, self.category, self.zone) if name]


def found(names: Sequence[str], given: Columns) -> Columns:
    """The columns given, and where none are, those of `names` that are usually called so.

    >>> found(["unique_id", "ds", "y", "price", "base_price", "rival_a"], Columns()).regular_price
    'base_price'
    """
    usual = {field: next((name for name in named if name in names), None) for field, named in _USUAL.items()}
    single = {field: getattr(given, field) or value for field, value in usual.items()}
    taken = {name for name in single.values() if name} | {given.price, *given.controls}
    promotions = given.promotions or tuple(n for n in _USUAL_PROMOTIONS if n in names and n not in taken)
    rivals = given.rivals or tuple(n for n in names if n.startswith(_RIVAL) and n not in taken)
    return Columns(given.price, promotions=promotions, rivals=rivals, controls=given.controls, **single)


def checked(frame: pl.DataFrame, columns: Columns, name: str = "panel") -> pl.DataFrame:
    """The panel with these columns alone, typed, sorted by unique_id and ds.

    Raises PricingError for a missing column, text where numbers belong, dates that are none, no rows, a column named
    twice, a SKU, category or zone that changes within a series. Rows that are merely wrong stay, for observations.
    """
    wanted = [ID, DATE, *columns.numbers, *columns.names, *([columns.censored] if columns.censored else [])]
    if missing := [column for column in wanted if column not in frame.columns]:
        there = ", ".join(frame.columns)
        raise PricingError(f"{name}: no column {', '.join(missing)}; there are {there}", _remedy(missing[0], columns))
    if twice := sorted({column for column in wanted if wanted.count(column) > 1}):
        raise PricingError(f"{name}: column {twice[0]} is named for two things", "a column has one meaning")
    if frame.is_empty():
        raise PricingError(f"{name}: no rows", "give at least one series")
    frame = frame.select(
        pl.col(ID).cast(pl.String),
        _date(frame, name),
        *(_number(frame, column, name) for column in columns.numbers),
        *(pl.col(column).cast(pl.String) for column in columns.names),
        *([pl.col(columns.censored).cast(pl.Boolean).fill_null(value=False)] if columns.censored else []),
    )
    for column in (ID, DATE):
        if frame[column].null_count():
            raise PricingError(f"{name}: {frame[column].null_count()} rows without {column}", "give it in every row")
    for column in columns.names:
        _require_constant(frame, column, name)
    return frame.sort(ID, DATE, Y, columns.price, nulls_last=True)


def _remedy(missing: str, columns: Columns) -> str:
    said = {getattr(columns, field.name): field.name for field in fields(columns) if field.name != "promotions"}
    option = said.get(missing)
    return f"name it by --{option.replace('_', '-')}" if option else "name columns as they are in the file"


def _date(frame: pl.DataFrame, name: str) -> pl.Expr:
    dtype = frame.schema[DATE]
    if dtype == pl.String:
        wrong = frame.filter(pl.col(DATE).is_not_null() & pl.col(DATE).str.to_date(strict=False).is_null())
        if wrong.height:
            raise PricingError(f"{name}: ds {wrong[DATE][0]!r} is no date", "write dates as YYYY-MM-DD")
        return pl.col(DATE).str.to_date()
    if not dtype.is_temporal() or dtype in (pl.Time, pl.Duration):
        raise PricingError(f"{name}: ds is {dtype}, expected dates", "write dates as YYYY-MM-DD")
    return pl.col(DATE).cast(pl.Date)


def _number(frame: pl.DataFrame, column: str, name: str) -> pl.Expr:
    dtype = frame.schema[column]
    if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
        texts = frame.filter(pl.col(column).is_not_null() & pl.col(column).cast(pl.Float64, strict=False).is_null())
        shown = repr(texts[column][0]) if texts.height else str(dtype)
        raise PricingError(f"{name}: {column} {shown} is no number", "write numbers with a decimal point")
    return pl.col(column).cast(pl.Float64).fill_nan(None)


def _require_constant(frame: pl.DataFrame, column: str, name: str) -> None:
    kinds = frame.group_by(ID).agg(pl.col(column).n_unique(), pl.col(column).null_count().alias("missing")).sort(ID)
    if changing := kinds.filter(pl.col(column) > 1)[ID].to_list():
        what = f"{name}: {column} of {changing[0]} changes over time ({len(changing)} series)"
        raise PricingError(what, f"give one {column} per unique_id")
    if missing := kinds.filter(pl.col("missing") > 0)[ID].to_list():
        raise PricingError(f"{name}: {missing[0]} has no {column}", f"give one {column} per unique_id")
