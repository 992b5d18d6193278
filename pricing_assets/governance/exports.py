"""The whole store as tables for analysts.

Here: rows of the tables in tables/governance that are exported. Not here: where they are written (lake/warehouse).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from pricing_assets.governance.ledger import dumps
from pricing_assets.governance.store import Store
from pricing_assets.tables.base import Table
from pricing_assets.tables.governance import Audit, Events, Overrides


def exported(store: Store, day: date) -> dict[type[Table], pl.DataFrame]:
    """Table → its rows; the state of an override is that on an effective day."""
    events = [{**vars(event), "payload": dumps(event.payload)} for event in store.events()]
    audit = [{**row, "before": _json(row["before"]), "after": dumps(row["after"])} for row in store.audit()]
    overrides = [
        {**vars(each), **vars(each.scope), "override_id": each.id, "state": each.state(day)}
        for each in store.overrides()
    ]
    return {Events: _rows(Events, events), Audit: _rows(Audit, audit), Overrides: _rows(Overrides, overrides)}


def _json(state: Mapping[str, Any] | None) -> str | None:
    return None if state is None else dumps(state)


def _rows(table: type[Table], rows: list[dict[str, Any]]) -> pl.DataFrame:
    return table.validate(pl.DataFrame(rows, schema=table.create_empty().schema))
