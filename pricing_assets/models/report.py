"""A validation report: a challenger and a champion side by side on the same folds, as an object, JSON and rows.

Here: what a report says, and its identity. Not here: how it is measured (validation.py), what follows (promotion.py).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import polars as pl

from pricing_assets.errors import PricingError

EVERYTHING = "everything"
"""The segment that is all rows."""


class Identity(NamedTuple):
    """A version and what its files hash to."""

    version: int
    artifact_hash: str


@dataclass(frozen=True)
class Contestant:
    """One side of a comparison. `identity` is None for a simple method that stands in where there is no champion.

    `rows` it was trained on (None for a simple method; where it stands in for a champion whose files are gone, those of
    that champion), `latency_ms` of a forecast per series, and `violations` of
    `checked` series of which more is forecast where every price to come is a tenth higher.
    """

    name: str
    identity: Identity | None
    rows: int | None
    latency_ms: float
    violations: int = 0
    checked: int = 0

    @property
    def rising(self) -> float:
        """The share of series that are forecast to sell more at a higher price; 0 where none was checked."""
        return self.violations / self.checked if self.checked else 0.0


@dataclass(frozen=True)
class Accuracy:
    """Of forecasts against what was sold; None where nothing was.

    `wape` is Σ|y − ŷ| ÷ Σ|y|, `bias` Σ(ŷ − y) ÷ Σ|y|, `coverage` the share of y inside q10–q90, `interval_score` that
    of Gneiting and Raftery (2007) at 80 %, ÷ mean |y|.
    """

    wape: float | None
    bias: float | None
    coverage: float
    interval_score: float | None


@dataclass(frozen=True)
class Compared:
    """Both sides on the same rows of a segment."""

    segment: str
    rows: int
    challenger: Accuracy
    champion: Accuracy


@dataclass(frozen=True)
class ValidationReport:
    """Everything a promotion is decided by. `cutoffs` are the folds' last known days."""

    model: str
    challenger: Contestant
    champion: Contestant
    cutoffs: tuple[str, ...]
    overall: Compared
    segments: tuple[Compared, ...]

    @property
    def content_hash(self) -> str:
        """SHA-256 of the report as JSON: the identity approvals and promotions are recorded with."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, equal reports equal to the byte."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ValidationReport:
        """A report from its JSON. Raises PricingError for anything else."""
        try:
            said = json.loads(text)
            return cls(
                model=said["model"],
                challenger=_contestant(said["challenger"]),
                champion=_contestant(said["champion"]),
                cutoffs=tuple(said["cutoffs"]),
                overall=_compared(said["overall"]),
                segments=tuple(map(_compared, said["segments"])),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise PricingError(
                f"validation report: it cannot be read ({error!r})", "validate the challenger"
            ) from error

    def rows(self) -> pl.DataFrame:
        """One row per segment, everything first: both sides' wape, bias, coverage and interval_score."""
        figures = ("wape", "bias", "coverage", "interval_score")
        schema: dict[str, Any] = {"segment": pl.String, "rows": pl.Int64}
        schema |= {f"{figure}_{side}": pl.Float64 for figure in figures for side in ("challenger", "champion")}
        found = [
            {"segment": each.segment, "rows": each.rows}
            | {f"{figure}_challenger": getattr(each.challenger, figure) for figure in figures}
            | {f"{figure}_champion": getattr(each.champion, figure) for figure in figures}
            for each in (self.overall, *self.segments)
        ]
        return pl.DataFrame(found, schema=schema)


def _contestant(said: dict[str, Any]) -> Contestant:
    return Contestant(**{**said, "identity": Identity(*said["identity"]) if said["identity"] else None})


def _compared(said: dict[str, Any]) -> Compared:
    sides = {side: Accuracy(**said[side]) for side in ("challenger", "champion")}
    return Compared(segment=said["segment"], rows=said["rows"], **sides)
