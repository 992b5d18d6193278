"""What a training may look at: the lake up to a day, as each past origin saw it.

Here: reading, and the hashes of what was read. Not here: training with it (training.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from pricing_assets.demand.forecasts import NAMES
from pricing_assets.demand.inputs import WINDOW, read
from pricing_assets.demand.panels import Panels
from pricing_assets.demand.plan import Frequency
from pricing_assets.demand.seasons import LONG, Seasons, seasons_of
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake, days
from pricing_assets.lake.hashing import combine
from pricing_assets.tables import Table, raw

REACH = 200
"""Days before the last one that the earliest origin may be."""


@dataclass(frozen=True)
class Data:
    """The panel of a day as that day saw it, by `panels`, up to `day`; the content hashes of the tables it comes from;
    and the seasons each day knew."""

    day: date
    panels: Callable[[date], Panels]
    inputs: Mapping[str, str]
    seasons: Seasons


def data_of(lake: Lake, calendar: Calendar, model: str, kept: Path, day: date | None = None) -> Data:
    """What the training of a model looks at on a day, by default the last one that stands.

    Seasons once learned are kept in the folder `kept`.

    Raises PricingError for a name that is no demand model's, and where no day stands.
    """
    frequency = _frequency(model)
    day = day or max(days.standing(lake)["date"].to_list(), default=None)
    if day is None:
        raise PricingError(f"{model}: no day stands yet, so there is nothing to train on", "`pricing run` first")
    rows = read(lake, [day - timedelta(days=REACH), day], calendar)

    @cache
    def panels(of: date) -> Panels:
        return rows.panels(of)[frequency]

    seasons = seasons_of(lake, calendar, frequency, day, kept)
    return Data(day, panels, _hashes(lake, day, rows.settled), seasons)


def _frequency(model: str) -> Frequency:
    for frequency, name in NAMES.items():
        if name == model:
            return frequency
    raise PricingError(f"{model}: is no demand model", f"expected {' or '.join(NAMES.values())}")


def _hashes(lake: Lake, day: date, tables: Iterable[type[Table]]) -> dict[str, str]:
    """Table → hash of the content hashes of its days that are read: what the earliest origin looks back on; of sales
    and products what seasons are learned from."""
    first = day - timedelta(days=REACH + WINDOW - 1)
    season = min(first, day - timedelta(days=LONG))
    firsts = {table: season if table in (raw.Sales, raw.Products) else first for table in tables}
    hashes = {}
    for table, begins in firsts.items():
        files = [file for on, file in sorted(lake.partitions(table).items()) if begins <= on <= day]
        if files:
            hashes[table.table_name()] = combine(*(f"{file.partition} {file.hash}" for file in files))
    return hashes
