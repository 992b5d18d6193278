"""What people decide, kept where runs can read it: strategies, overrides, approvals, champions; with who and why.

Here: the governance store, an append-only log in SQLite or PostgreSQL. Not here: what a strategy means (strategies/),
the lake's export for analysts (tables/governance.py, written by runs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing_assets.governance.drift_records import Approval, Champion, Drift, DriftEvent, Outcome, Validated
from pricing_assets.governance.records import ActiveStrategy, Event, Language, Override, Scope, Shadow
from pricing_assets.governance.review_records import AutonomyScope, Limits, Proposal, Review, Tightening

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from pricing_assets.governance.gate import Gate
    from pricing_assets.governance.store import Store
    from pricing_assets.tables import Table

__all__ = [
    "ActiveStrategy",
    "Approval",
    "AutonomyScope",
    "Champion",
    "Drift",
    "DriftEvent",
    "Event",
    "Gate",
    "Language",
    "Limits",
    "Outcome",
    "Override",
    "Proposal",
    "Review",
    "Scope",
    "Shadow",
    "Store",
    "Tightening",
    "Validated",
    "exported",
    "open_store",
]


def open_store(url: str, language: Language | None = None) -> Store:
    """Opens the store at a SQLAlchemy URL, creating and migrating its database where needed.

    `language` is what reads a strategy's text: pass the module `pricing_assets.strategies` to activate, roll back or
    ensure the default; a store opened without it only looks things up. Raises PricingError for a URL that is none, a
    database that cannot be reached, and a schema newer than this code.
    """
    from pricing_assets.governance.database import Database
    from pricing_assets.governance.store import Store

    return Store(Database(url), language)


def exported(store: Store, day: date) -> dict[type[Table], pl.DataFrame]:
    """The whole store as the tables of analytics.duckdb; overrides in their state on an effective day."""
    from pricing_assets.governance import exports

    return exports.exported(store, day)


def __getattr__(name: str) -> object:
    """`Store` and `Gate`, imported when first asked for: SQLAlchemy stays out of an import of this room."""
    if name == "Store":
        from pricing_assets.governance.store import Store

        return Store
    if name == "Gate":
        from pricing_assets.governance.gate import Gate

        return Gate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
