"""Which things hang together, given pairs that do.

Here: connected components, numbered by their first member. Not here: what makes a pair.
"""

from __future__ import annotations

import numpy as np

from pricing_assets.pricing.goals.options import Ints


def groups(one: Ints, other: Ints, size: int) -> Ints:
    """The number of the group each of `size` things is in."""
    from scipy.sparse import coo_array  # type: ignore[import-untyped]  # as slow to import as all else here
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    pairs = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    return np.asarray(connected_components(pairs, directed=False)[1], np.int64)
