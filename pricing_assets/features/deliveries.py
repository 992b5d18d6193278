"""Features of what should have come for D and did not: price, sales, stock, rivals.

Here: whether each kind of data came, compared with when it usually comes. Not here: what came.

A listed SKU must have a price. Stock and sales are missed where they came on the same weekday of the last two weeks
and on most days between, so a shop that rests on Sundays misses nothing on a Sunday. Sales are missed only where the
market's source reports days without a sale: elsewhere no row is no sale. Rivals are missed where a snapshot of one
came on nearly every day of the two weeks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from pricing_assets.features.rivals import Rivals
from pricing_assets.features.targets import Seen, Targets
from pricing_assets.features.visibility import SPAN, Ints
from pricing_assets.features.windows import Bools, History, running

WEEKS_DAYS = 14
MOST_DAYS = 9  # of the two weeks before D: what comes on five days a week comes on ten
NEARLY_ALL_DAYS = 12  # of the two weeks before D: rivals are watched less regularly
IDLE_DAYS = 56


def named(gaps: Mapping[str, Bools]) -> pl.Series:
    """Of each target, the kinds of data that are missing, comma separated in alphabetical order; empty if none is."""
    texts = [pl.when(pl.Series(gaps[kind])).then(pl.lit(kind)) for kind in sorted(gaps)]
    return pl.select(pl.concat_str(texts, separator=",", ignore_nulls=True)).to_series()


def missed(seen: Seen) -> Bools:
    """Whether each target's day has no row though it was to be expected."""
    group, day = seen.group, seen.day
    right = seen.history.after(group, day - 1)
    number = right - seen.history.after(group, day - 1 - WEEKS_DAYS)
    usual = (number >= MOST_DAYS) & seen.history.on(group, day - 7)[1] & seen.history.on(group, day - 14)[1]
    missing: Bools = usual & ~seen.history.on(group, day)[1]
    return missing


def sales_missed(seen: Seen, targets: Targets) -> Bools:
    """Whether each target's sales are missing, in markets where days without a sale are reported."""
    idle = running(_idle(seen))
    right = seen.history.after(seen.group, seen.day)
    number = idle[right] - idle[seen.history.after(seen.group, seen.day - IDLE_DAYS)]
    rows = targets.keys.select("date", "market").with_columns(pl.Series("idle", number))
    reported = rows.select((pl.col("idle").sum().over("date", "market") > 0).alias("reported"))["reported"]
    missing: Bools = reported.to_numpy() & missed(seen)
    return missing


def rivals_missed(rivals: Rivals, targets: Targets) -> Bools:
    """Whether no snapshot came on D, of any rival, though some came on nearly every day of the two weeks before."""
    days = np.unique(rivals.pair * SPAN + rivals.first)
    history = History(days // SPAN, days % SPAN)
    today, before, past = (history.after(targets.pair, targets.day - back) for back in (0, 1, WEEKS_DAYS + 1))
    missing: Bools = (today == before) & (before - past >= NEARLY_ALL_DAYS)
    return missing


def _idle(seen: Seen) -> Ints:
    units = seen.frame["units"].to_numpy()[seen.order]
    returned = seen.frame["returned_units"].to_numpy()[seen.order]
    idle: Ints = ((units == 0) & (returned == 0)).astype(np.int64)
    return idle
