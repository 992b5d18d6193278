"""The anomalies of days: flags, how far they reach, how serious they are, in words.

Here: what follows from a day's snapshot alone, the part of a row that is its identity. Not here: earlier days (causes),
the isolation forest beside the flags (forest), the lake (inputs).
"""

from __future__ import annotations

import polars as pl

from pricing_assets.anomalies import flags
from pricing_assets.anomalies.causes import with_reach
from pricing_assets.anomalies.explanation import explained
from pricing_assets.anomalies.severity import with_severity
from pricing_assets.tables.anomalies import PriceAnomalies

CENTS = 2


def anomalies(snapshot: pl.DataFrame) -> pl.DataFrame:
    """The hashed columns of anomalies.price_anomalies for the days of a snapshot, in canonical order.

    `snapshot` has the columns `flags.COLUMNS`. A day's rows depend on its own snapshot only, so the rows of a range
    are those of its days.
    """
    rows = with_severity(with_reach(flags.flags(snapshot), snapshot), snapshot)
    texts = [explained(row) for row in rows.iter_rows(named=True)]
    rows = rows.with_columns(explanation=pl.Series(texts, dtype=pl.String), at_stake=pl.col("at_stake").round(CENTS))
    schema = PriceAnomalies.create_empty().schema
    return rows.select(pl.col(name).cast(schema[name]) for name in PriceAnomalies.hashed()).sort(PriceAnomalies.order())
