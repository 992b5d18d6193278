"""What is known of a trained model: what it was made from, and the version it was registered as.

Here: plain objects. Not here: where they are kept (registry.py), whether a version may serve (promotion.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Signature:
    """Columns a model reads and columns it answers, name → MLflow type: string, double, long, boolean, datetime."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class TrainingRecord:
    """A saved model and what it was made from.

    `folder` holds deterministic files: equal inputs make equal bytes. `inputs` are table or panel → content hash,
    `rows` the rows trained on, `plots` files to keep beside it.
    """

    folder: Path
    signature: Signature
    inputs: Mapping[str, str]
    metrics: Mapping[str, float]
    rows: int
    code_version: str
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    plots: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Version:
    """A registered version. `artifact_hash` is what its files hashed to when registered; `created_at` is UTC."""

    model: str
    version: int
    artifact_hash: str
    run_id: str
    created_at: datetime
    aliases: tuple[str, ...]
    code_version: str
    event_id: str | None
    root_run_id: str | None
    rows: int | None
    inputs: Mapping[str, str]
    metrics: Mapping[str, float]
    report_hash: str | None = None

    @property
    def label(self) -> str:
        """As people name it, e.g. `demand/4`."""
        return f"{self.model}/{self.version}"


@dataclass(frozen=True)
class Fetched:
    """A version whose files are in a folder here, and hash to what they should."""

    version: Version
    folder: Path
