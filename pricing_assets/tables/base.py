"""What every table has: a name, a partition column, a canonical order and a set of hashed columns.

Here: the base class and the column kinds that several tables share. Not here: any table.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

import dataframely as dy

from pricing_assets.tables.money import CURRENCIES

_COLUMNS: dict[type[dy.Schema], dict[str, dy.Column]] = {}

Kept = Literal["for ever", "evidence", "decisions", "audit"]
"""How long the rows of a day are kept (docs/retention.md): as long as decisions; evidence as long as days whose
decisions are kept, or a model in force, look back on it; as long as the audit; or for ever.
"""


class Table(dy.Schema):
    """Base of all tables. The name follows from the place: class `Prices` in module `raw` is `raw.prices`."""

    kept: ClassVar[Kept] = "for ever"

    @classmethod
    def columns(cls) -> dict[str, dy.Column]:
        """The columns as dataframely has them, bound to their table once: it would bind each anew at every call."""
        found = _COLUMNS.get(cls)
        if found is None:
            found = _COLUMNS[cls] = super().columns()
        return found

    @classmethod
    def table_name(cls) -> str:
        """Schema and table as written in SQL, e.g. `raw.competitor_snapshots`."""
        module = cls.__module__.rsplit(".", 1)[-1]
        return f"{module}.{re.sub(r'(?<!^)(?=[A-Z])', '_', cls.__name__).lower()}"

    @classmethod
    def partition(cls) -> str:
        """The column that partitions the table by day: the first date column of the class."""
        return next(name for name, column in cls.columns().items() if isinstance(column, dy.Date))

    @classmethod
    def order(cls) -> list[str]:
        """The canonical order of rows inside a partition: the primary key."""
        return cls.primary_key()

    @classmethod
    def hashed(cls) -> list[str]:
        """The columns whose values are the identity of a row set: all but provenance."""
        return [name for name, column in cls.columns().items() if not (column.metadata or {}).get("provenance")]

    @classmethod
    def lineage(cls) -> dict[str, list[str]]:
        """Column → the columns (`schema.table.column`) it is computed from."""
        return {name: (column.metadata or {}).get("from", []) for name, column in cls.columns().items()}


def day(description: str = "business day the row is about", *, key: bool = True) -> dy.Date:
    """A partition column."""
    return dy.Date(primary_key=key, description=description)


def identifier(description: str, *, key: bool = True, nullable: bool = False, **kwargs: Any) -> dy.String:
    """A non-empty text that names something."""
    return dy.String(primary_key=key, nullable=nullable, min_length=1, description=description, **kwargs)


def label(description: str, *, nullable: bool = False, **kwargs: Any) -> dy.Categorical:
    """A text that many rows share: kept, written and hashed once."""
    return dy.Categorical(nullable=nullable, description=description, **kwargs)


def known_at() -> dy.Datetime:
    """When the platform could first know the row. Part of the key: tables that have it are append-only."""
    return dy.Datetime(
        primary_key=True,
        time_unit="us",
        time_zone="UTC",
        description="when this row was first known, UTC; a later row of the same key corrects it",
    )


def moment(description: str, *, nullable: bool = False, provenance: bool = False) -> dy.Datetime:
    """An instant in UTC, microseconds."""
    return dy.Datetime(
        time_unit="us",
        time_zone="UTC",
        nullable=nullable,
        description=description,
        metadata={"provenance": True} if provenance else None,
    )


def money(description: str, *, nullable: bool = False, **kwargs: Any) -> dy.Decimal:
    """An exact amount in major units of the row's currency, Decimal(18,4)."""
    return dy.Decimal(18, 4, nullable=nullable, description=description, **kwargs)


def currency(*, nullable: bool = False, **kwargs: Any) -> dy.String:
    """An ISO 4217 code."""
    known = {"iso_4217": lambda code: code.is_in(sorted(CURRENCIES))}
    return dy.String(nullable=nullable, check=known, description="ISO 4217 code of the row's amounts", **kwargs)
