"""Anomalies: what looks wrong in a day's prices, what it may cost, and a sentence that says so.

Here: flags over feature snapshots, their severity, their causes, and the isolation forest beside them. Pure functions
over frames, and one reader of the lake. Not here: features (features/), what a decision does about it (pricing/).

- `anomalies` gives what follows from snapshots alone; replay compares its hash.
- `anomalies_of` reads snapshots from the lake and adds what earlier days say: since when, which cause, how odd.
"""

from __future__ import annotations

from pricing_assets.anomalies.alarms import anomalies
from pricing_assets.anomalies.flags import COLUMNS
from pricing_assets.anomalies.inputs import anomalies_of

__all__ = ["COLUMNS", "anomalies", "anomalies_of"]
