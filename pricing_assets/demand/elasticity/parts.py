"""Parts: a design in runs of consecutive series, all cores at work on them.

Here: cutting a design, and doing the same to each part. Not here: what is done.

What is computed of a part stays in the processor's cache, and nothing of the size of the design is made on the way.
Which part is done first shows in nothing: results are taken in the order of the parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from pricing_assets.demand.elasticity.design import Design

AT_ONCE = 32_000
"""Rows of a part, or those of one series where it has more."""

Given = TypeVar("Given")
Made = TypeVar("Made")


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


def side_by_side(work: Callable[[Given], Made], over: Sequence[Given]) -> list[Made]:
    """What the work makes of each, in their order."""
    if len(over) < 2:
        return [work(each) for each in over]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, over))
