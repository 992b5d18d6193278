"""A market, simulated: frames as a source would deliver them, the truth behind them, and the labels.

Here: `simulate`, which puts the parts together. Not here: the parts, and writing anything anywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from pricing_assets.simulation import faults, gaps, irregularities
from pricing_assets.simulation.corrections import correct
from pricing_assets.simulation.frames import Rows
from pricing_assets.simulation.settings import MarketSettings
from pricing_assets.simulation.trading import Progress, trade
from pricing_assets.simulation.truth import truth_of


class Simulated(NamedTuple):
    """A market. `frames` and `faults` by raw table without its schema; labels and truth are for whoever measures.

    `frames` hold clean and irregular rows, typed; `faults` malformed rows, dates as text, `fault` naming the kind.
    """

    frames: dict[str, pl.DataFrame]
    faults: dict[str, pl.DataFrame]
    labels: pl.DataFrame
    truth: dict[str, Any]


def simulate(settings: MarketSettings, progress: Progress | None = None) -> Simulated:
    """The market of these settings; the same settings and VERSION give the same bytes."""
    market = trade(settings, progress)
    frames = Rows(settings, market).all()
    labels = irregularities.labels(settings, market.assortment, market.episodes, market.magnitude)
    labels = pl.concat([labels, gaps.labels(settings, market.assortment, market.gaps, labels)])
    malformed = faults.spoil(settings, frames)
    if settings.irregular:
        frames = correct(settings, frames, labels)
    if settings.faulty:
        frames = faults.twice(settings, frames)
    return Simulated(frames, malformed, labels, truth_of(settings, market))
