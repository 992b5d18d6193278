"""What people decided, exported by each run for analysts. The store itself is governance/, in SQL."""

from __future__ import annotations

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier


class Strategies(Table):
    """One row per strategy in force when the day was decided, with its whole text: replay needs nothing else."""

    date = day()
    name = identifier("name of the strategy")
    version = dy.Int64(min=1, description="counts the activations of this strategy", metadata={"provenance": True})
    hash = identifier("SHA-256 of the text", key=False)
    priority = dy.Int64(description="the highest claims the SKU")
    text = dy.String(description="the strategy as activated, YAML")
    activated_by = dy.String(description="who activated it", metadata={"provenance": True})
