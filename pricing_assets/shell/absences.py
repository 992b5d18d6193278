"""Why something is not there: a SKU that was withdrawn, a row that was set aside.

Here: looking for the cause in what was received. Not here: what is there (showing).
"""

from __future__ import annotations

import json
from datetime import date

import polars as pl

from pricing_assets.shell.command import Shell
from pricing_assets.tables.raw import Listings, Quarantine


def rows_set_aside(shell: Shell, sku: str, market: str, day: date) -> list[str]:
    """`raw.prices row 3: the rule it broke`, for each quarantined row of the day that names the SKU and market."""
    rows = shell.lake.read(Quarantine, day, day).sort("table", "row")
    return [
        f"{row['table']} row {row['row']}: {row['rule']}"
        for row in rows.iter_rows(named=True)
        if _names(row["record"], sku, market)
    ]


def _names(record: str, sku: str, market: str) -> bool:
    received: dict[str, object] = json.loads(record)
    return (received.get("sku"), received.get("market", market)) == (sku, market)


def why_not_listed(shell: Shell, sku: str, market: str, day: date) -> str:
    """When it was withdrawn or last on sale, or its rows in quarantine; empty where it was never on sale."""
    rows = shell.lake.read(Listings, None, day).filter(pl.col("sku") == sku, pl.col("market") == market)
    last = rows.sort("date", "known_at").unique("date", keep="last", maintain_order=True)
    aside = rows_set_aside(shell, sku, market, day)
    if aside:
        return f"in quarantine: {'; '.join(aside)}"
    if not last.filter("on_sale").height:
        return ""
    on_sale = last.filter("on_sale")["date"][-1]
    after = last.filter(pl.col("date") > on_sale)
    return f"it was withdrawn on {after['date'][0]}" if after.height else f"it was last on sale on {on_sale}"
