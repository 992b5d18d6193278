"""Rows between Polars and DuckDB, as an Arrow stream and nothing else.

Here: the one wrapper. Not here: queries.

DuckDB's own ways (`.pl()`, a registered Polars frame) need pyarrow, 150 MB for one hand-over; and Polars keeps
references to a relation it recognises, which DuckDB reports as leaks when the process ends.
"""

from __future__ import annotations

from typing import Protocol


class _Streams(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class ArrowStream:
    """A frame or a result, shown only as what it streams: `pl.DataFrame(ArrowStream(relation))`, and DuckDB's
    `register(name, ArrowStream(frame))`.
    """

    def __init__(self, rows: _Streams) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)
