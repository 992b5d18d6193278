"""Sales of clusters of which some are held out, as marts.pricing_effectiveness has them, with a planted effect.

Here: what tests of the figures and of the shell share. Not here: any test.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

START = date(2026, 1, 15)
SCHEMA: dict[str, Any] = {"date": pl.Date, "category": pl.String, "market": pl.String, "currency": pl.String}
SCHEMA |= {"units": pl.Int64, "revenue": pl.Decimal(18, 4), "profit": pl.Decimal(18, 4), "held": pl.Boolean}
SCHEMA |= {"period": pl.Int64, "period_from": pl.Date, "period_until": pl.Date}


def sold(clusters: int = 24, periods: int = 2, lift: float = 0.0, noise: float = 0.02, seed: int = 1) -> pl.DataFrame:
    """Days of clusters: 28 before the first period, then periods in which two, others each time, are held.

    A cluster that is priced sells `lift` more, of each unit it earns half of the price.
    """
    random = np.random.default_rng(seed)
    rows = []
    for n in range(clusters):
        size = 50 * (1 + n % 5)
        for day in range(-28, 28 * periods):
            number = day // 28
            held = None if number < 0 else n // 2 == number
            units = round(size * (1 + random.normal(0, noise) + (lift if held is False else 0.0)) * (1 + 0.1 * number))
            span = (
                [START + timedelta(days=28 * number + edge) for edge in (0, 27)] if held is not None else [None, None]
            )
            money = [f"{units * 2}.0000", f"{units}.0000"]
            on = START + timedelta(days=day)
            rows.append((on, f"c{n:02}", "UK", "GBP", units, *money, held, number if span[0] else None, *span))
    text = {name: pl.String if isinstance(dtype, pl.Decimal) else dtype for name, dtype in SCHEMA.items()}
    return pl.DataFrame(rows, schema=text, orient="row").cast(SCHEMA)
