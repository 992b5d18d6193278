"""A model small enough to train in no time: one level per run of a test, in one file.

Here: its training and its validation, as retraining takes them. Not here: what is true of them (the tests).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pricing_assets.governance import DriftEvent, Outcome, Store
from pricing_assets.models import (
    Bench,
    Contestant,
    Fetched,
    Identity,
    Signature,
    TrainingRecord,
    Validation,
    ValidationReport,
    retrain,
    validation_report,
)

LASTING = timedelta(days=3)
SIGNATURE = Signature({"unique_id": "string", "ds": "datetime"}, {"mean": "double"})
SOLD = 10.0


@dataclass(frozen=True)
class Fake:
    """Forecasts `level` every day; what it says of its training set, speed and prices is what a test wants it to."""

    level: float = SOLD
    rows: int = 1000
    latency_ms: float = 1.0
    violations: int = 0
    width: float = 0.0

    def train(self, event: DriftEvent, folder: Path) -> TrainingRecord:
        (folder / "model").mkdir()
        (folder / "model" / "level.json").write_text(json.dumps(self.level))
        plot = folder / "fit.png"
        plot.write_bytes(b"not really a plot")
        inputs = {"raw.sales": "c" * 64}
        return TrainingRecord(
            folder / "model", SIGNATURE, inputs, {"train_wape": 0.25}, self.rows, "0.1.0", {"seed": 7}, (plot,)
        )

    def validate(self, challenger: Fetched, champion: Fetched | None) -> Validation:
        ours = replace(side(challenger), latency_ms=self.latency_ms, violations=self.violations, checked=9)
        theirs = side(champion) if champion else Contestant("naive", None, None, 0.5)
        frames = [
            scored(ours.name, level_of(challenger), width=self.width),
            scored(theirs.name, level_of(champion) if champion else SOLD + 4),
        ]
        return Validation(validation_report(challenger.version.model, pl.concat(frames), ours, theirs))


def side(fetched: Fetched) -> Contestant:
    version = fetched.version
    return Contestant(version.label, Identity(version.version, version.artifact_hash), version.rows, 1.0)


def level_of(fetched: Fetched) -> float:
    return float(json.loads((fetched.folder / "level.json").read_text()))


def scored(model: str, level: float, *, width: float = 0.0, days: int = 20) -> pl.DataFrame:
    """Forecasts of two series in two segments from one cutoff; of ten days, the range covers eight."""
    cutoff = date(2026, 10, 1)
    rows = [
        {
            "unique_id": series,
            "ds": cutoff + timedelta(days=ahead),
            "cutoff": cutoff,
            "model": model,
            "yhat": level,
            "yhat_lo": (SOLD if ahead % 5 else SOLD + 1) - width,
            "yhat_hi": SOLD + 2 + width,
            "y": SOLD,
            "segment": segment,
        }
        for series, segment in (("A", "HOME"), ("B", "TOYS"))
        for ahead in range(1, days + 1)
    ]
    return pl.DataFrame(rows)


def report() -> ValidationReport:
    """A report of version 2, which is ten per cent off, against version 1, which is twenty per cent off."""
    challenger = Contestant("demand/2", Identity(2, "b" * 64), 1000, 1.0)
    champion = Contestant("demand/1", Identity(1, "a" * 64), 1000, 1.0)
    both = pl.concat([scored("demand/2", SOLD + 1), scored("demand/1", SOLD + 2)])
    return validation_report("demand", both, challenger, champion)


def approved(store: Store, model: str, metric: str = "psi", by: str = "ann") -> str:
    """The id of a new drift event of a model, approved."""
    from pricing_assets.governance import Drift

    champion = store.gate.champion(model)
    drift = Drift(model, champion.version if champion else None, metric, "HOME")
    event = store.gate.open(drift, "it drifts", LASTING).event
    store.decide(by, event.subject, "approve", "looks real", f"yes {event.id}")
    return event.id


def trained(bench: Bench, store: Store, model: str, fake: Fake, metric: str = "psi") -> Outcome | None:
    """What came of an approved event, trained whole."""
    event_id = approved(store, model, metric)
    return retrain(bench, event_id, f"root {event_id}", fake.train, fake.validate)
