"""The columns of a table in Delta's types.

Here: what a dtype is stored as. Not here: DuckDB's types (warehouse.py), logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
from deltalake import Field, Schema
from deltalake.schema import ArrayType, PrimitiveType, StructType

from pricing_assets.lake.contracts import dtypes
from pricing_assets.tables.base import Table


def declared(table: type[Table]) -> Mapping[str, str]:
    """Column → Delta type as JSON, as the table's class has them."""
    return {field.name: json.dumps(json.loads(field.type.to_json())) for field in delta_schema(table).fields}


def delta_schema(table: type[Table]) -> Schema:
    """The table's columns in Delta types, descriptions as comments. All nullable: the class judges, not the format."""
    columns = table.columns()
    return Schema(
        [
            Field(name, delta_type(dtype), nullable=True, metadata={"comment": columns[name].description or ""})
            for name, dtype in dtypes(table).items()
        ]
    )


def delta_type(dtype: pl.DataType) -> PrimitiveType | ArrayType | StructType:
    """The Delta type a dtype is stored as; enums are text. Raises TypeError for a dtype no table uses."""
    match dtype:
        case pl.List(inner=inner):
            return ArrayType(delta_type(inner), contains_null=True)  # type: ignore[arg-type]
        case pl.Struct(fields=fields):
            return StructType([Field(f.name, delta_type(f.dtype), nullable=True) for f in fields])  # type: ignore[arg-type]
        case pl.Decimal(precision=precision, scale=scale):
            return PrimitiveType(f"decimal({precision},{scale})")
        case pl.String() | pl.Enum() | pl.Categorical():
            return PrimitiveType("string")
        case pl.Datetime():
            return PrimitiveType("timestamp")
    names: dict[Any, str] = {pl.Int64: "long", pl.Float64: "double", pl.Boolean: "boolean", pl.Date: "date"}
    if dtype not in names:
        raise TypeError(f"no Delta type for {dtype}")
    return PrimitiveType(names[dtype])
