"""What a training says it was made from covers what it reads, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from pricing_assets.demand.inputs import WINDOW
from pricing_assets.demand.seasons import LONG
from pricing_assets.models.inputs import REACH, _hashes
from pricing_assets.tables import Table, raw
from pricing_assets.tables.forecasts import Elasticities

DAY = date(2026, 6, 1)
FAR = DAY - timedelta(days=REACH + WINDOW - 1)
LONG_AGO = DAY - timedelta(days=LONG)
READ = (raw.Products, raw.Sales, raw.Stock)


class Partitions:
    """A lake of days whose files hash to their number of changes."""

    def __init__(self) -> None:
        known = {**dict.fromkeys(READ, DAY), raw.CompetitorSnapshots: DAY, Elasticities: DAY - timedelta(days=7)}
        self.days: dict[type[Table], dict[date, int]] = {table: {day: 0} for table, day in known.items()}

    def partitions(self, table: type[Table]) -> dict[date, Any]:
        return {day: SimpleNamespace(partition=day, hash=count) for day, count in self.days[table].items()}

    def hashes(self) -> dict[str, str]:
        return _hashes(self, DAY, READ)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "back", "read"),
    [
        (raw.Sales, LONG_AGO, True),
        (raw.Sales, LONG_AGO - timedelta(days=1), False),
        (raw.Products, LONG_AGO, True),
        (raw.Stock, FAR, True),
        (raw.Stock, FAR - timedelta(days=1), False),
        (raw.Stock, DAY + timedelta(days=1), False),
        (raw.CompetitorSnapshots, DAY, False),
        (Elasticities, DAY - timedelta(days=7), False),
    ],
)
def test_the_inputs_of_a_training_are_what_it_reads(table: type[Table], back: date, read: bool) -> None:
    lake = Partitions()
    before = lake.hashes()
    lake.days[table][back] = 1
    assert (lake.hashes() != before) == read
