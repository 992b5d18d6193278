"""Long columns are hashed batch by batch: the digests are those of the column encoded at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from pricing_assets.lake import encoding

MOMENT = datetime(2024, 3, 1, 12, tzinfo=UTC)
COLUMNS = [
    pl.Series(["a", "", None, "häuser", "x" * 40, "b", "c"]),
    pl.Series(["a", "b", "a", None, "b", "a", "a"], dtype=pl.Enum(["a", "b"])),
    pl.Series(["a", "b", "a", None, "b", "c", "a"], dtype=pl.Categorical),
    pl.Series([1, None, -3, 4, 5, 6, 7]),
    pl.Series([True, None, False, True, True, False, False]),
    pl.Series([0.5, -0.0, None, float("nan"), float("inf"), 1.0, 2.0]),
    pl.Series([Decimal("1.5"), None, Decimal("-2"), *[Decimal(3)] * 4], dtype=pl.Decimal(18, 4)),
    pl.Series([date(2024, 3, 1), None, *[date(1969, 1, 1)] * 5]),
    pl.Series([MOMENT, None, *[MOMENT] * 5], dtype=pl.Datetime("us", "UTC")),
    pl.Series([[1], [], None, [2, 3], [4], [5], [6]], dtype=pl.List(pl.Int64)),
    pl.Series([{"a": 1}, None, {"a": None}, *[{"a": 4}] * 4], dtype=pl.Struct({"a": pl.Int64})),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.dtype))
@pytest.mark.parametrize("without_nulls", [False, True])
def test_batches_leave_the_digest_as_it_is(
    column: pl.Series, without_nulls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = column.drop_nulls() if without_nulls else column
    values = values.append(values).rename("x")
    whole = encoding.digests(values, [(0, values.len())])
    split = encoding.digests(values, [(0, 1), (1, values.len())])
    monkeypatch.setattr(encoding, "_BATCH", 3)
    assert encoding.digests(values, [(0, values.len())]) == whole
    assert encoding.digests(values, [(0, 1), (1, values.len())]) == split
