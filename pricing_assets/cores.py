"""All cores at the same work: parts of it side by side, what they make in their order.

Here: how that is done, once. Not here: work that goes on beside other work, or waits for a disk.

For what NumPy, Polars and LightGBM do, which let other threads run meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def side_by_side(work: Callable[[Given], Made], over: Sequence[Given]) -> list[Made]:
    """What the work makes of each, in their order.

    >>> side_by_side(abs, [-3, 2, -1])
    [3, 2, 1]
    """
    if len(over) < 2:
        return [work(each) for each in over]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, over))
