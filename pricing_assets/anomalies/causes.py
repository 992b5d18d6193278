"""Causes: repeated alarms of one cause are one alarm.

Here: which flags belong together, over SKUs and over days. Not here: reading earlier days (inputs).

The same reason on consecutive days of a SKU in a market is one cause. The same reason on most SKUs of a market is one
cause of the market, and goes on while it stays so. Data that did not come is told apart by what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from hashlib import sha256

import polars as pl

MOST = 0.5
LEAST_SKUS = 10
"""An anomaly is the market's where more than MOST of its listed SKUs have it, and at least so many."""

LONGEST_REST = 7
"""Days without trade over which a cause goes on: a shop that rests on Sundays has not repaired anything."""

_WHAT = ["market", "reason", "detail"]


def with_reach(found: pl.DataFrame, snapshot: pl.DataFrame) -> pl.DataFrame:
    """The flagged rows with `detail` (what is missing) and `market_wide`."""
    detail = pl.when(pl.col("reason") == "MISSING_DATA").then(pl.col("missing_data")).otherwise(pl.lit(""))
    listed = snapshot.group_by("date", "market").len("listed")
    same = pl.len().over("date", *_WHAT)
    rows = found.with_columns(detail=detail).join(listed, on=["date", "market"], how="left", maintain_order="left")
    wide = (same >= LEAST_SKUS) & (same > MOST * pl.col("listed"))
    return rows.with_columns(market_wide=wide).drop("listed")


def with_causes(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """One day's rows (from `with_reach`) with `since` and `cause`, given those of the day of trade before.

    A row goes on with the `since` of the same SKU, reason and detail on that day; where the alarm is the market's, of
    the same reason and detail in the market.
    """
    key = pl.when("market_wide").then(pl.lit("*")).otherwise(pl.col("sku")).alias("who")
    known = before.select("market", "reason", "detail", key, pl.col("since")).unique(["who", *_WHAT])
    joined = rows.with_columns(key).join(known, on=["who", *_WHAT], how="left", maintain_order="left")
    joined = joined.with_columns(since=pl.coalesce("since", "date"))
    names = [_identity(*values) for values in joined.select("who", *_WHAT, pl.col("since").cast(pl.String)).iter_rows()]
    return joined.with_columns(cause=pl.Series(names, dtype=pl.String)).drop("who")


def over_days(
    found: pl.DataFrame, days: Sequence[date], traded: set[date], known: Callable[[date], pl.DataFrame]
) -> pl.DataFrame:
    """The rows of some days (from `with_reach`) with `since` and `cause`, day by day in the order of `days`.

    `traded` are all days of trade. `known` gives the rows, with causes, of a day of trade that is not among `days`.
    """
    done: dict[date, pl.DataFrame] = {}
    none = with_causes(found.clear(), found.clear().with_columns(since=pl.lit(None, pl.Date)))
    for day in days:
        before = day_before(day, traded)
        earlier = none if before is None else done[before] if before in done else known(before)
        done[day] = with_causes(found.filter(pl.col("date") == day), earlier)
    return pl.concat([none, *done.values()])


def day_before(day: date, traded: set[date]) -> date | None:
    """The last day of trade before `day`, if a cause can have gone on since then."""
    earlier = (day - timedelta(days=back) for back in range(1, LONGEST_REST + 1))
    return next((each for each in earlier if each in traded), None)


def _identity(who: str, market: str, reason: str, detail: str, since: str) -> str:
    """Twelve hex digits: enough to tell the alarms of a shop apart, short enough to be read aloud."""
    return sha256("\x1f".join([who, market, reason, detail, since]).encode()).hexdigest()[:12]
