"""The product as a policy: a strategy's text run through the rooms that price a shop.

Here: raw rows → features, elasticities, forecasts → decisions, day by day in memory. Not here: arithmetic of prices:
that is features/, demand/, strategies/ and pricing/.

Decisions are made every day, elasticities and forecasts every few days: both are carried until the next. Forecasts are
by the rate of a quarter, which stands for the model a strategy asks and says at which mean price it was, or by a model
trained once, on the history.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pricing_assets.demand.estimates import estimate
from pricing_assets.demand.forecasts import NAMES, Served, forecast_panels, rows_of
from pricing_assets.demand.model import fit
from pricing_assets.demand.panel import DATE, ID
from pricing_assets.demand.panels import AHEAD, PRICE, Panels, daily, series_pair
from pricing_assets.demand.simple import RATE_STEPS
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar, snapshot
from pricing_assets.pricing import decide
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.simulation.loop.raw import WINDOW, Rows
from pricing_assets.simulation.loop.world import View, World
from pricing_assets.simulation.randomness import Ints
from pricing_assets.strategies import parse
from pricing_assets.tables.money import AT_REST

CALENDAR = Calendar("Europe/Berlin", {})
FORECASTS = ("rate", "model")
_VERSION = 1


class Product:
    """A strategy file in the product's rooms. `decisions` are rows of decisions.price_decisions, of every day."""

    def __init__(
        self,
        text: str,
        world: World,
        *,
        decide_every: int = 1,
        learn_every: int = 28,
        forecast_every: int = 7,
        forecasts: str = "rate",
    ) -> None:
        if forecasts not in FORECASTS:
            raise PricingError(f"forecasts: {forecasts}", f"expected one of {', '.join(FORECASTS)}")
        self.strategy = parse(text)
        self.features = pl.DataFrame()
        self._by_model, self._model = forecasts == "model", Served(None, reason="no model is in force")
        self.decisions: list[pl.DataFrame] = []
        self._rows = Rows(world)
        self._scene = world.scene
        self._decide_every, self._learn_every, self._forecast_every = decide_every, learn_every, forecast_every
        self._elasticities: pl.DataFrame | None = None
        self._forecasts: pl.DataFrame | None = None
        self._learned = self._forecast = 0

    def ask(self, view: View) -> Ints:
        """The final prices of the day's decisions."""
        self.decided = (view.day + 1 - view.history) % self._decide_every == 0
        if not self.decided:
            return view.current
        seen, day = self._rows.seen(), self._rows.today()
        known = self._outlook(seen, day, view.day + 1 - view.history)
        self.features = snapshot(seen, [day], CALENDAR)
        days = pl.DataFrame({"date": [day], "basis": ["simulation"], "late": [False]})
        decided = decide(self.features, [self.strategy], days, None, known).decisions
        self.decisions.append(decided)
        return self._prices(decided, view)

    def _outlook(self, seen: dict[str, pl.DataFrame], day: date, number: int) -> Outlook:
        """What is known of demand on the day: learned now, or carried from when it was."""
        learn = self._elasticities is None or number >= self._learned + self._learn_every
        if learn or number >= self._forecast + self._forecast_every:
            panels = daily(seen, no_holidays(day), day)
            if learn:
                self._elasticities, self._learned = estimate(panels, seen), number
            self._forecasts, self._forecast = self._made(panels), number
        assert self._elasticities is not None and self._forecasts is not None
        carried = (day - self._forecasts["date"][0]).days
        later = [pl.col(name) + pl.duration(days=carried) for name in ("date", "target_date")]
        forecasts = self._forecasts.with_columns(later)
        elasticities = self._elasticities.with_columns(date=pl.lit(day))
        return outlook(forecasts, elasticities, {}, learned=self.strategy.ml is not None)

    def _made(self, panels: Panels) -> pl.DataFrame:
        """Rows of forecasts.demand_forecasts as of the panels' day."""
        if self._by_model and self._model.model is None:
            model = fit(panels.history, panels.plan)
            self._model = Served(model, _VERSION, model.content_hash)
        rows = rows_of(panels, NAMES["D"], self._model, forecast_panels(panels, self._model))
        return rows if self._by_model else _at_mean_price(rows, panels)

    def of_cells(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows by sku and market, in the order of the scene's cells; null where a cell has none."""
        settings, assortment = self._scene.settings, self._scene.assortment
        cells = pl.DataFrame(
            {
                "sku": settings.sku_names().gather(assortment.sku),
                "market": pl.Series(settings.market_names()).gather(assortment.market),
            }
        )
        return cells.join(rows, on=["sku", "market"], how="left", maintain_order="left")

    def _prices(self, decided: pl.DataFrame, view: View) -> Ints:
        cents = (self.of_cells(decided)["final_price"] * 100).cast(pl.Float64).round().cast(pl.Int64)
        return np.asarray(cents.fill_null(pl.Series(view.current)).to_numpy(), dtype=np.int64)


def _at_mean_price(rows: pl.DataFrame, panels: Panels) -> pl.DataFrame:
    """Forecasts by rate, at the mean price of the days the rate is of, as if a model had made them."""
    recent = pl.col(DATE) > panels.day - timedelta(days=RATE_STEPS["D"])
    means = panels.history.filter(recent).group_by(ID).agg(mean_price=pl.col(PRICE).log().mean().exp())
    means = means.with_columns(series_pair()).select("sku", "market", "mean_price")
    rows = rows.join(means, on=["sku", "market"], how="left", maintain_order="left")
    price = pl.col("mean_price").round(4).cast(AT_REST)
    return rows.with_columns(
        conditioning_price=price, model_version=pl.lit(_VERSION, pl.Int64), model_hash=pl.lit("rate")
    ).drop("mean_price")


def no_holidays(day: date) -> pl.DataFrame:
    """No market of a simulation has public holidays."""
    return CALENDAR.holidays([day - timedelta(days=WINDOW), day + timedelta(days=AHEAD)])
