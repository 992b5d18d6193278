"""From the types a SELECT yields to the types of a table, column by column, without losing anything silently.

Here: which DuckDB types may become which column, and the conversion. A value that cannot be converted becomes null
and is named; nothing is rounded but the float noise of a DOUBLE. Not here: whether a converted value is allowed.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pricing_assets.tables.money import AT_REST

FLOAT_NOISE = 1e-7
_WIDE = pl.Decimal(38, 10)
_TRUE, _FALSE = ["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]
_NUMBERS = {"integer", "decimal", "float", "text"}
_ADMITTED: list[tuple[type[dy.Column], set[str], str]] = [
    (dy.Date, {"date", "timestamp", "text"}, "a date (DATE, or text as YYYY-MM-DD)"),
    (dy.Datetime, {"date", "timestamp", "text"}, "a point in time (TIMESTAMP, local unless it has a zone)"),
    (dy.Decimal, _NUMBERS, "an amount (DECIMAL, an integer, DOUBLE, or text with a decimal point)"),
    (dy.Int64, _NUMBERS, "a whole number"),
    (dy.Float64, _NUMBERS, "a finite number"),
    (dy.Bool, {"boolean", "integer", "text"}, "true or false"),
    (dy.Enum, {"text"}, "text"),
    (dy.String, {"text", "integer"}, "text (VARCHAR)"),
]


def family(kind: str) -> str:
    """The family of a DuckDB type: text, integer, decimal, float, boolean, date, timestamp, null or other.

    >>> family("DECIMAL(18,2)"), family("HUGEINT"), family("STRUCT(a INTEGER)")
    ('decimal', 'integer', 'other')
    """
    base = kind.split("(", maxsplit=1)[0].strip('"').upper()
    if kind.endswith("]"):
        return "other"
    if base.startswith("TIMESTAMP"):
        return "timestamp"
    if base in ("VARCHAR", "ENUM", "UUID"):
        return "text"
    if base.removeprefix("U") in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"):
        return "integer"
    if base in ("FLOAT", "DOUBLE"):
        return "float"
    return base.lower() if base in ("DECIMAL", "BOOLEAN", "DATE", "NULL") else "other"


def admits(column: dy.Column, kind: str) -> bool:
    """Whether values of a DuckDB type may become values of the column."""
    return family(kind) == "null" or family(kind) in _entry(column)[1]


def expected(column: dy.Column) -> str:
    """What a value of the column may be, for a person: `an amount (DECIMAL, …)`."""
    if isinstance(column, dy.Enum):
        return f"one of {', '.join(column.categories)}"
    if isinstance(column, dy.Decimal):
        return f"a finite amount with at most {column.scale} decimals"
    return _entry(column)[2]


def temporal(column: dy.Column) -> str | None:
    """The type the reader converts the column to, or None where it is converted here."""
    return {"Date": "DATE", "Datetime": "TIMESTAMPTZ"}.get(type(column).__name__)


def given(name: str, have: pl.DataType) -> pl.Expr:
    """Whether there is a value at all; blank text is none, unless the column is text itself."""
    value = pl.col(name)
    if have in (pl.String, pl.Categorical, pl.Enum):
        return value.is_not_null() & (value.cast(pl.String).str.strip_chars() != "")
    return value.is_not_null()


def converted(name: str, have: pl.DataType, column: dy.Column) -> pl.Expr:
    """The column's values in the table's type; null where there is none or it does not convert."""
    value = pl.col(name)
    if have in (pl.Categorical, pl.Enum):
        value, have = value.cast(pl.String), pl.String()
    text = value.str.strip_chars() if have == pl.String else value
    if isinstance(column, dy.String):
        return value.cast(pl.String)
    if isinstance(column, dy.Enum):
        return text.cast(pl.Enum(column.categories), strict=False)
    if isinstance(column, dy.Bool):
        return _truth(text, have)
    if isinstance(column, dy.Float64):
        number = text.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
    return _exact(text, have, AT_REST if isinstance(column, dy.Decimal) else pl.Int64())


def _truth(value: pl.Expr, have: pl.DataType) -> pl.Expr:
    if have == pl.Boolean:
        return value
    text = value.cast(pl.String).str.to_lowercase()
    return pl.when(text.is_in(_TRUE)).then(True).when(text.is_in(_FALSE)).then(False)


def _exact(value: pl.Expr, have: pl.DataType, want: pl.DataType) -> pl.Expr:
    """A number cast to `want` where that changes nothing but float noise, else null."""
    if have.is_float():
        rounded = value.round() if want == pl.Int64 else value
        cast = pl.when(value.is_finite()).then(rounded).cast(want, strict=False)
        noise = (cast.cast(pl.Float64) - value).abs() <= FLOAT_NOISE + value.abs() * 1e-14
        return pl.when(noise).then(cast)
    if have.is_integer():
        return value.cast(want, strict=False)
    exact = value.cast(_WIDE, strict=False)
    cast = exact.cast(want, strict=False)
    return pl.when(cast.cast(_WIDE, strict=False) == exact).then(cast)


def _entry(column: dy.Column) -> tuple[type[dy.Column], set[str], str]:
    return next(entry for entry in _ADMITTED if isinstance(column, entry[0]))
