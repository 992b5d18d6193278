"""Parts: a design in runs of consecutive series, for all cores to work on.

Here: cutting a design. Not here: what is done to its parts.

What is computed of a part stays in the processor's cache, and nothing of the size of the design is made on the way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.design import Design

AT_ONCE = 32_000
"""Rows of a part, or those of one series where it has more."""


class Part(NamedTuple):
    """Some series of a design: which they are, their rows, and their own design."""

    series: slice
    rows: slice
    design: Design


def parts(design: Design) -> list[Part]:
    """The design in parts of consecutive series, of about AT_ONCE rows each."""
    found, ends, first = [], design.end, 0
    while first < len(ends):
        last = max(int(np.searchsorted(ends, design.start[first] + AT_ONCE, side="right")), first + 1)
        rows = slice(int(design.start[first]), int(ends[last - 1]))
        found.append(Part(slice(first, last), rows, design.among(first, last)))
        first = last
    return found
