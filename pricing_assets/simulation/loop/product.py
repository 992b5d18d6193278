"""The product as a policy: a strategy's text run through the rooms that price a shop.

Here: raw rows → features, elasticities, forecasts → decisions, day by day in memory. Not here: any arithmetic of prices,
which is that of features/, demand/, strategies/ and pricing/.

Decisions are made every day, elasticities and forecasts every few days, as a shop has them: elasticities are carried
until the next, and a forecast says at which price it was made.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pricing_assets.demand.estimates import estimate
from pricing_assets.demand.forecasts import NAMES, Served, rows_of
from pricing_assets.demand.panels import AHEAD, daily
from pricing_assets.features import Calendar, snapshot
from pricing_assets.pricing import decide
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.simulation.loop.raw import WINDOW, Rows
from pricing_assets.simulation.loop.world import View, World
from pricing_assets.simulation.randomness import Ints
from pricing_assets.strategies import parse

CALENDAR = Calendar("Europe/Berlin", {})
RATE_ONLY = "no model is in force"


class Product:
    """A strategy file in the product's rooms. `decisions` are rows of decisions.price_decisions, of every day."""

    def __init__(self, text: str, world: World, *, learn_every: int = 28, forecast_every: int = 7) -> None:
        self.strategy = parse(text)
        self.decisions: list[pl.DataFrame] = []
        self._rows = Rows(world)
        self._scene = world.scene
        self._learn_every, self._forecast_every = learn_every, forecast_every
        self._elasticities: pl.DataFrame | None = None
        self._forecasts: pl.DataFrame | None = None

    def ask(self, view: View) -> Ints:
        """The final prices of the day's decisions."""
        seen, day = self._rows.seen(), self._rows.today()
        known = self._outlook(seen, day, view.day + 1 - view.history)
        self.features = snapshot(seen, [day], CALENDAR)
        days = pl.DataFrame({"date": [day], "basis": ["simulation"], "late": [False]})
        decided = decide(self.features, [self.strategy], days, None, known).decisions
        self.decisions.append(decided)
        return self._prices(decided, view)

    def _outlook(self, seen: dict[str, pl.DataFrame], day: date, number: int) -> Outlook:
        """What is known of demand on the day: learned now, or carried from when it was."""
        learn = self._elasticities is None or number % self._learn_every == 0
        if learn or number % self._forecast_every == 0:
            panels = daily(seen, _holidays(day), day)
            if learn:
                self._elasticities = estimate(panels, seen)
            self._forecasts = rows_of(panels, NAMES["D"], Served(None, reason=RATE_ONLY))
        assert self._elasticities is not None and self._forecasts is not None
        carried = (day - self._forecasts["date"][0]).days
        later = [pl.col(name) + pl.duration(days=carried) for name in ("date", "target_date")]
        forecasts = self._forecasts.with_columns(later)
        elasticities = self._elasticities.with_columns(date=pl.lit(day))
        return outlook(forecasts, elasticities, {})

    def _prices(self, decided: pl.DataFrame, view: View) -> Ints:
        settings = self._scene.settings
        assortment = self._scene.assortment
        cells = pl.DataFrame(
            {
                "sku": settings.sku_names().gather(assortment.sku),
                "market": pl.Series(settings.market_names()).gather(assortment.market),
            }
        )
        rows = cells.join(decided, on=["sku", "market"], how="left", maintain_order="left")
        cents = (rows["final_price"] * 100).cast(pl.Float64).round().cast(pl.Int64)
        return np.asarray(cents.fill_null(pl.Series(view.current)).to_numpy(), dtype=np.int64)


def _holidays(day: date) -> pl.DataFrame:
    """No market of a simulation has public holidays."""
    return CALENDAR.holidays([day - timedelta(days=WINDOW), day + timedelta(days=AHEAD)])
