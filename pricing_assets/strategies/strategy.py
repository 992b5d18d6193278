"""A strategy as an object: frozen, typed, without fault.

Here: what a strategy consists of. Not here: how it is read from a text (language.py) or run (plan.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from pricing_assets.strategies.trees import Expression, features

StrategyType = Literal["rules", "static", "ml", "hybrid"]
Objective = Literal["profit", "revenue", "clearance"]
Mode = Literal["manual", "semi-auto", "full-auto"]
GoalKind = Literal["margin_pct_at_least", "revenue_at_least", "changes_at_most", "clear_by", "order", "family"]
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
class Ladder:
    """The prices a model may choose among: every `step` (major units) from `down` below to `up` above, as shares."""

    step: Decimal
    down: Decimal
    up: Decimal


@dataclass(frozen=True)
class Learned:
    """What a model decides by.

    A price moves only if the category earns more by it than by holding with probability `bound_level`, after `label`
    (major units, what a change costs). `drift_28d` is the share a price may be away from that of 28 days before,
    `untested` the share it may lie beyond all prices of a year, `diversion` the share of the revenue a price loses
    that its category gains where no data tell. `tests` is the share by which prices that would stay are moved to learn
    what units answer, as many up as down; 0 tests nothing.
    """

    objective: Objective
    model: str
    bound_level: Decimal
    ladder: Ladder
    drift_28d: Decimal
    untested: Decimal
    label: Decimal
    diversion: Decimal
    tests: Decimal = Decimal(0)


@dataclass(frozen=True)
class Goal:
    """One goal over several SKUs. `text` is the goal as written, for sentences.

    `margin_pct_at_least` (%), `revenue_at_least` (major units in 28 days), `changes_at_most` (prices a day) go with
    `category` and `market`, all where None; `clear_by` has the share of the stock of `skus` (or of a category) to be
    sold until `until`; `order` (small to large, each at least `value` dearer) and `family` (one price) have `skus`.
    """

    kind: GoalKind
    value: Decimal
    text: str
    category: str | None = None
    market: str | None = None
    skus: tuple[str, ...] = ()
    until: date | None = None


@dataclass(frozen=True)
class Autonomy:
    """Who has the last word on a changed price.

    `manual`: a person; `semi-auto`: a person, where the confidence is below `threshold`; `full-auto`: nobody, what is
    below it holds. What waits for a person does so for `expires_days`, and an approved price is bound as long.
    """

    mode: Mode
    threshold: Decimal = Decimal("0.85")
    expires_days: int = 3


@dataclass(frozen=True)
class Strategy:
    """A whole strategy. `rules` stand in the order they run: higher priority first, ties as in the file.

    `order` says who prices first, of rules and ml. `autonomy` is None where the text says nothing of it.
    """

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
    order: tuple[str, ...] = ("rules",)
    ml: Learned | None = None
    linked: tuple[Goal, ...] = ()
    autonomy: Autonomy | None = None

    def features(self) -> list[str]:
        """The features the rules name, in order, each once."""
        return list(dict.fromkeys(name for rule in self.rules for name in rule.features()))
