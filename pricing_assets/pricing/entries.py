"""Entries of the price book that people make: approvals and rollbacks, through a row of runs.days of their own.

Here: adding entries to the book of a day that stands. Not here: which entries (publishing/, governance/), the book a
run makes (book).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance, claims
from pricing_assets.lake import days as manifests
from pricing_assets.lake.hashing import canonical
from pricing_assets.pricing.manifest import installed_hash
from pricing_assets.tables.decisions import PriceBook


def enter(lake: Lake, day: date, new: pl.DataFrame, provenance: Provenance, now: datetime) -> bool:
    """Adds entries to the book of a day and makes the day stand with them; whether anything changed.

    All else of the day stays as it stands; a raw file that a later day's late rows replaced does not come back. The
    caller has claimed the day. Raises PricingError where it does not stand, and where the claim was lost.
    """
    rows = manifests.standing(lake).filter(date=day).to_dicts()
    if not rows:
        raise PricingError(f"{day}: was never decided, so it has no price book", f"`pricing run --date {day}` first")
    files = manifests.manifested(lake, PriceBook)
    known = lake.read_files(PriceBook, [files[day]] if day in files else [])
    book = canonical(PriceBook.cast(pl.concat([known, PriceBook.cast(new)])), PriceBook)
    (written,) = lake.commit(PriceBook, book, [day], provenance)
    with claims.held(lake, [day], provenance.run_id), manifests.alone(lake) as commit:
        others = [file for file in rows[0]["tables"] if manifests.is_in_force(file, manifests.manifest(lake))]
        row = _row(rows[0] | {"tables": others}, asdict(written), provenance, now)
        schema = manifests.standing(lake).drop("sequence").schema
        return bool(commit(pl.DataFrame([row], schema=schema), provenance))


def _row(standing: Mapping[str, Any], book: Mapping[str, Any], provenance: Provenance, now: datetime) -> dict[str, Any]:
    """The standing row of the day with another price book in force."""
    others = [
        file for file in standing["tables"] if (file["table"], file["partition"]) != (book["table"], standing["date"])
    ]
    return {
        **{name: value for name, value in standing.items() if name != "sequence"},
        "tables": [*others, dict(book)],
        "run_id": provenance.run_id,
        "code_version": provenance.code_version,
        "lock_hash": installed_hash(),
        "committed_at": now,
    }
