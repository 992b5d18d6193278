"""Feature snapshots: everything pricing may look at, one row per day, SKU and market.

Here: which rows a day may see, exact window sums over them, and the columns of `features.feature_snapshots`.
Not here: reading or committing tables (lake/), what a price should be (strategies/, pricing/), and the meaning of a
column, which is written down once, in tables/features.py.

- `snapshot` computes the rows of one day or of many days in one pass, with the same bits either way.
- `visible` gives the rows of one raw table that a day sees; input hashes are taken over them. `listed` gives those of
  raw.listings that put a SKU on sale.
- `read` reads the windows of a range of days from the lake with the identity of each; `snapshot_of` makes their rows.
- `map_price` reads the minimum advertised price off a product's attributes.
- `LOOKBACK` and `COLUMNS` say how many days and which columns of each raw table are read.
"""

from __future__ import annotations

from pricing_assets.features.calendar import Calendar
from pricing_assets.features.inputs import Inputs, read, snapshot_of
from pricing_assets.features.prices import map_price
from pricing_assets.features.snapshot import COLUMNS, LOOKBACK, snapshot
from pricing_assets.features.targets import listed
from pricing_assets.features.visibility import visible

__all__ = [
    "COLUMNS",
    "LOOKBACK",
    "Calendar",
    "Inputs",
    "listed",
    "map_price",
    "read",
    "snapshot",
    "snapshot_of",
    "visible",
]
