"""A strategy as an object: frozen, typed, without fault.

Here: what a strategy consists of. Not here: how it is read from a text (language.py) or run (plan.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from pricing_assets.strategies.trees import Expression, features

StrategyType = Literal["rules", "static"]
ActionKind = Literal["multiply", "add", "set", "match"]


@dataclass(frozen=True)
class Action:
    """What a rule does to the price so far. Amounts are in major units of the row's currency.

    `multiply` carries a number in `amount` or a formula in `formula`; `add` an amount; `set` an amount or a feature
    that is an amount; `match` a feature, less `beat_by` (an amount) or `beat_by_pct` (percent of the feature).
    """

    kind: ActionKind
    amount: Decimal | None = None
    formula: Expression | None = None
    feature: str | None = None
    beat_by: Decimal | None = None
    beat_by_pct: Decimal | None = None
    label: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule: where `when` is true, or always where there is none, do `then`; `stop` ends the strategy there."""

    name: str
    priority: int
    when: Expression | None
    then: Action
    stop: bool
    when_text: str = ""

    def features(self) -> list[str]:
        """The features the rule names, in order, each once."""
        trees = [tree for tree in (self.when, self.then.formula) if tree is not None]
        named = [name for tree in trees for name in features(tree)]
        return list(dict.fromkeys([*named, *([self.then.feature] if self.then.feature else [])]))


@dataclass(frozen=True)
class Constraint:
    """A bound on the final price. `label` is the constraint as written, for sentences.

    kind and parameter: `map` required; `min_price`, `max_price` cost_times, competitor_max_times,
    competitor_min_times, list_times or amount (major units); `max_daily_change` share (0.10 = 10 %);
    `min_margin_pct` pct. `value` is the number; 1 for `map`.
    """

    kind: str
    parameter: str
    value: Decimal
    label: str


@dataclass(frozen=True)
class Strategy:
    """A whole strategy. `rules` stand in the order they run: higher priority first, ties as in the file."""

    name: str
    type: StrategyType
    scope: dict[str, tuple[str, ...]]
    priority: int
    active_from: date | None
    active_until: date | None
    rules: tuple[Rule, ...]
    constraints: tuple[Constraint, ...]
    endings: tuple[Decimal, ...]
    text: str
    hash: str

    def features(self) -> list[str]:
        """The features the rules name, in order, each once."""
        return list(dict.fromkeys(name for rule in self.rules for name in rule.features()))
