"""Linked goals: the prices that are worth the most and meet targets, budgets, lines and families at once.

Here: a choice among options, pure, over numpy arrays. Not here: where options come from, what is done with the prices.
"""

from __future__ import annotations

from pricing_assets.pricing.goals.choice import choose
from pricing_assets.pricing.goals.kinds import Changes, Clear, Family, Goal, Margin, Order, Revenue
from pricing_assets.pricing.goals.options import Options
from pricing_assets.pricing.goals.outcome import Chosen, Clash, Part, Worth

__all__ = [
    "Changes",
    "Chosen",
    "Clash",
    "Clear",
    "Family",
    "Goal",
    "Margin",
    "Options",
    "Order",
    "Part",
    "Revenue",
    "Worth",
    "choose",
]
