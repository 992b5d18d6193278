"""Identity of a decision: what it was decided from, as one hash.

Here: the hash over all a day was decided from, and the ids that follow from it. Not here: reading any of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from pricing_assets.lake.hashing import combine

_SEPARATOR = "\x1f"
_ROWS = 1 << 14  # rows hashed together: few enough for their texts to stay in the processor's cache


@dataclass(frozen=True)
class Terms:
    """What one day is decided on: when it takes effect, and the identities of all that goes in.

    `inputs` maps a table to the hash of what the day saw of it, `strategies` are text hashes, `verdicts` maps a check
    to whether it passed, `settings` are the decision-relevant ones, `overrides` say all that rows obey of them,
    `models` are those that made its forecasts: name, version and artifact hash, `reviews` the answers it obeys and
    `autonomy` what governance tightens. Run ids, Delta versions and clock times are provenance and stay outside.
    """

    day: date
    late: bool
    effective_from: datetime
    inputs: Mapping[str, str]
    strategies: Sequence[str]
    verdicts: Mapping[str, bool]
    settings: Mapping[str, Any]
    overrides: Sequence[Mapping[str, Any]] = ()
    models: Sequence[str] = ()
    reviews: Sequence[Mapping[str, Any]] = ()
    autonomy: Sequence[Mapping[str, Any]] = ()


LOGIC_VERSION = 8
"""Raise it with every change that can make another decision from equal inputs: the golden days say when. It is one of
a day's settings, so new runs supersede old decisions, and replay of an old day still compares under its own terms."""


def basis(terms: Terms) -> str:
    """Hash of all that a day's decisions follow from, 64 hex digits."""
    content = {
        "date": terms.day.isoformat(),
        "late": terms.late,
        "inputs": dict(terms.inputs),
        "strategies": sorted(terms.strategies),
        "models": sorted(terms.models),
        "overrides": [dict(each) for each in terms.overrides],
        "verdicts": dict(terms.verdicts),
        "reviews": [dict(each) for each in terms.reviews],
        "settings": dict(terms.settings),
    }
    if terms.autonomy:  # days decided before there was any keep their basis
        content["autonomy"] = [dict(each) for each in terms.autonomy]
    return combine(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True))


def settled(terms: Terms, standing: Mapping[str, Any] | None) -> tuple[str, bool]:
    """Basis and lateness of a day: those that stand where nothing else changed, so that time alone supersedes nothing.

    `standing` is the day's row of runs.days, or None. A day decided in time and run again after its cut-off from equal
    inputs keeps what it published. Time never makes a late day timely: where one is, the shop is judged by other
    settings now, and the new terms count.
    """
    if standing is not None and standing["basis"] is not None and (terms.late or not standing["late"]):
        unchanged = basis(replace(terms, late=standing["late"]))
        if unchanged == standing["basis"]:
            return unchanged, standing["late"]
    return basis(terms), terms.late


def decision_ids(frame: pl.DataFrame) -> pl.Series:
    """First 32 hex digits of SHA-256 over basis, SKU and market of each row.

    The SKU's length goes in too: a separator inside a name makes no two rows one.
    """
    length = pl.col("sku").str.len_bytes().cast(pl.String)
    text = pl.concat_str("basis", length, "sku", "market", separator=_SEPARATOR).cast(pl.Binary)
    digest = hashlib.sha256
    found = [
        pl.Series([digest(each).digest() for each in rows.select(text).to_series().to_list()], dtype=pl.Binary)
        for rows in frame.iter_slices(_ROWS)
    ]
    digests = pl.concat([pl.Series("decision_id", [], dtype=pl.Binary), *found])
    return digests.bin.head(16).bin.encode("hex").alias("decision_id")
