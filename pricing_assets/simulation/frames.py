"""Rows as a source would hold them, typed, made of what a market kept.

Here: the seven tables. Not here: late corrections (corrections.py), rows delivered twice and malformed (faults.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pricing_assets.simulation.assortment import BRANDS, OPEN
from pricing_assets.simulation.irregularities import KINDS, idle_days_reported
from pricing_assets.simulation.promotions import KINDS as PROMOTION_KINDS
from pricing_assets.simulation.randomness import Bools, Ints
from pricing_assets.simulation.rivals import NAMES
from pricing_assets.simulation.settings import CATEGORIES, MarketSettings
from pricing_assets.simulation.trading import Trade
from pricing_assets.tables.money import AT_REST

KNOWN_AT = 22  # hour of the day, UTC, at which an ordinary row of the day becomes known
TAX_BASIS = pl.Enum(["gross", "net"])


class Rows:
    """Makes rows of day numbers and cells."""

    def __init__(self, settings: MarketSettings, trade: Trade) -> None:
        self._settings, self._trade = settings, trade
        self._skus, self._markets = settings.sku_names(), pl.Series(settings.market_names())
        self._currencies = pl.Series(settings.currencies())
        days = range(settings.days)
        self._listed: Bools = np.stack([trade.assortment.on_sale(day) for day in days])

    def all(self) -> dict[str, pl.DataFrame]:
        """All tables by name."""
        return {
            "products": self.products(),
            "listings": self.listings(),
            "prices": self.prices(),
            "sales": self.sales(),
            "stock": self.stock(),
            "promotions": self.promotions(),
            "competitor_snapshots": self.competitor_snapshots(),
        }

    def products(self) -> pl.DataFrame:
        """One row per SKU."""
        assortment, skus = self._trade.assortment, self._settings.skus
        number = np.arange(skus)
        markets = self._settings.markets
        launched = assortment.listed.reshape(skus, markets)[:, 0]
        least = assortment.anchor.reshape(skus, markets).min(axis=1) * 85 // 100
        category = pl.Series(CATEGORIES).gather(assortment.category)
        frame = pl.DataFrame({"sku": self._skus, "category": category, "launched": launched, "least": least})
        return frame.select(
            "sku",
            name=pl.format("{} {}", pl.col("category").str.to_titlecase(), pl.col("sku").str.slice(4)),
            category="category",
            brand=pl.Series(BRANDS).gather((number * 7 + assortment.category) % len(BRANDS)),
            unit_of_measure=pl.lit("piece"),
            pack_quantity=pl.Series(1.0 + number % 3),
            launched_on=self._day("launched"),
            map_price=pl.when(pl.Series(assortment.mapped)).then(amount("least")),
        )

    def listings(self) -> pl.DataFrame:
        """One row per SKU and market: from when until when it is on sale."""
        assortment = self._trade.assortment
        until = np.where(assortment.until == OPEN, 0, assortment.until)
        frame = self._of(np.zeros_like(assortment.sku), np.arange(len(assortment.sku)))
        frame = frame.with_columns(first=pl.Series(assortment.listed), last=pl.Series(until))
        ends = pl.Series(assortment.until != OPEN)
        return frame.select(
            "sku", "market", listed_from=self._day("first"), listed_until=pl.when(ends).then(self._day("last"))
        )

    def prices(self) -> pl.DataFrame:
        """One row per day, SKU and market."""
        day, cell = np.nonzero(self._listed & ~self._missing("prices"))
        trade = self._trade
        frame = self._of(day, cell).with_columns(
            list_price=amount(pl.Series(trade.regular[day, cell])),
            current_price=amount(pl.Series(trade.price[day, cell])),
            cost=amount(pl.Series(trade.cost[day, cell])),
            currency=self._currency(cell),
        )
        names = ["date", "sku", "market", "known_at", "list_price", "current_price", "cost", "currency"]
        return frame.select(names)

    def sales(self) -> pl.DataFrame:
        """One row per day, SKU and market with sales or returns; where tills report idle days, of the others too."""
        trade = self._trade
        reported = idle_days_reported(self._settings)[trade.assortment.market]
        busy = (trade.sold > 0) | (trade.returned > 0) | (self._listed & reported)
        day, cell = np.nonzero(busy & ~self._missing("sales"))
        sold = trade.sold[day, cell]
        frame = self._of(day, cell).with_columns(
            units=pl.Series(sold),
            returned_units=pl.Series(trade.returned[day, cell]),
            revenue=amount(pl.Series(sold * trade.price[day, cell])),
            currency=self._currency(cell),
            source_lines=pl.Series(np.maximum(1, (sold + 1) // 2)),
        )
        names = ["units", "returned_units", "revenue", "currency", "source_lines"]
        return frame.select("date", "sku", "market", "known_at", *names)

    def stock(self) -> pl.DataFrame:
        """One row per day, SKU and market on sale."""
        from pricing_assets.simulation.stocks import sold_out_hours

        day, cell = np.nonzero(self._listed & ~self._missing("stock"))
        trade = self._trade
        on_hand, opening = trade.on_hand[day, cell], trade.opening[day, cell]
        frame = self._of(day, cell).with_columns(
            on_hand=pl.Series(on_hand),
            opening=pl.Series(opening),
            sold_out_hours=pl.Series(sold_out_hours(trade.wanted[day, cell], opening)),
            oldest=pl.Series(trade.oldest[day, cell]),
        )
        oldest = pl.when(pl.col("on_hand") > 0).then(self._day("oldest")).alias("oldest_received_on")
        return frame.select("date", "sku", "market", "known_at", "on_hand", "opening", "sold_out_hours", oldest)

    def promotions(self) -> pl.DataFrame:
        """One row per target day of each plan, known from the day the plan was made."""
        plans, planned = self._trade.plans, self._trade.planned
        made = np.flatnonzero(planned > 0)
        length = plans.end[made] - plans.start[made] + 1
        plan = np.repeat(made, length)
        step = np.arange(len(plan)) - np.repeat(np.cumsum(length) - length, length)
        kind = plans.kind[plan]
        frame = self._of(plans.known[plan], plans.cell[plan]).with_columns(
            target=pl.Series(plans.start[plan] + step, dtype=pl.Int64), kind=pl.Series(kind, dtype=pl.Int64)
        )
        return frame.select(
            known_on="date",
            target_date=self._day("target"),
            sku="sku",
            market="market",
            planned_price=amount(pl.Series(planned[plan])),
            currency=self._currency(plans.cell[plan]),
            feature=pl.col("kind") == 0,
            display=pl.col("kind") == 1,
            promo_type=pl.Series(PROMOTION_KINDS).gather(pl.Series(kind, dtype=pl.UInt32)),
        ).sort("known_on", "target_date", "sku", "market")

    def competitor_snapshots(self) -> pl.DataFrame:
        """One row per day, SKU, market and rival seen."""
        trade = self._trade
        there = (self._listed & ~self._missing("competitor_snapshots"))[:, None, :]
        day, rival, cell = np.nonzero(trade.captured & there)
        minute = pl.Series(trade.minute[day, rival, cell])
        names = pl.Series(NAMES)
        sites = names.str.to_lowercase().str.extract(r"^(\w+)")
        frame = self._of(day, cell).with_columns(
            competitor=names.gather(rival),
            price=amount(pl.Series(trade.rival_prices[day, rival, cell])),
            currency=self._currency(cell),
            tax_basis=pl.lit("gross").cast(TAX_BASIS),
            shipping=amount(pl.Series(np.where(rival % 2 == 0, 0, 490))),
            in_stock=pl.Series(trade.deliverable[day, rival, cell]),
            match_confidence=pl.Series(trade.rivals.confidence[rival, cell]),
            captured_at=_midnight("date") + pl.duration(minutes=pl.lit(minute)),
            url=pl.format("https://{}.example/{}", sites.gather(rival), "sku"),
        )
        return frame.drop("known_at").sort("date", "sku", "market", "competitor")

    def _missing(self, kind: str) -> Bools:
        """Days and cells of which an episode or a gap leaves a kind of data out."""
        episodes = self._trade.episodes
        left_out = np.zeros(episodes.number.shape, dtype=np.bool_)
        for day in range(self._settings.days):
            found, cell = episodes.on(day, "MISSING_DATA")
            without = np.array([kind in kinds for kinds in KINDS])[episodes.kinds[found]]
            left_out[day, cell[without]] = True
            if kind == "prices":
                left_out[day, episodes.on(day, "STALE_PRICE")[1]] = True
        if kind in self._trade.gaps:
            left_out |= self._trade.gaps[kind][:, self._trade.assortment.market]
        return left_out

    def _of(self, day: Ints, cell: Ints) -> pl.DataFrame:
        """date, sku, market and known_at of day numbers and cells."""
        assortment = self._trade.assortment
        frame = pl.DataFrame({"number": pl.Series(day, dtype=pl.Int64)})
        dates = pl.lit(self._settings.first_day) + pl.duration(days="number")
        return frame.select(
            date=dates,
            sku=self._skus.gather(assortment.sku[cell]),
            market=self._markets.gather(assortment.market[cell]),
        ).with_columns(known_at=evening_of("date"))

    def _currency(self, cell: Ints) -> pl.Series:
        return self._currencies.gather(self._trade.assortment.market[cell])

    def _day(self, name: str) -> pl.Expr:
        return pl.lit(self._settings.first_day) + pl.duration(days=name)


def evening_of(day: str) -> pl.Expr:
    """The moment at which an ordinary row of the day in a column becomes known."""
    return _midnight(day) + pl.duration(hours=KNOWN_AT)


def _midnight(day: str) -> pl.Expr:
    return pl.col(day).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def amount(cents: pl.Series | str) -> pl.Expr:
    """Whole cents as Decimal(18,4) of major units."""
    value = pl.col(cents) if isinstance(cents, str) else pl.lit(cents)
    return (value.cast(pl.Decimal(38, 4)) / pl.lit(100).cast(pl.Decimal(38, 4))).cast(AT_REST)
