"""Seeded streams of random numbers, one for each purpose and day.

Here: which stream a draw comes from. Not here: what is drawn.

A purpose has a stream of its own, so that a new one leaves the others as they were. Streams are drawn from cell by
cell, so more SKUs leave the draws of those before them as they were.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from pricing_assets.simulation.settings import VERSION

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def stream(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """The stream of a purpose, and of a day where the purpose is a daily one. The bit generator is PCG64."""
    entropy = [VERSION, seed, zlib.crc32(purpose.encode()), day]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def whole(values: Floats) -> Ints:
    """Floats rounded to whole numbers, halves to even."""
    return np.rint(values).astype(np.int64)
