"""What the known columns of a panel mean: own price, rival prices, promotion flags, other numbers.

Here: telling them apart, by name and by values. Not here: what is computed from them (drivers).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pricing_assets.demand.panel import ID
from pricing_assets.demand.plan import Plan

OWN_NAMES = ("price", "own_price", "current_price", "shelf_price", "sell_price", "unit_price")
MOST_PROMOTED = 0.6
"""A flag set more often than this is a state of the shop, not a promotion."""
SAME = 0.95
"""Share of a series' rows from which a rival's price column is taken for the series' own."""
MOST_GROUP_SHARE = 0.5
"""A static column with more values than this share of the series groups nothing."""


@dataclass(frozen=True)
class Roles:
    """Names of columns by meaning; `own` is None where no price is known. Categories are text columns."""

    own: str | None
    rivals: tuple[str, ...]
    flags: tuple[str, ...]
    promotions: tuple[str, ...]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    groups: tuple[str, ...]
    measures: tuple[str, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """What is told of a date or a series besides prices and categories."""
        return (*self.flags, *self.numbers, *self.measures)


def roles_of(panel: pl.DataFrame, plan: Plan) -> Roles:
    """The roles of a checked panel's known and static columns.

    A column is price-like if its name contains "price" and its values are above 0. The series' own price is the one
    of the usual names (OWN_NAMES), else the first that is price-like; the others are rivals'. Of the rest, columns
    within 0 and 1 are flags, those not always set promotions. Static text columns that several series share are groups.
    """
    usable = [column for column in plan.known if panel[column].n_unique() > 1]
    prices = [column for column in usable if "price" in column.lower() and (panel[column].drop_nulls() > 0).all()]
    named = [name for name in OWN_NAMES for column in prices if column.lower() == name]
    own = next((column for name in named for column in prices if column.lower() == name), prices[0] if prices else None)
    rest = [column for column in usable if column not in prices]
    flags = [column for column in rest if panel[column].drop_nulls().is_between(0, 1).all()]
    set_often = panel.select((pl.col(column) > 0).mean() for column in flags).row(0) if flags else ()
    series = max(panel[ID].n_unique(), 1)
    categories = [column for column in plan.static if panel.schema[column] == pl.String]
    return Roles(
        own=own,
        rivals=tuple(column for column in prices if column != own),
        flags=tuple(flags),
        promotions=tuple(c for c, share in zip(flags, set_often, strict=True) if (share or 0.0) <= MOST_PROMOTED),
        numbers=tuple(column for column in rest if column not in flags),
        categories=tuple(categories),
        groups=tuple(c for c in categories if 1 < panel[c].n_unique() <= MOST_GROUP_SHARE * series),
        measures=tuple(column for column in plan.static if column not in categories),
    )


def without_own(panel: pl.DataFrame, roles: Roles) -> pl.DataFrame:
    """Rival prices that are the series' own price become null: a column per brand holds each brand's own too."""
    if roles.own is None or not roles.rivals:
        return panel
    same = [((pl.col(r) - pl.col(roles.own)).abs() < 1e-9).mean().over(ID) >= SAME for r in roles.rivals]
    return panel.with_columns(
        pl.when(is_own).then(None).otherwise(pl.col(r)).alias(r) for r, is_own in zip(roles.rivals, same, strict=True)
    )
