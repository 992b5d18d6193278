"""Legal rules of a market: bounds that come before everything a strategy says.

Here: which rules there are, and each as a floor or a cap in minor units. Not here: the strategy's own bounds
(constraints), which market has which rule (the source says).

`no_sale_below_cost`: as some countries forbid retailers to resell at a loss. `prior_price_30d`: an announced reduction
must be below the lowest price of the 30 days before it (Directive 98/6/EC, article 6a, as amended by 2019/2161); a
promotion planned for the day prices take effect is such an announcement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pricing_assets.pricing.constraints import Bound, floor_of

BELOW_COST, PRIOR_PRICE = "no_sale_below_cost", "prior_price_30d"
RULES = (BELOW_COST, PRIOR_PRICE)
READ = ("cost", "planned_price", "lowest_price_30d")
"""The features the rules look at."""

Law = Mapping[str, Sequence[str]]
"""Market → its rules."""
NO_LAW: Law = {}


def bounds(law: Law) -> list[Bound]:
    """The rules in force in some market, each binding in its markets alone."""
    found = []
    for rule in RULES:
        markets = sorted(market for market, rules in law.items() if rule in rules)
        if not markets:
            continue
        here, nothing = pl.col("market").is_in(markets), pl.lit(None, dtype=pl.Int64)
        if rule == BELOW_COST:
            found.append(Bound(f"law: {rule}", pl.when(here).then(floor_of("cost")), nothing))
        else:
            announced = here & pl.col("planned_price").is_not_null()
            below = floor_of("lowest_price_30d") - 1  # rounded up: what is below it is below the price
            found.append(Bound(f"law: {rule}", nothing, pl.when(announced).then(below)))
    return found


def floors(law: Law) -> list[Bound]:
    """The rules that forbid a price for being low: they bind whenever it is asked, whatever was planned for the day."""
    return bounds({market: [rule for rule in rules if rule == BELOW_COST] for market, rules in law.items()})


def cost_unknown(law: Law) -> pl.Expr:
    """Whether a row's law asks for a cost that is not known, so that the price must hold."""
    markets = sorted(market for market, rules in law.items() if BELOW_COST in rules)
    return pl.col("market").is_in(markets) & pl.col("cost").is_null()
