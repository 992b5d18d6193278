"""Who reads all the while: an analyst in DuckDB (torture_runs.Reader), and one who opens the Delta tables by Polars.

Here: the second. Every snapshot it sees must be whole, whatever is being written, killed or put in place.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

KEYS = {
    "decisions/price_decisions": ["decision_id", "date"],
    "decisions/price_book": ["date", "sku", "market", "entry_no"],
    "publishing/publications": ["date", "sku", "market", "effective_from", "entry_no", "step"],
}
"""Tables whose rows each snapshot has once, and by what."""


STILL = threading.Lock()
"""Held by whoever looks, and by a test that takes a whole home away."""


@dataclass
class DeltaReader:
    """Reads Delta tables again and again, as of now; what it cannot read, or sees twice, is a fault."""

    lake: Path
    pause: float = 1.0
    tables: Sequence[str] = tuple(KEYS)
    queries: int = 0
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> DeltaReader:
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._stop.wait(self.pause):
            for table in self.tables:
                with STILL:
                    if (self.lake / table / "_delta_log" / f"{0:020}.json").exists():
                        self._look(table)

    def _look(self, table: str) -> None:
        try:
            rows = pl.scan_delta(str(self.lake / table)).select(KEYS[table]).collect()
        except Exception as fault:  # whatever a reader meets is what we look for
            self.faults.append(f"{table}: {type(fault).__name__}: {fault}")
        else:
            twice = rows.height - rows.unique().height
            self.faults += [f"{table}: {twice} rows twice"] if twice else []
        self.queries += 1
