"""Elasticity: how units answer prices, per SKU-market, with what is known about how well it is known.

Here: panel preparation, fixed effects, double ML, clustered errors, shrinkage, the range over specifications. Not here:
what units become at another price (demand/response), how the panel comes out of the lake.

- `elasticities` gives one row per series and kind (base, promotion), from any panel.
- `Columns` says which columns of the panel are the price, promotions, rivals' prices, and where prices are set.
"""

from __future__ import annotations

from pricing_assets.demand.elasticity.columns import Columns, checked, found
from pricing_assets.demand.elasticity.estimation import KINDS, elasticities

__all__ = ["KINDS", "Columns", "checked", "elasticities", "found"]
