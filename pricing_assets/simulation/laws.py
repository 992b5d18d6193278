"""How demand answers prices: five laws behind one interface, so that no method can be fitted to one.

Here: expected demand at given prices, as a multiple of the volume at anchor prices. Not here: volume, season, noise.

At the anchor every law says 1, and small changes there move demand by the same elasticities, so that all sell
comparable volumes. They differ in shape further away. Each falls, or stays, as the own price rises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pricing_assets.simulation.randomness import Floats

PANTRY_DAYS, REPLACED = 14, 0.8
"""Days in which a pantry is eaten, and the share of what is eaten that would have been bought meanwhile."""

MOST = 8.0
"""Times its volume that a cell sells at most: at a quarter of its price a power law would sell 200 times as much."""


@dataclass(frozen=True)
class Tastes:
    """Elasticities at the anchor, positive, per cell: of the regular price, of a promotion, of others' prices."""

    base: Floats
    promotion: Floats
    substitute: Floats
    rival: Floats


@dataclass(frozen=True)
class Offer:
    """What customers see, per cell. Prices are in one unit; `substitutes` and `rivals` are logs of price ÷ usual price.

    `anchor` is the price the volume was planted at, `regular` the price without promotion, `memory` the price customers
    remember, `pantry` what they have at home, in days of the volume at anchor prices.
    """

    price: Floats
    regular: Floats
    anchor: Floats
    memory: Floats
    substitutes: Floats
    rivals: Floats
    pantry: Floats | float = 0.0


class Law(Protocol):
    """A market law."""

    def __call__(self, offer: Offer, tastes: Tastes) -> Floats:
        """Expected units as a multiple of the volume at anchor prices, 0 or more."""
        ...


def log_log(offer: Offer, tastes: Tastes) -> Floats:
    """Constant elasticities: demand is a power of each price, up to MOST."""
    own = tastes.base * np.log(offer.regular / offer.anchor) + tastes.promotion * np.log(offer.price / offer.regular)
    return np.minimum(np.exp(_pull(offer, tastes) - own), MOST)


def logit(offer: Offer, tastes: Tastes) -> Floats:
    """Choice among alternatives: a share of a limited market, linear utility in prices."""
    share = 0.2
    utility = (_pull(offer, tastes) - _push(offer, tastes)) / (1 - share)
    return 1 / (share + (1 - share) * np.exp(-utility))


def linear(offer: Offer, tastes: Tastes) -> Floats:
    """A straight line, down to nothing."""
    return np.maximum(0.0, 1.0 + _pull(offer, tastes) - _push(offer, tastes))


def reference_price(offer: Offer, tastes: Tastes) -> Floats:
    """Customers compare with the price they remember: beyond the base elasticity, a loss weighs more than a gain."""
    gap = np.log(offer.price / offer.memory)
    weight = np.where(gap > 0, 1.6, 1.0) * (tastes.promotion - tastes.base)
    own = tastes.base * np.log(offer.price / offer.anchor) + weight * gap
    return np.minimum(np.exp(_pull(offer, tastes) - own), MOST)


def stockpiling(offer: Offer, tastes: Tastes) -> Floats:
    """Below the price they remember customers also buy for later; what is at home they do not buy again."""
    wanted = _needed(offer, tastes) + forward(offer, tastes) - REPLACED * offer.pantry / PANTRY_DAYS
    return np.clip(wanted, 0.0, MOST)


def forward(offer: Offer, tastes: Tastes) -> Floats:
    """What stockpiling customers buy for later, as a multiple of the volume: the cheaper than remembered, the more."""
    cut = np.maximum(np.log(offer.memory / offer.price), 0.0)
    extra = np.exp((tastes.promotion - tastes.base) * cut) - 1
    return np.asarray(np.minimum(_needed(offer, tastes) * extra, MOST))


def _needed(offer: Offer, tastes: Tastes) -> Floats:
    """What stockpiling customers want for today."""
    return np.asarray(np.exp(_pull(offer, tastes) - tastes.base * np.log(offer.price / offer.anchor)))


def _pull(offer: Offer, tastes: Tastes) -> Floats:
    """What dearer substitutes and rivals bring."""
    return tastes.substitute * offer.substitutes + tastes.rival * offer.rivals


def _push(offer: Offer, tastes: Tastes) -> Floats:
    """What the own price costs, linear in it."""
    regular = tastes.base * (offer.regular / offer.anchor - 1)
    return regular + tastes.promotion * (offer.price - offer.regular) / offer.anchor


LAWS: Mapping[str, Law] = {
    "log_log": log_log,
    "logit": logit,
    "linear": linear,
    "reference_price": reference_price,
    "stockpiling": stockpiling,
}
