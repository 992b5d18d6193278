"""What a driver hands over becomes columns of stable types, whatever the chunks; nothing is lost on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.sources.fetched import ZONED, Column, fetched

NOON = datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=1)))


def column(*chunks: list[Any], instants: bool = False) -> tuple[str, list[Any]]:
    made = Column(instants)
    for chunk in chunks:
        made.add(chunk)
    kind, values = made.whole()
    return kind, values.to_list()


@pytest.mark.parametrize(
    ("chunks", "kind", "values"),
    [
        ([], "NULL", []),
        ([[None], [None]], "NULL", [None, None]),
        ([[1, None], [2]], "BIGINT", [1, None, 2]),
        ([[1], [2.5]], "DOUBLE", [1.0, 2.5]),
        ([[1, 2.5]], "DOUBLE", [1.0, 2.5]),
        ([[Decimal("12.3400")], [Decimal("0E-4"), Decimal("NaN")]], "DECIMAL", ["12.3400", "0.0000", "NaN"]),
        ([[10**20, 1]], "DECIMAL", ["100000000000000000000", "1"]),
        ([[True, None]], "BOOLEAN", [True, None]),
        ([["a"], [1], [2.5], [None], [True]], "VARCHAR", ["a", "1", "2.5", None, "true"]),
        ([["a", 1, Decimal("1.50")]], "VARCHAR", ["a", "1", "1.50"]),
        ([[date(2026, 3, 2)], ["0000-00-00"]], "VARCHAR", ["2026-03-02", "0000-00-00"]),
        ([[date(2026, 3, 2)]], "DATE", [date(2026, 3, 2)]),
        ([[datetime(2026, 3, 2, 1)]], "TIMESTAMP", [datetime(2026, 3, 2, 1)]),
        ([[NOON, None]], ZONED, [datetime(2026, 3, 2, 11, tzinfo=UTC), None]),
        ([[{"map_price": 1.5}]], "VARCHAR", ['{"map_price": 1.5}']),
        ([[b"x"]], "BLOB", ["b'x'"]),
        ([["a"], [b"x"]], "BLOB", ["a", "b'x'"]),
        ([[timedelta(hours=1)], [1]], "TIMEDELTA", ["1:00:00", "1"]),
    ],
)
def test_values_and_their_type(chunks: list[list[Any]], kind: str, values: list[Any]) -> None:
    assert column(*chunks) == (kind, values)


def test_time_stamps_that_are_instants_are_in_utc() -> None:
    assert column([datetime(2026, 3, 2, 1)], instants=True) == (ZONED, [datetime(2026, 3, 2, 1, tzinfo=UTC)])


COLUMNS = [
    st.lists(st.none() | kind)
    for kind in (st.integers(), st.floats(), st.booleans(), st.decimals(), st.text() | st.integers() | st.booleans())
]


@settings(max_examples=50)
@given(st.one_of(COLUMNS), st.integers(0, 10))
def test_chunks_change_neither_type_nor_values(values: list[Any], cut: int) -> None:
    (kind, whole), (again, parts) = column(values), column(values[:cut], values[cut:])
    assert kind == again
    assert pl.Series(whole).equals(pl.Series(parts))


def test_a_name_given_twice_is_told() -> None:
    found = fetched(["a", "a"], [Column(), Column()])
    assert found.names == ["a", "a"]
    assert found.frame.columns == ["a", "a 1"]
