"""The strategy language: a pricing manager's text into rules, and rules into proposed prices.

Here: reading, checking, comparing and running strategies, as pure functions over texts and Polars frames. Not here:
who activated which text (governance/), constraints and endings being applied, the decision (pricing/).
"""

from __future__ import annotations

from pricing_assets.strategies.changes import diff
from pricing_assets.strategies.claims import Conflict, claims, clashes, conflicts
from pricing_assets.strategies.faults import Fault, StrategyError
from pricing_assets.strategies.language import lint, packaged_default, parse
from pricing_assets.strategies.plan import propose
from pricing_assets.strategies.strategy import Action, Autonomy, Constraint, Goal, Ladder, Learned, Rule, Strategy

__all__ = [
    "Action",
    "Autonomy",
    "Conflict",
    "Constraint",
    "Fault",
    "Goal",
    "Ladder",
    "Learned",
    "Rule",
    "Strategy",
    "StrategyError",
    "claims",
    "clashes",
    "conflicts",
    "diff",
    "lint",
    "packaged_default",
    "parse",
    "propose",
]
