"""Asking people for a retraining: because something drifted, or there is no champion yet.

Here: opening the event, the same gate for all. Not here: what drifted (monitoring/), training (retraining.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pricing_assets.governance.drift_records import Drift

if TYPE_CHECKING:
    from pricing_assets.governance import Gate
    from pricing_assets.governance.gate import Opened

FIRST_START, ANYWHERE = "first_start", "all"


class Found(Protocol):
    """A drift as monitoring tells it; `evidence` is what JSON holds."""

    @property
    def metric(self) -> str:
        """What drifted."""

    @property
    def segment(self) -> str:
        """Where."""

    @property
    def explanation(self) -> str:
        """Why somebody should look, in a sentence."""

    @property
    def evidence(self) -> Mapping[str, Any]:
        """What was measured."""


def ask(gate: Gate, model: str, champion: int, found: Iterable[Found], lasting: timedelta) -> list[Opened]:
    """Opens an event for each drift found while a champion was in force; `new` is False for one that stands already."""
    drifts = [(Drift(model, champion, each.metric, each.segment, each.evidence), each.explanation) for each in found]
    return [gate.open(drift, why, lasting) for drift, why in drifts]


def ask_first_start(gate: Gate, model: str, lasting: timedelta) -> Opened | None:
    """Opens the event whose approval trains the first champion; None where there is a champion."""
    if gate.champion(model):
        return None
    drift = Drift(model, None, FIRST_START, ANYWHERE)
    return gate.open(drift, f"model {model} has no champion yet: forecasts are by simple methods", lasting)
