"""The agenda of a pass: which entries of the price book are new, replaced by newer ones, due, or too old.

Here: the price book beside the outbox, as frames. Not here: what may not go out all the same (guards).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from pricing_assets.publishing.outbox import KEY, OPEN, PRICE


class Agenda(NamedTuple):
    """`new`: without a state yet; `replaced`: never to be sent; `expired`: too late now; `due`: on their way.

    Each has PRICE, review_id, step, state, connector and dispatch.
    """

    new: pl.DataFrame
    replaced: pl.DataFrame
    expired: pl.DataFrame
    due: pl.DataFrame


def agenda(book: pl.DataFrame, latest: pl.DataFrame, as_of: datetime, lead: timedelta, expires: timedelta) -> Agenda:
    """What is to be done about the entries of a price book, each with its connector, given the state each is in.

    Of the entries for one moment the highest is sent; of the moments that are due, the last. An entry is due `lead`
    before it takes effect, and too old `expires` after that.
    """
    states = latest.select(*KEY, "step", "state", "dispatch")
    rows = book.select(*PRICE, "review_id", "connector").join(states, on=KEY, how="left", maintain_order="left")
    unsent = pl.col("state").is_null() | pl.col("state").cast(pl.String).is_in(OPEN)
    ready = rows.filter(pl.col("effective_from") <= as_of + lead)
    highest = _last(rows, ["sku", "market", "effective_from"])
    newest = _last(ready, ["sku", "market"])
    replaced = pl.concat(
        [
            rows.filter(unsent).join(highest, on=KEY, how="anti"),
            ready.filter(unsent).join(newest, on=KEY, how="anti"),
        ]
    ).unique(KEY, keep="first", maintain_order=True)
    left = rows.filter(unsent).join(replaced, on=KEY, how="anti", maintain_order="left")
    old = pl.col("effective_from") + expires <= as_of
    due = left.filter(pl.col("effective_from") <= as_of + lead)
    return Agenda(left.filter(pl.col("state").is_null()), replaced, due.filter(old), due.filter(~old))


def _last(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    return rows.sort("effective_from", "entry_no").unique(key, keep="last")
