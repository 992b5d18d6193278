"""What a dbt model shows of itself in the Dagster UI once it is built: rows, a sample, column lineage, a plot.

Here: asking the fresh warehouse for it. Not here: building it (warehouse), following columns through SQL
(lake/lineage), how a value looks (catalog, plots).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from pricing_assets.defs import catalog, plots
from pricing_assets.errors import PricingError

if TYPE_CHECKING:
    from pricing_assets.lake.lineage import Lineage

_DAYS = 90


def _lately(mart: str) -> str:
    """Of plots that have a bar a day: a thousand bars take seconds to draw, and nobody can tell them apart."""
    return f"where date > (select max(date) from {mart}) - {_DAYS}"


# mart → name of its plot, the rows it shows, how they are drawn
_PLOTS: dict[str, tuple[str, str, Callable[[pl.DataFrame], dg.MarkdownMetadataValue]]] = {
    "marts.decision_summary": (
        f"changed by day, last {_DAYS} days",
        "select date, sum(decisions)::bigint as decisions, sum(changed)::bigint as changed "
        f"from marts.decision_summary {_lately('marts.decision_summary')} group by date order by date",
        plots.changed_by_day,
    ),
    "marts.inventory_ageing": (
        "stock by age and category",
        'select category, sum(units_0_30)::bigint as "0–30", sum(units_31_60)::bigint as "31–60", '
        'sum(units_61_90)::bigint as "61–90", sum(units_91_180)::bigint as "91–180", '
        'sum(units_over_180)::bigint as "over 180", sum(units_unknown)::bigint as "unknown" '
        "from marts.inventory_ageing where date = (select max(date) from marts.inventory_ageing) "
        "group by category order by category desc",
        plots.ageing,
    ),
    "marts.competitor_position": (
        "gap to the lowest rival",
        "from marts.competitor_position where date = (select max(date) from marts.competitor_position)",
        plots.gaps,
    ),
    "marts.anomalies_daily": (
        f"alarms by day, last {_DAYS} days",
        "select date, reason, sum(alarms)::bigint as alarms "
        f"from marts.anomalies_daily {_lately('marts.anomalies_daily')} group by all order by all",
        plots.alarms_by_day,
    ),
    "marts.pricing_effectiveness": (
        "what pricing earned",
        "from marts.pricing_effectiveness order by all",
        plots.effectiveness,
    ),
    "marts.shadow_comparison": (
        f"profit of shadows, last {_DAYS} days",
        "select date, shadow, sum(expected_profit_difference)::double as expected_profit_difference, "
        "sum(live_expected_profit)::double as live_expected_profit "
        f"from marts.shadow_comparison {_lately('marts.shadow_comparison')} group by all order by all",
        plots.shadows_by_day,
    ),
    "marts.margins": (
        "margins of the last day",
        "from marts.margins where date = (select max(date) from marts.margins where decided_price is not null)",
        plots.margins,
    ),
}


def of(
    analytics: Path, compiled: Mapping[str, str], tables: Mapping[str, Mapping[str, str]], known: Path
) -> dict[str, dict[str, Any]]:
    """Metadata of each model (`schema.table`) in a warehouse, given the SQL it was built with and its column types.

    `known` is the file that keeps the lineage found, for SQL that is built day after day.
    """
    from pricing_assets.lake.lineage import Lineage
    from pricing_assets.lake.warehouse import reader  # DuckDB, which loading the code location does not need

    shown: dict[str, dict[str, Any]] = {}
    lineage = Lineage(tables, known)
    with reader(analytics) as ask:
        for model, sql in compiled.items():
            shown[model] = {
                "dagster/row_count": ask(f"select count(*) from {model}").item(),
                "sample": catalog.sample(ask(f"from {model} order by all desc limit {catalog.SAMPLE_ROWS}")),
                **_lineage(model, sql, lineage),
            }
            if model in _PLOTS:
                name, rows, draw = _PLOTS[model]
                shown[model][name] = draw(ask(rows))
    lineage.keep()
    return shown


def column_types(analytics: Path) -> dict[str, dict[str, str]]:
    """Columns and types of every `schema.table`, as the warehouse itself has them."""
    from pricing_assets.lake.warehouse import query

    columns = query(
        analytics,
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() where not internal",
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, dtype in columns.iter_rows():
        found.setdefault(table, {})[column] = dtype
    return found


def _lineage(model: str, sql: str, lineage: Lineage) -> dict[str, dg.TableColumnLineage]:
    """Where each column comes from; nothing, and a warning, where the SQL does not tell for sure."""
    try:
        sources = lineage.of(sql)
        if set(sources) != set(lineage.tables[model]):
            raise PricingError("lineage unknown: the SQL names other columns than it built", "name them one by one")
    except PricingError as fault:
        dg.get_dagster_logger().warning(f"{model}: {fault}")
        return {}
    return {"dagster/column_lineage": catalog.made_from(sources)}
