"""Panels with planted elasticities, for tests."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

FIRST = date(2024, 1, 1)


def panel(
    *,
    skus: int = 8,
    markets: int = 2,
    days: int = 160,
    seed: int = 1,
    base: float = -2.0,
    promotion: float = -3.0,
    spread: float = 0.0,
    volume: float = 40.0,
    step: int = 1,
    newness: float = 0.0,
    curvature: float = 0.0,
) -> pl.DataFrame:
    """unique_id, sku, market, category, ds, y, price, regular_price, feature, rival_a; slopes around those given.

    `newness` is what beyond them answers a price customers do not remember, which they do by half after a week;
    `curvature` the power of the price with which elasticities grow.
    """
    draw = np.random.default_rng(seed)
    frames = []
    for sku in range(skus):
        own, promo = base + spread * draw.standard_normal(), promotion + spread * draw.standard_normal()
        for market in range(markets):
            change = draw.random(days) < 0.06
            regular = 10 * np.exp(np.cumsum(np.where(change, draw.choice([-0.08, 0.08], days), 0)).clip(-0.3, 0.3))
            promoted = np.repeat(draw.random(days // 8 + 1) < 0.25, 8)[:days]
            depth = np.where(promoted, 1 - np.repeat(0.1 + 0.25 * draw.random(days // 8 + 1), 8)[:days], 1.0)
            rival = 10 * np.exp(0.08 * draw.standard_normal(days))
            season = 0.2 * np.sin(np.arange(days) * 2 * np.pi / 90)
            log = season + own * _moved(regular / 10, curvature) + promo * _moved(depth, curvature)
            log += 0.4 * np.log(rival / 10) + newness * _unremembered(np.log(regular * depth))
            frames.append(
                pl.DataFrame(
                    {
                        "unique_id": f"S{sku:02}|M{market}",
                        "sku": f"S{sku:02}",
                        "market": f"M{market}",
                        "category": "ABCD"[sku // 8],
                        "ds": [FIRST + timedelta(days=step * day) for day in range(days)],
                        "y": draw.poisson(volume * np.exp(log)).astype(np.float64),
                        "price": regular * depth,
                        "regular_price": regular,
                        "feature": promoted.astype(np.float64) * (draw.random(days) < 0.5),
                        "rival_a": rival,
                    }
                )
            )
    return pl.concat(frames)


def _moved(ratio: np.ndarray, curvature: float) -> np.ndarray:
    return (ratio**curvature - 1) / curvature if curvature else np.log(ratio)


def _unremembered(price: np.ndarray) -> np.ndarray:
    remembered, kept = price.copy(), 0.5 ** (1 / 7)
    for day in range(1, len(price)):
        remembered[day] = kept * remembered[day - 1] + (1 - kept) * price[day]
    return price - remembered
