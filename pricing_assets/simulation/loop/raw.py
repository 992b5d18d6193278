"""What the shop sees as rows of raw tables, so that the product's own rooms may look at it.

Here: rows of raw tables of a world, up to a day. Not here: what the rooms make of them (product).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pricing_assets.simulation.frames import TAX_BASIS, amount, evening_of
from pricing_assets.simulation.loop.world import World
from pricing_assets.simulation.promotions import KINDS as PROMOTION_KINDS
from pricing_assets.simulation.randomness import Ints
from pricing_assets.simulation.rivals import NAMES
from pricing_assets.simulation.settings import CATEGORIES

WINDOW = 400
"""Days of history of which there are rows: what demand looks back on; features look back on less."""
_PRICE_TYPE, _KIND = pl.Enum(["list", "current"]), pl.Enum(["posted", "realised"])
_SOURCE = pl.Enum(["recorded", "assumed"])


class Rows:
    """Rows of the raw tables of a world; those of days that are over are made once."""

    def __init__(self, world: World) -> None:
        settings = world.scene.settings
        self._world = world
        self._skus, self._markets = settings.sku_names(), pl.Series(settings.market_names())
        self._currencies = pl.Series(settings.currencies())
        self._made: dict[str, pl.DataFrame] = {}
        self._until = -1

    def seen(self) -> dict[str, pl.DataFrame]:
        """The rows of the last WINDOW days by name of raw table, as of the world's day."""
        world = self._world
        first = max(self._until + 1, world.day - WINDOW + 1)
        if first <= world.day:
            fresh = self._of_days(first, world.day)
            start = world.scene.settings.day(world.day) - timedelta(days=WINDOW - 1)
            for name, rows in fresh.items():
                kept = self._made[name].filter(pl.col(rows.columns[0]) >= start) if name in self._made else rows.clear()
                self._made[name] = pl.concat([kept, rows])
            self._until = world.day
        return dict(self._made)

    def today(self) -> date:
        """The world's day."""
        return self._world.scene.settings.day(self._world.day)

    def _of_days(self, first: int, last: int) -> dict[str, pl.DataFrame]:
        day, cell = (grid.ravel() for grid in np.mgrid[first : last + 1, 0 : self._world.scene.settings.cells])
        return {
            "raw.products": self._products(first, last),
            "raw.listings": self._of(day, cell).with_columns(on_sale=pl.lit(value=True)),
            "raw.prices": self._prices(day, cell),
            "raw.sales": self._sales(day, cell),
            "raw.stock": self._stock(day, cell),
            "raw.promotions": self._promotions(first, last),
            "raw.competitor_snapshots": self._rivals(first, last),
        }

    def _products(self, first: int, last: int) -> pl.DataFrame:
        assortment = self._world.scene.assortment
        of_sku = pl.DataFrame({"sku": self._skus, "category": pl.Series(CATEGORIES).gather(assortment.category)})
        days = pl.DataFrame({"date": [self._world.scene.settings.day(day) for day in range(first, last + 1)]})
        nothing = [pl.lit(None, pl.String).alias(name) for name in ("brand", "attributes")]
        return days.join(of_sku, how="cross").with_columns(nothing)

    def _prices(self, day: Ints, cell: Ints) -> pl.DataFrame:
        market, costs = self._world.market, self._world.scene.costs
        parts = [
            self._of(day, cell).with_columns(
                price_type=pl.lit(kind, _PRICE_TYPE),
                price=amount(pl.Series(prices[day, cell])),
                cost=amount(pl.Series(costs[day, cell])),
                currency=self._currencies.gather(self._world.scene.assortment.market[cell]),
                price_kind=pl.lit("posted", _KIND),
                cost_source=pl.lit("recorded", _SOURCE),
            )
            for kind, prices in (("list", market.regular), ("current", market.days["price"]))
        ]
        return pl.concat(parts)

    def _sales(self, day: Ints, cell: Ints) -> pl.DataFrame:
        days = self._world.market.days
        sold = days["sold"][day, cell]
        return self._of(day, cell).with_columns(
            units=pl.Series(sold),
            returned_units=pl.Series(days["returned"][day, cell]),
            revenue=amount(pl.Series(sold * days["price"][day, cell])),
            currency=self._currencies.gather(self._world.scene.assortment.market[cell]),
        )

    def _stock(self, day: Ints, cell: Ints) -> pl.DataFrame:
        days = self._world.market.days
        short = days["wanted"][day, cell] > days["opening"][day, cell]
        return self._of(day, cell).with_columns(
            on_hand=pl.Series(days["on_hand"][day, cell]),
            sold_out_hours=pl.Series(np.where(short, 1.0, 0.0)),
            oldest_received_on=pl.lit(None, pl.Date),
        )

    def _promotions(self, first: int, last: int) -> pl.DataFrame:
        plans, planned = self._world.scene.plans, self._world.market.planned
        made = np.flatnonzero((planned > 0) & (plans.known >= first) & (plans.known <= last))
        length = plans.end[made] - plans.start[made] + 1
        plan = np.repeat(made, length)
        step = np.arange(len(plan)) - np.repeat(np.cumsum(length) - length, length)
        kind = plans.kind[plan]
        start = pl.lit(self._world.scene.settings.first_day)
        rows = self._of(plans.known[plan], plans.cell[plan]).rename({"date": "known_on"}).drop("known_at")
        rows = rows.with_columns(target=pl.Series(plans.start[plan] + step, dtype=pl.Int64))
        return rows.select(
            "known_on",
            (start + pl.duration(days="target")).alias("target_date"),
            "sku",
            "market",
            amount(pl.Series(planned[plan])).alias("planned_price"),
            self._currencies.gather(self._world.scene.assortment.market[plans.cell[plan]]).alias("currency"),
            pl.Series("feature", kind == PROMOTION_KINDS.index("leaflet")),
            pl.Series("display", kind == PROMOTION_KINDS.index("display")),
        )

    def _rivals(self, first: int, last: int) -> pl.DataFrame:
        seen = self._world.market.seen
        day, rival, cell = np.nonzero(seen["captured"][first : last + 1])
        day = day + first
        return (
            self._of(day, cell)
            .drop("known_at")
            .with_columns(
                competitor=pl.Series(NAMES).gather(rival),
                price=amount(pl.Series(seen["rival_prices"][day, rival, cell])),
                currency=self._currencies.gather(self._world.scene.assortment.market[cell]),
                tax_basis=pl.lit("gross").cast(TAX_BASIS),
                in_stock=pl.Series(seen["deliverable"][day, rival, cell]),
            )
        )

    def _of(self, day: Ints, cell: Ints) -> pl.DataFrame:
        """date, sku, market and known_at of day numbers and cells."""
        scene = self._world.scene
        start = pl.lit(scene.settings.first_day)
        frame = pl.DataFrame({"number": pl.Series(day, dtype=pl.Int64)})
        return frame.select(
            date=start + pl.duration(days="number"),
            sku=self._skus.gather(scene.assortment.sku[cell]),
            market=self._markets.gather(scene.assortment.market[cell]),
        ).with_columns(known_at=evening_of("date"))
