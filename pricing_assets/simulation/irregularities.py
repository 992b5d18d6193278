"""Labelled irregularities: what goes wrong in a market, when, and how far beyond the threshold.

Here: the plan of episodes, drawn before the first day, their sizes, and the labels. Not here: applying an episode to
prices and rivals (trading.py), or leaving rows out (frames.py).

An effect size is a multiple of the detection threshold: at 1 the deviation is the threshold itself, which is the floor
of the reason or, where that is more, a multiple of the deviation the SKU shows by itself. Episodes of a cell
keep apart, keep away from promotions and from the first weeks on sale, and the shop moves no regular price around them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pricing_assets.anomalies.thresholds import FLOORS, LOSS_STEP, TIMES_OWN
from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.promotions import Plans, near
from pricing_assets.simulation.randomness import Bools, Floats, Ints, stream
from pricing_assets.simulation.settings import MarketSettings

QUANTILE = 1.2816  # standard deviations that 80 % of deviations stay within, where they are normal

_DRAWN = {
    "PRICE_SPIKE": (0.20, 4),
    "PRICE_TOO_LOW": (0.20, 4),
    "LOW_MARGIN": (0.14, 5),
    "NEGATIVE_MARGIN": (0.10, 5),
    "COMPETITOR_UNDERCUT": (0.16, 6),
    "STALE_PRICE": (0.10, 0),
    "MISSING_DATA": (0.10, 2),
}
"""Share of episodes and longest days of each reason; STALE_PRICE lasts as long as its size says.

The order is part of what a seed draws: another one is another market.
"""
_NAMES = tuple(_DRAWN)
_SHARES, _LONGEST = zip(*_DRAWN.values(), strict=True)
KINDS = (
    ("prices",),
    ("sales",),
    ("stock",),
    ("competitor_snapshots",),
    ("prices", "stock"),
    ("prices", "stock", "competitor_snapshots"),
)
"""What MISSING_DATA leaves out; the effect size is how many kinds. Sales only where days without one are reported."""

SLOT = 50  # days in which a cell has at most one episode
SHARE = 0.75  # of slots with one planned; about a third of them meet a promotion and are dropped
_LEAST, _MOST = 0.6, 3.0
_SETTLED = 28  # days on sale before the first
_CLEAR = 2  # days between an episode and a promotion, or a change of the regular price


@dataclass(frozen=True)
class Episodes:
    """One row each: cell, day numbers `start` to `end`, `reason` and `kinds` as places in _DRAWN and KINDS, `effect`.

    `magnitude` is the deviation to plant, in the unit of the threshold; of undercuts it is known only once the usual
    gap is (trading.py).

    `number[day, cell]` is the number of the episode plus one, 0 where there is none; `frozen` are the days around one.
    """

    cell: Ints
    start: Ints
    end: Ints
    reason: Ints
    kinds: Ints
    effect: Floats
    magnitude: Floats
    number: Ints
    frozen: Bools

    def on(self, day: int, *reasons: str) -> tuple[Ints, Ints]:
        """Episodes of these reasons on a day, and their cells."""
        episode = self.number[day][self.number[day] > 0] - 1
        episode = episode[np.isin(self.reason[episode], [_NAMES.index(reason) for reason in reasons])]
        return episode, self.cell[episode]


def plan(settings: MarketSettings, assortment: Assortment, plans: Plans) -> Episodes:
    """Draw the episodes of a market."""
    offset = (stream(settings.seed, "episodes").random(settings.cells) * SLOT).astype(np.int64) - SLOT
    slots = range(settings.days // SLOT + 2 if settings.irregular else 0)
    drawn = pl.concat([_none(), *(_slot(settings, assortment, offset + SLOT * slot, slot) for slot in slots)])
    cell, start, end = (drawn[name].to_numpy() for name in ("cell", "start", "end"))
    busy = np.concatenate([np.zeros((1, settings.cells), np.int64), near(plans, settings, _CLEAR).cumsum(axis=0)])
    kept = drawn.filter(pl.Series(busy[end + 1, cell] == busy[start, cell]))
    columns = {name: kept[name].to_numpy() for name in kept.columns}
    return Episodes(**columns, number=_by_day(settings, kept, 0), frozen=_by_day(settings, kept, _CLEAR) > 0)


def _none() -> pl.DataFrame:
    whole = dict.fromkeys(("cell", "start", "end", "reason", "kinds"), pl.Int64)
    return pl.DataFrame(schema={**whole, "effect": pl.Float64, "magnitude": pl.Float64})


def _slot(settings: MarketSettings, assortment: Assortment, first: Ints, slot: int) -> pl.DataFrame:
    """The episodes of one slot."""
    draw = stream(settings.seed, "episode", slot).random((settings.cells, 6))
    reason = np.searchsorted(np.cumsum(_SHARES)[:-1], draw[:, 0], side="right")
    kinds = (len(KINDS) * draw[:, 1]).astype(np.int64)
    wanted = _LEAST + (_MOST - _LEAST) * draw[:, 2]
    silent = np.array(["sales" in kind for kind in KINDS])[kinds] & ~idle_days_reported(settings)[assortment.market]
    kinds = np.where(silent, 0, kinds)
    unit = _thresholds(reason, assortment)
    effect = _effect(wanted, reason, kinds, unit, assortment)
    magnitude = unit * (effect - (np.array(_NAMES)[reason] == "NEGATIVE_MARGIN"))
    length = 1 + (np.array(_LONGEST)[reason] * draw[:, 3]).astype(np.int64)
    stale = np.array(_NAMES)[reason] == "STALE_PRICE"
    length = np.where(stale, np.rint(effect * FLOORS["STALE_PRICE"]), length).astype(np.int64)
    start = first + (38 * draw[:, 4]).astype(np.int64)
    end = start + length - 1
    fits = (start >= np.maximum(assortment.listed, 0) + _SETTLED) & (end < settings.days) & (end <= assortment.until)
    cell = np.flatnonzero(fits & (draw[:, 5] < SHARE))
    columns = {"cell": cell, "start": start[cell], "end": end[cell], "reason": reason[cell], "kinds": kinds[cell]}
    sizes = {"effect": effect[cell], "magnitude": magnitude[cell]}
    return pl.DataFrame({**columns, **sizes}, schema=_none().schema)


def idle_days_reported(settings: MarketSettings) -> Bools:
    """Which markets report days without a sale: the second one's tills."""
    return np.asarray(np.arange(settings.markets) == 1)


def _thresholds(reason: Ints, assortment: Assortment) -> Floats:
    """The deviation from which each cell's own reason counts; of a loss, what one more effect size takes."""
    name = np.array(_NAMES)[reason]
    price = 100 * TIMES_OWN * QUANTILE * assortment.volatility
    margin = price * (1 - assortment.margin)
    own = np.where(np.isin(name, ["PRICE_SPIKE", "PRICE_TOO_LOW"]), price, np.where(name == "LOW_MARGIN", margin, 0.0))
    floor = np.array([FLOORS[each] or LOSS_STEP for each in _NAMES])[reason]
    return np.asarray(np.maximum(floor, own))


def _effect(wanted: Floats, reason: Ints, kinds: Ints, unit: Floats, assortment: Assortment) -> Floats:
    """The effect size as it can be: whole days and kinds, and a margin lowered that is not yet a loss."""
    name = np.array(_NAMES)[reason]
    days = np.rint(wanted * FLOORS["STALE_PRICE"]) / FLOORS["STALE_PRICE"]
    lowest = np.maximum((100 * assortment.margin - 7) / unit, _LEAST)
    number = np.array([len(kind) for kind in KINDS])[kinds] / FLOORS["MISSING_DATA"]
    effect = np.where(name == "STALE_PRICE", days, wanted)
    effect = np.where(name == "LOW_MARGIN", np.minimum(wanted, lowest), effect)
    return np.where(name == "MISSING_DATA", number, effect)


def _by_day(settings: MarketSettings, episodes: pl.DataFrame, margin: int) -> Ints:
    """Day × cell → number of the episode plus one, also on `margin` days around it."""
    cell = episodes["cell"].to_numpy()
    start, end = episodes["start"].to_numpy() - margin, episodes["end"].to_numpy() + margin
    found = np.zeros((settings.days, settings.cells), dtype=np.int64)
    for step in range(int(np.max(end - start, initial=-1)) + 1):
        wanted = (start + step <= end) & (start + step < settings.days)
        found[(start + step)[wanted], cell[wanted]] = np.flatnonzero(wanted) + 1
    return found


def labels(settings: MarketSettings, assortment: Assortment, episodes: Episodes, magnitude: Floats) -> pl.DataFrame:
    """One row per day, SKU, market of an episode: reason, effect_size, magnitude, episode_id, last_day."""
    day, cell = np.nonzero(episodes.number)
    episode = episodes.number[day, cell] - 1
    names, markets = pl.Series(_NAMES), pl.Series(settings.market_names())
    first = pl.lit(settings.first_day)
    frame = pl.DataFrame(
        {
            "day": day.astype(np.int64),
            "sku": settings.sku_names().gather(assortment.sku[cell]),
            "market": markets.gather(assortment.market[cell]),
            "reason": names.gather(episodes.reason[episode]),
            "effect_size": episodes.effect[episode],
            "magnitude": magnitude[episode],
            "end": episodes.end[episode],
            "start": episodes.start[episode],
        }
    )
    return frame.select(
        date=first + pl.duration(days="day"),
        sku="sku",
        market="market",
        reason="reason",
        effect_size="effect_size",
        magnitude="magnitude",
        episode_id=pl.format("{}/{}/{}", "sku", "market", first + pl.duration(days="start")),
        last_day=first + pl.duration(days="end"),
    ).sort("date", "sku", "market")
