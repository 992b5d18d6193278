"""What a strategy says of its model: who prices first, the objective, the ladder, what a move must prove.

Here: `order` and `ml` of a text into a Learned. Not here: choosing a price (pricing/), forecasts and elasticities
(demand/).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast, get_args

import yaml

from pricing_assets.strategies.actions import MAX_AMOUNT
from pricing_assets.strategies.document import MAX_DECIMALS, Document
from pricing_assets.strategies.strategy import Ladder, Learned, Objective, Rule

RULES, ML = "rules", "ml"
MODELS = ("demand@champion",)
_KEYS = ("objective", "model", "bound_level", "ladder", "drift_28d", "untested", "label", "diversion", "tests")
MAX_TEST = 0.15  # a test learns of prices near the present one; farther ones are for the objective to choose
_COMPOUNDING = ("multiply", "add")
_LADDER = Ladder(step=Decimal("0.01"), down=Decimal("0.10"), up=Decimal("0.10"))
DEFAULT = Learned(
    objective="profit",
    model=MODELS[0],
    bound_level=Decimal("0.80"),
    ladder=_LADDER,
    drift_28d=Decimal("0.15"),
    untested=Decimal("0.05"),
    label=Decimal(0),
    diversion=Decimal("0.25"),
)
"""What is taken where a text says nothing."""


def read_order(document: Document, found: Mapping[str, yaml.Node], kind: str) -> tuple[str, ...]:
    """Who prices, and who first: as the type says, for a hybrid as written, rules first where it is not."""
    if kind != "hybrid":
        if "order" in found:
            document.fault(found["order"], "order goes with type hybrid only")
        return (ML,) if kind == ML else (RULES,)
    if "order" not in found:
        return (RULES, ML)
    words = tuple(document.choice(item, "order", (RULES, ML)) for item in document.items(found["order"], "order"))
    if sorted(filter(None, words)) != [ML, RULES]:
        document.fault(found["order"], f"order must name {RULES} and {ML}, each once")
        return (RULES, ML)
    return cast("tuple[str, ...]", words)


def require_settled(
    document: Document, node: yaml.Node | None, order: tuple[str, ...], rules: tuple[Rule, ...]
) -> None:
    """Rules after a model start at its price, which starts at the current one: they must not compound day by day."""
    if order[0] == RULES or RULES not in order:
        return
    for rule in rules:
        if rule.then.kind in _COMPOUNDING:
            words = "after ml would move the price anew each day; use set or match"
            document.fault(node, f"rule {rule.name}: {rule.then.kind} {words}")


def read_learned(document: Document, found: Mapping[str, yaml.Node], order: tuple[str, ...]) -> Learned | None:
    """The block `ml`, with defaults for what it leaves out; None for a strategy without a model."""
    if ML not in order:
        if ML in found:
            document.fault(found[ML], "ml goes with type ml or hybrid only")
        return None
    if ML not in found:
        return DEFAULT
    said = document.mapping(found[ML], "ml", _KEYS)
    objective = document.choice(said["objective"], "objective", get_args(Objective)) if "objective" in said else None
    model = document.choice(said["model"], "model", MODELS) if "model" in said else None
    return Learned(
        objective=cast(Objective, objective or DEFAULT.objective),
        model=model or DEFAULT.model,
        bound_level=document.number_of(said, "bound_level", DEFAULT.bound_level, low=0.5, below=1),
        ladder=_ladder(document, said),
        drift_28d=document.number_of(said, "drift_28d", DEFAULT.drift_28d, above=0, high=1),
        untested=document.number_of(said, "untested", DEFAULT.untested, low=0, high=1),
        label=document.number_of(said, "label", DEFAULT.label, low=0, high=MAX_AMOUNT, decimals=MAX_DECIMALS),
        diversion=document.number_of(said, "diversion", DEFAULT.diversion, low=0, high=1),
        tests=document.number_of(said, "tests", DEFAULT.tests, low=0, high=MAX_TEST),
    )


def _ladder(document: Document, said: Mapping[str, yaml.Node]) -> Ladder:
    if "ladder" not in said:
        return _LADDER
    steps = document.mapping(said["ladder"], "ladder", ("step", "down", "up"))
    return Ladder(
        step=document.number_of(steps, "step", _LADDER.step, above=0, high=MAX_AMOUNT, decimals=MAX_DECIMALS),
        down=document.number_of(steps, "down", _LADDER.down, low=0, below=1),
        up=document.number_of(steps, "up", _LADDER.up, low=0, high=1),
    )
