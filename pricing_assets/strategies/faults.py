"""What is wrong with a strategy's text, and where.

Here: one fault, the error that carries all of them, and how a misspelt name is answered. Not here: what counts as a
fault; the readers of YAML and of expressions know that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pricing_assets.errors import PricingError

REMEDY = "mend the places named and lint again; docs/strategies.md describes the language"


@dataclass(frozen=True, order=True)
class Fault:
    """One thing to mend, at a line and a column of the strategy's file, both counted from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class StrategyError(PricingError):
    """A text that is no strategy. `faults` holds everything found, in the order of the file."""

    def __init__(self, origin: str, faults: Sequence[Fault]) -> None:
        self.origin = origin
        self.faults = tuple(faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "".join(f"\n  {origin}:{fault}" for fault in faults)
        super().__init__(f"{origin}: {count}{lines}", REMEDY)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?` where a known name is close, nothing otherwise."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
