"""The schema of every table: the contract between rooms, and the only place where columns are written down.

Here: one module per schema (raw, features, anomalies, forecasts, monitoring, decisions, publishing, runs, governance,
models), one dataframely class per table. Not here: how rows are read, computed or stored.

A class says everything about a table: its docstring the grain, each column its dtype, unit (in the description),
nullability and key. Two marks live in a column's metadata: `from` lists the columns it is computed from (the column
lineage Dagster shows), `provenance` keeps it outside the content hash.
"""

from __future__ import annotations

from pricing_assets.tables import (
    anomalies,
    decisions,
    features,
    forecasts,
    governance,
    models,
    monitoring,
    publishing,
    raw,
    runs,
)
from pricing_assets.tables.base import Table

__all__ = [
    "ALL",
    "EXPORTED",
    "RAW",
    "REQUIRED",
    "Table",
    "anomalies",
    "by_name",
    "decisions",
    "features",
    "forecasts",
    "governance",
    "models",
    "monitoring",
    "publishing",
    "raw",
    "runs",
]

RAW: tuple[type[Table], ...] = (
    raw.Products,
    raw.Listings,
    raw.Prices,
    raw.Sales,
    raw.Stock,
    raw.Promotions,
    raw.CompetitorSnapshots,
)
REQUIRED: tuple[type[Table], ...] = (raw.Listings, raw.Prices, raw.Sales)
ALL: tuple[type[Table], ...] = (
    *RAW,
    raw.Quarantine,
    features.FeatureSnapshots,
    anomalies.PriceAnomalies,
    forecasts.DemandForecasts,
    forecasts.Elasticities,
    forecasts.Accuracy,
    monitoring.DriftMetrics,
    governance.Strategies,
    decisions.Overrides,
    decisions.Reviews,
    decisions.Autonomy,
    decisions.PriceDecisions,
    decisions.PriceSteps,
    decisions.LinkedGoals,
    decisions.PriceSentences,
    decisions.DemandDrivers,
    decisions.PriceBook,
    decisions.Holdouts,
    decisions.PriceTests,
    decisions.ShadowDecisions,
    publishing.Publications,
    publishing.Reconciliations,
    runs.Days,
    runs.Checks,
    runs.Executions,
)
EXPORTED: tuple[type[Table], ...] = (
    governance.Events,
    governance.Audit,
    governance.Overrides,
    governance.Reviews,
    governance.Autonomy,
    governance.DriftEvents,
    governance.LateDays,
    models.Versions,
)
"""Tables of analytics.duckdb alone, written anew at each refresh; the lake does not have them."""


def by_name(name: str) -> type[Table]:
    """The class of a table by its name, e.g. `raw.prices`. Raises KeyError for a name that is no table."""
    return {table.table_name(): table for table in (*ALL, *EXPORTED)}[name]
