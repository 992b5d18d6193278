"""The contract of a table, applied to a frame about to be committed.

Here: dataframely's verdict put into words a person can act on. Not here: the rules, which stand in `tables/`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import dataframely as dy
import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake.hashing import canonical, ordered
from pricing_assets.tables.base import Table

_EXAMPLES = 3
_REMEDY = "mend the rows or what produced them; nothing was committed"


def dtypes(table: type[Table]) -> dict[str, pl.DataType]:
    """Column → dtype, as the table's class declares them."""
    return {name: column.dtype for name, column in table.columns().items()}


def empty(table: type[Table], columns: Collection[str] | None = None) -> pl.DataFrame:
    """A frame of no rows with the table's columns, or those asked for."""
    return pl.DataFrame(schema={n: t for n, t in dtypes(table).items() if columns is None or n in columns})


def checked(frame: pl.DataFrame, table: type[Table], days: Collection[date]) -> pl.DataFrame:
    """The table's columns and rows in canonical order, or a PricingError naming table, column, rule and rows.

    Rows must satisfy the table's class and be dated in `days`.
    """
    rows = _sound(frame, table)
    if rows is None:
        rows = canonical(_judged(frame, table), table)
    stray = rows.filter(~pl.col(table.partition()).is_in(list(days))).get_column(table.partition())
    if stray.len():
        found = ", ".join(str(day) for day in stray.unique().sort().head(_EXAMPLES))
        raise PricingError(
            f"{table.table_name()}: {counted(stray.len(), 'row')} dated {found}, outside the days being committed",
            f"commit only rows whose {table.partition()} is among the days asked for",
        )
    return rows


def _sound(frame: pl.DataFrame, table: type[Table]) -> pl.DataFrame | None:
    """The rows in canonical order where they keep every rule of the class; None where one is broken, or may be.

    The rules are the class's own, dataframely's; only that a key occurs once is read off the order of the rows
    instead of a hash table over all keys, and no verdict is kept per row.
    """
    if list(frame.schema.items()) != list(dtypes(table).items()):
        return None
    rows, unique = ordered(frame, table)
    rules = {
        name: rule.expr for name, rule in table._validation_rules(with_cast=False).items() if name != "primary_key"
    }
    # a rule that is null holds, as in dataframely
    broken = rows.select((~rule).any().alias(name) for name, rule in rules.items())
    return rows if unique and not any(broken.row(0)) else None


def _judged(frame: pl.DataFrame, table: type[Table]) -> pl.DataFrame:
    """The frame with the table's columns, judged by dataframely row by row, or a PricingError."""
    name = table.table_name()
    try:
        rows, failure = table.filter(frame)
    except dy.exc.SchemaError as fault:
        what = " ".join(str(fault).split("Resolved plan")[0].split())
        raise PricingError(f"{name}: {what}", "give the table exactly the columns and dtypes of its class") from fault
    if len(failure):
        raise PricingError(f"{name}: {_broken_rules(failure, table)}", _REMEDY)
    return rows


def _broken_rules(failure: dy.FailureInfo, table: type[Table]) -> str:
    invalid = failure.details()
    found = []
    for rule, count in failure.counts().items():
        column, _, check = rule.rpartition("|")
        rows = invalid.filter(pl.col(rule).cast(pl.String) == "invalid").head(_EXAMPLES)
        shown = [*table.order(), *([column] if column and column not in table.order() else [])]
        where = f"column {column} breaks" if column else "rows break"
        examples = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in rows.select(shown).to_dicts())
        found.append(f"{where} the rule {check!r} in {counted(count, 'row')}, e.g. {examples}")
    return ". ".join(found)
