"""Substitution: what the prices of a category's other SKUs do to a SKU's units, and how well that is known.

Here: the cross effect of each series, its error, and why it is declared or borrowed. Not here: own elasticities, the
regression it rests on (categories).

A cross effect is % of units per % of the mean log price of the category's other SKUs on sale in the zone, all moving
together. It is at least nothing, and at most what the own price does: a category does not sell more when all of it is
dearer. What a category says in a zone is drawn towards the category, all of them and what is published, as own
elasticities are. Its own elasticities' errors are part of its error: what they get wrong would be taken for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.borrowing import LEAST_VARIATION, MOSTLY
from pricing_assets.demand.elasticity.categories import SKUS, Categories, as_a_whole, categories
from pricing_assets.demand.elasticity.clusters import Floats
from pricing_assets.demand.elasticity.columns import ID, Columns
from pricing_assets.demand.elasticity.design import PRICES, Design
from pricing_assets.demand.elasticity.fixed_effects import fit
from pricing_assets.demand.elasticity.information import Slopes
from pricing_assets.demand.elasticity.observations import Observations
from pricing_assets.demand.elasticity.shrinkage import PUBLISHED, Prior, Shrunken, doubted, shrink

SWITCHED, SWITCHED_SPREAD = 1 / 3, 1 / 4
"""Share of what a SKU's price does to its units that other SKUs of the category lose or gain, and the doubt about it.

33 units of 100 on average (van Heerde, Gupta and Wittink 2003). Single pairs agree: a mean of 0.26 over 7,264
elasticities (Auer and Papies 2020; 0.52 in Sethuraman, Srinivasan and Kim 1999), times the three or four others a study
has, is 0.8 to 1.0, where own elasticities are 2.62. The doubt is declared, by us: it lets 0 and 2/3 be.
"""
APART = 0.2
"""How far a SKU's cross effect may be from its category's: declared, for no SKU's data tell."""
MOSTLY_DECLARED = 0.5
"""Share of a cross effect that is published from which it counts as that."""
_LEAST_OWN = 0.5
"""Own elasticity that the share above is at least taken of."""
_SPREADS, _ALIKE = (0.1, 0.3, 0.0), 0.9
"""Usual deviations of zones around a category, of categories around all; and how alike lasting and passing prices of
others work, for it is the same customers who switch."""
_NOTHING = 1e6
"""Variance added where prices hardly moved together: what is said there is chance, however small its error."""
ALONE = "no other SKU of its category is sold beside it"
UNPLACED = "no zone says which SKUs are sold beside each other"
UNKNOWN = "nothing is known of its category's prices; what is published is used"


class Cross(NamedTuple):
    """Per category and zone, of lasting prices: what is believed, its error, what it says alone, how much prices moved
    together, which share is from beyond the category and which is published.
    """

    effect: Floats
    error: Floats
    own: Floats
    own_error: Floats
    variation: Floats
    beyond: Floats
    declared: Floats


def with_cross(rows: pl.DataFrame, observed: Observations, columns: Columns, found: Cross | None) -> pl.DataFrame:
    """Rows of elasticities with cross, cross_error and cross_reason; null of promotions, and where nobody is beside."""
    placed = categories(observed.series)
    series = observed.series.select(ID).with_columns(
        _facts(found, placed), others=placed.table[SKUS].gather(placed.of_series.tolist()) > 1
    )
    is_placed = columns.zone is not None or series.height == observed.series["sku"].n_unique()
    rows = rows.join(series, on=ID, how="left", maintain_order="left")
    asked = (pl.col("kind") == "base") & pl.lit(is_placed) & pl.col("others")
    most = -rows["elasticity"].to_numpy()
    effect, error = between(rows["cross:effect"].to_numpy(), np.hypot(rows["cross:error"].to_numpy(), APART), most)
    return rows.with_columns(
        cross=pl.when(asked).then(pl.Series(effect)),
        cross_error=pl.when(asked).then(pl.Series(error)),
        cross_reason=pl.when(pl.col("kind") == "base").then(_reason(known=found is not None, placed=is_placed)),
    ).drop(series.drop(ID).columns)


def cross(observed: Observations, asked: Design, own: Shrunken) -> Cross | None:
    """What the rows say of the cross effects, given each series' own elasticities; None where they say nothing."""
    placed = categories(observed.series)
    whole = as_a_whole(observed, asked, own.slopes, placed)
    if whole is None:
        return None
    slopes = _told(fit(whole, placed.category), own, placed)
    prior = switching(-float(own.slopes[:, 0].mean()))
    everything = np.zeros(int(placed.category.max()) + 1, dtype=np.int64)
    believed = shrink(slopes, placed.category, everything, prior=prior)
    return _first(slopes, believed, prior)


def _told(slopes: Slopes, own: Shrunken, placed: Categories) -> Slopes:
    """What categories say with the doubt about own elasticities, and nothing where prices hardly moved together."""
    still = slopes.variation < LEAST_VARIATION
    still[:, PRICES:] = False
    doubt = np.zeros_like(slopes.weighted)
    doubt[placed.of_series, :PRICES] = own.category_errors[:, :PRICES] ** 2
    doubt += np.where(still, _NOTHING, 0.0)
    silent = np.ones_like(slopes.common, dtype=np.bool_)
    np.logical_and.at(silent, placed.category, still)
    return doubted(slopes, doubt)._replace(common=np.where(silent, 0.0, slopes.common))


def switching(own: float) -> Prior:
    """What is believed of cross effects where own elasticities are `own` on average, above 0."""
    size = max(own, _LEAST_OWN)
    return Prior(SWITCHED * size, SWITCHED_SPREAD * size, spreads=_SPREADS, alike=_ALIKE, together=_ALIKE)


def published() -> tuple[float, float]:
    """The cross effect and its error where nothing is known but what is published."""
    prior = switching(-PUBLISHED)
    effect, error = between(np.array([prior.mean]), np.array([np.hypot(_doubt(prior), APART)]), np.array([-PUBLISHED]))
    return float(effect[0]), float(error[0])


def between(mean: Floats, error: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of normal variables that are known to be at least 0 and at most `most`."""
    from scipy.special import ndtr  # type: ignore[import-untyped]

    low, high = -mean / error, (most - mean) / error
    inside = ndtr(high) - ndtr(low)
    sound = inside > 1e-9
    share = np.where(sound, inside, 1.0)
    at_low, at_high = (np.exp(-(edge**2) / 2) / np.sqrt(2 * np.pi) for edge in (low, high))
    shift = (at_low - at_high) / share
    spread = np.sqrt(np.maximum(1 + (low * at_low - high * at_high) / share - shift**2, 0.0))
    clipped = np.clip(mean, 0.0, most)
    return (
        np.where(sound, np.clip(mean + error * shift, 0.0, most), clipped),
        np.where(sound, error * spread, np.minimum(error, most)),
    )


def _first(slopes: Slopes, believed: Shrunken, prior: Prior) -> Cross:
    return Cross(
        effect=believed.slopes[:, 0],
        error=believed.errors[:, 0],
        own=slopes.own[:, 0],
        own_error=slopes.own_error[:, 0],
        variation=slopes.variation[:, 0],
        beyond=believed.shrinkage[:, 0],
        declared=np.clip((believed.errors[:, 0] / _doubt(prior)) ** 2, 0.0, 1.0),
    )


def _doubt(prior: Prior) -> float:
    """Doubt about one category in one zone before any data."""
    return float(np.linalg.norm([prior.spread, *prior.spreads]))


def _facts(found: Cross | None, placed: Categories) -> list[pl.Series]:
    """What is known of each series' category, as columns of that name; what is published without anything found."""
    if found is None:
        prior = switching(-PUBLISHED)
        size, nothing = placed.table.height, np.full(placed.table.height, np.nan)
        effect, doubt = np.full(size, prior.mean), np.full(size, _doubt(prior))
        found = Cross(effect, doubt, nothing, nothing, np.zeros(size), np.ones(size), np.ones(size))
    named = [(f"cross:{name}", values[placed.of_series]) for name, values in found._asdict().items()]
    return [pl.Series(name, values).fill_nan(None) for name, values in named]


def _reason(*, known: bool, placed: bool) -> pl.Expr:
    """Why the cross effect is not what the category says in its zone; null where it is."""
    own, error, moved = pl.col("cross:own"), pl.col("cross:own_error"), pl.col("cross:variation")
    alone = pl.format("{} ± {} alone", own.round(2), error.round(2))
    declared = pl.format("{} % of it is what is published", _percent("cross:declared"))
    still = pl.format(
        "prices of its category hardly moved together: {} % beside all else; {}", (100 * moved).round(2), declared
    )
    beyond = pl.format("{} % of it from beyond the category", _percent("cross:beyond"))
    return (
        pl.when(not placed)
        .then(pl.lit(UNPLACED))
        .when(~pl.col("others"))
        .then(pl.lit(ALONE))
        .when(not known)
        .then(pl.lit(UNKNOWN))
        .when(own.is_null() | (moved < LEAST_VARIATION))
        .then(still)
        .when(pl.col("cross:declared") > MOSTLY_DECLARED)
        .then(pl.format("too uncertain: {}; {}", alone, declared))
        .when(pl.col("cross:beyond") > MOSTLY)
        .then(pl.format("too uncertain: {}; {}", alone, beyond))
        .when(own < 0)
        .then(pl.format("wrong sign: {}; {}", alone, beyond))
    )


def _percent(column: str) -> pl.Expr:
    return (100 * pl.col(column)).round(0).cast(pl.Int64)
