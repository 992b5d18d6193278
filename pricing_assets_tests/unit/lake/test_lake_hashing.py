from __future__ import annotations

import hashlib
import math
import struct
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from itertools import pairwise
from typing import Any

import dataframely as dy
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.lake import encoding, hashing
from pricing_assets.lake.hashing import combine, content_hash, content_hashes
from pricing_assets.tables.base import Table

LABELS = (pl.Enum, pl.Categorical)
DECIMALS = Context(prec=60)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


class Everything(Table):
    """One row per day and key, one column of every kind."""

    date = dy.Date(primary_key=True)
    key = dy.String(primary_key=True)
    text = dy.String(nullable=True)
    label = dy.Enum(["b", "a"], nullable=True)
    tag = dy.Categorical(nullable=True)
    whole = dy.Int64(nullable=True)
    number = dy.Float64(nullable=True)
    truth = dy.Bool(nullable=True)
    amount = dy.Decimal(18, 4, nullable=True)
    wide = dy.Decimal(38, 2, nullable=True)
    moment = dy.Datetime(time_unit="us", time_zone="UTC", nullable=True)
    items = dy.List(dy.Struct({"name": dy.String(nullable=True), "count": dy.Int64(nullable=True)}), nullable=True)
    run_id = dy.String(metadata={"provenance": True})


SCHEMA = {name: column.dtype for name, column in Everything.columns().items()}
COLUMNS = [name for name in SCHEMA if name not in ("date", "key", "run_id")]
ROW = {
    "date": date(2024, 3, 1),
    "key": "k",
    "text": "ab",
    "label": "a",
    "tag": "t",
    "whole": 1,
    "number": 1.5,
    "truth": True,
    "amount": Decimal("-4.99"),
    "wide": Decimal("123456789012345678901234.56"),
    "moment": NOON,
    "items": [{"name": "x", "count": 1}, {"name": None, "count": None}],
    "run_id": "r",
}
VALUES = st.fixed_dictionaries(
    {
        "date": st.dates(date(2024, 1, 1), date(2024, 1, 3)),
        "key": st.text(alphabet="abé", min_size=1, max_size=3),
        "text": st.none() | st.text(max_size=4),
        "label": st.sampled_from(["a", "b", None]),
        "tag": st.sampled_from(["x", "é", "", None]),
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "number": st.none() | st.floats(),
        "truth": st.none() | st.booleans(),
        "amount": st.none() | st.decimals(-(10**13), 10**13, places=4),
        "wide": st.none() | st.decimals(-(10**30), 10**30, places=2),
        "moment": st.none()
        | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),
        "items": st.none()
        | st.lists(
            st.fixed_dictionaries({"name": st.none() | st.text(max_size=2), "count": st.none() | st.integers(0, 9)}),
            max_size=3,
        ),
        "run_id": st.just("r"),
    }
)
FRAMES = st.lists(VALUES, max_size=8, unique_by=lambda row: (row["date"], row["key"]))


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


# The slow, obvious encoder the fast one is held against, written from the docstring alone.


def reference(rows: list[dict[str, Any]]) -> str:
    ordered = sorted(rows, key=lambda row: (row["date"], row["key"].encode()))
    whole = b"pricing-assets rows 2\n" + struct.pack("<Q", len(ordered))
    for name in Everything.hashed():
        whole += reference_text(name) + reference_digest(SCHEMA[name], [row[name] for row in ordered])
    return hashlib.sha256(whole).hexdigest()


def reference_digest(dtype: Any, values: list[Any]) -> bytes:
    head = b""
    if dtype == pl.String:
        repeats = [number > 0 and values[number - 1] == value for number, value in enumerate(values)]
        values = [value for value, repeated in zip(values, repeats, strict=True) if not repeated]
        head = b"\x01" + bytes(repeats) if any(repeats) else b"\x00"
    if dtype.base_type() in LABELS:
        labels = list(dict.fromkeys(values))
        head = b"".join(struct.pack("<I", labels.index(value)) for value in values)
        values = labels
    column = hashlib.sha256(reference_column(dtype, values)).digest()
    return hashlib.sha256(head + column).digest() if head or dtype.base_type() in LABELS else column


def reference_text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def reference_column(dtype: Any, values: list[Any]) -> bytes:
    kinds = {
        pl.Date: "date",
        pl.String: "text",
        pl.Enum: "text",
        pl.Categorical: "text",
        pl.Int64: "int",
        pl.Float64: "float",
        pl.Boolean: "bool",
        pl.List: "list",
        pl.Struct: "struct",
        pl.Datetime: "datetime[us,UTC]",
    }
    kind = f"decimal[{dtype.scale}]" if dtype == pl.Decimal else kinds[dtype.base_type()]
    nulls = bytes(value is None for value in values)
    head = reference_text(kind) + struct.pack("<Q", len(values)) + (b"\x01" + nulls if any(nulls) else b"\x00")
    if kind == "text":
        texts = [b"" if value is None else value.encode() for value in values]
        return head + b"".join(struct.pack("<q", len(text)) for text in texts) + b"".join(texts)
    if kind == "list":
        lists = [value or [] for value in values]
        items = [item for value in lists for item in value]
        return head + b"".join(struct.pack("<q", len(v)) for v in lists) + reference_column(dtype.inner, items)
    if kind == "struct":
        fields = [
            reference_text(field.name)
            + reference_column(field.dtype, [None if value is None else value[field.name] for value in values])
            for field in dtype.fields
        ]
        return head + struct.pack("<Q", len(fields)) + b"".join(fields)
    return head + b"".join(reference_value(dtype, value) for value in values)


def reference_value(dtype: Any, value: Any) -> bytes:  # noqa: PLR0911 - one line per kind is what makes it obvious
    match dtype:
        case pl.Boolean():
            return bytes([bool(value)])
        case pl.Float64():
            if value is not None and math.isnan(value):
                return struct.pack("<Q", 0x7FF8000000000000)
            return struct.pack("<d", (value or 0.0) + 0.0)
        case pl.Date():
            return struct.pack("<i", 0 if value is None else (value - date(1970, 1, 1)).days)
        case pl.Datetime():
            since = None if value is None else value - datetime(1970, 1, 1, tzinfo=UTC)
            return struct.pack(
                "<q", 0 if since is None else (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
            )
        case pl.Decimal():
            unscaled = 0 if value is None else int(value.scaleb(dtype.scale, DECIMALS))
            return unscaled.to_bytes(8 if dtype.precision <= 18 else 16, "little", signed=True)
        case _:
            return struct.pack("<q", value or 0)


@settings(max_examples=60, deadline=None)
@given(FRAMES)
def test_equals_the_reference_encoder(rows: list[dict[str, Any]]) -> None:
    assert content_hash(frame(rows), Everything) == reference(rows)


@settings(max_examples=40, deadline=None)
@given(FRAMES, st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_and_chunks_of_rows_do_not_matter(rows: list[dict[str, Any]], random: Any, chunk: int) -> None:
    shuffled = random.sample(rows, len(rows))
    pieces = [frame(shuffled[start : start + chunk]) for start in range(0, len(rows), chunk)]
    together = pl.concat([frame([]), *pieces], rechunk=False)
    assert content_hash(together, Everything) == content_hash(frame(rows), Everything)


@settings(max_examples=80, deadline=None)
@given(FRAMES.filter(len), VALUES, st.sampled_from(COLUMNS), st.data())
def test_any_changed_cell_changes_the_hash(
    rows: list[dict[str, Any]], other: dict[str, Any], name: str, data: Any
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    changed = [*rows[:at], rows[at] | {name: other[name]}, *rows[at + 1 :]]
    same = frame(rows).equals(frame(changed), null_equal=True)
    assert (content_hash(frame(rows), Everything) == content_hash(frame(changed), Everything)) == same


@settings(max_examples=40, deadline=None)
@given(FRAMES, st.lists(st.integers(0, 8), max_size=3))
def test_ranges_hash_like_frames_of_their_own(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    ordered = frame(rows).sort("date", "key")
    edges = sorted({0, ordered.height, *(cut for cut in cuts if cut <= ordered.height)})
    ranges = list(pairwise(edges))
    expected = [content_hash(ordered.slice(start, end - start), Everything) for start, end in ranges]
    assert content_hashes(ordered, Everything, ranges) == expected


def test_batches_and_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = frame([ROW | {"key": f"{number:04}"} for number in range(300)])
    ranges = [(start, start + 30) for start in range(0, 300, 30)]
    expected = content_hashes(rows, Everything, ranges)
    monkeypatch.setattr(encoding, "_BATCH", 50)
    monkeypatch.setattr(hashing, "_PARALLEL_FROM", 1)
    assert content_hashes(rows, Everything, ranges) == expected


def test_provenance_is_outside() -> None:
    assert content_hash(frame([ROW]), Everything) == content_hash(frame([ROW | {"run_id": "other"}]), Everything)


def test_moved_boundary_of_a_text_changes_the_hash() -> None:
    one = frame([ROW | {"key": "1", "text": "ab"}, ROW | {"key": "2", "text": "c"}])
    two = frame([ROW | {"key": "1", "text": "a"}, ROW | {"key": "2", "text": "bc"}])
    assert content_hash(one, Everything) != content_hash(two, Everything)


@pytest.mark.parametrize(
    ("name", "zero"),
    [("text", ""), ("whole", 0), ("number", 0.0), ("truth", False), ("amount", Decimal(0)), ("items", [])],
)
def test_null_is_not_zero(name: str, zero: Any) -> None:
    assert content_hash(frame([ROW | {name: zero}]), Everything) != content_hash(
        frame([ROW | {name: None}]), Everything
    )


def test_values_hidden_under_nulls_do_not_matter() -> None:
    rows = frame([ROW | {"key": "1"}, ROW | {"key": "2"}])
    hiding = rows.with_columns(pl.when(pl.col("key") == "1").then(pl.col(name)).alias(name) for name in COLUMNS)
    plain = frame([ROW | {"key": "1"}, {**dict.fromkeys(ROW), "key": "2", "date": ROW["date"], "run_id": "r"}])
    assert content_hash(hiding, Everything) == content_hash(plain, Everything)


def test_equal_floats_have_equal_hashes() -> None:
    def of(number: float) -> str:
        return content_hash(frame([ROW]).with_columns(number=pl.Series([number])), Everything)

    other_nan = float(np.array([0xFFF8000000000001], dtype=np.uint64).view(np.float64)[0])
    assert of(-0.0) == of(0.0)
    assert of(math.nan) == of(other_nan)
    assert of(math.inf) != of(-math.inf)


def test_kind_and_name_of_a_column_count() -> None:
    hashes = set()
    for name, kind, dtype in [("n", dy.Int64, pl.Int64), ("n", dy.Float64, pl.Float64), ("m", dy.Int64, pl.Int64)]:
        table = type("One", (Table,), {"date": dy.Date(primary_key=True), name: kind()})
        hashes.add(content_hash(pl.DataFrame({"date": [NOON.date()], name: pl.Series([0], dtype=dtype)}), table))
    assert len(hashes) == 3


def test_rows_sharing_a_key_hash_in_any_order() -> None:
    rows = [ROW | {"whole": 2}, ROW | {"whole": 1}]
    assert content_hash(frame(rows), Everything) == content_hash(frame(rows[::-1]), Everything)


def test_a_dtype_without_an_encoding_is_refused() -> None:
    with pytest.raises(TypeError, match="Binary"):
        content_hash(frame([ROW]).with_columns(text=pl.lit(b"x")), Everything)


# Pinned: a change here orphans every lake that exists, and every replay with it.


def test_golden_hashes() -> None:
    assert content_hash(frame([]), Everything) == "cd585320e2de6e6bb5ca7f401263345f6796b523ea50a1b417adbee02c71f653"
    assert content_hash(frame([ROW]), Everything) == "c2b4c78fd42dd17c6bb6836c5abd7828b2954931ce732c2382d4ccd134cc5c98"
    assert combine("a", "bc") == "9a8acca1b6c6c0befd3fbc756aed625da998c998f7252e738c4ef061906b9b21"


def test_combine_keeps_boundaries() -> None:
    assert combine("a", "bc") != combine("ab", "c")
    assert combine() != combine("")
