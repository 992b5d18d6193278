"""The strategy language: a YAML text into a Strategy, or into every fault it has.

Here: the keys of a strategy and what may stand behind them. Not here: positions and plain values (document.py),
expressions (conditions.py), actions (actions.py), what is said of the model (learned.py) and of goals (goals.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import cast, get_args

import yaml

from pricing_assets.strategies.actions import MAX_AMOUNT, read_action
from pricing_assets.strategies.document import MAX_DECIMALS, Document
from pricing_assets.strategies.faults import Fault, StrategyError
from pricing_assets.strategies.goals import read_autonomy, read_linked
from pricing_assets.strategies.learned import ML, read_learned, read_order, require_settled
from pricing_assets.strategies.strategy import Action, Constraint, Rule, Strategy, StrategyType

KEYS = (
    *("strategy", "type", "order", "scope", "priority", "active", "rules", "ml"),
    *("constraints", "endings", "linked", "autonomy", "on_null"),
)
SCOPES = ("category", "market", "brand", "sku")
TIMES = ("cost_times", "competitor_max_times", "competitor_min_times", "list_times")
CONSTRAINTS = ("map", "min_price", "max_price", "max_daily_change", "min_margin_pct")


@lru_cache(maxsize=256)
def parse(text: str, origin: str = "<draft>") -> Strategy:
    """Reads a strategy. Raises StrategyError with all faults, each with line and column.

    `origin` names the text in messages: a file, or the name of a strategy in the store. A run asks for the same few
    texts at every station and for every day: each is read once.
    """
    document = Document(text)
    strategy = _strategy(document)
    if document.faults or strategy is None:
        raise StrategyError(origin, sorted(set(document.faults)))
    return strategy


def lint(text: str, origin: str = "<draft>") -> list[Fault]:
    """Every fault of a text in the order of the file; empty where it is a strategy."""
    try:
        parse(text, origin)
    except StrategyError as error:
        return list(error.faults)
    return []


def packaged_default() -> str:
    """The text of the strategy `default` that ships with the package."""
    return (resources.files("pricing_assets.strategies") / "default.yaml").read_text(encoding="utf-8")


def _strategy(document: Document) -> Strategy | None:
    root = document.root()
    if root is None:
        return None
    found = document.mapping(root, "a strategy", KEYS)
    kind = _type(document, found)
    document.require(root, found, "a strategy", ("strategy", "type", *(["rules"] if kind != "ml" else [])))
    name = document.name(found["strategy"], "the strategy's name") if "strategy" in found else None
    first, last = _active(document, found)
    order, rules = read_order(document, found, kind), _rules(document, found, kind)
    require_settled(document, found.get("rules"), order, rules)
    made = Strategy(
        name=name or "",
        type=cast(StrategyType, kind),
        scope=_scope(document, found),
        priority=document.whole(found["priority"], "priority") if "priority" in found else 0,
        active_from=first,
        active_until=last,
        rules=rules,
        constraints=_constraints(document, found),
        endings=_endings(document, found),
        text=document.text,
        hash=hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest(),
        order=order,
        ml=read_learned(document, found, order),
        linked=read_linked(document, found, learned=ML in order),
        autonomy=read_autonomy(document, found),
    )
    if "on_null" in found:
        document.choice(found["on_null"], "on_null", ["hold"])
    return made


def _type(document: Document, found: Mapping[str, yaml.Node]) -> str:
    if "type" not in found:
        return "rules"
    return document.choice(found["type"], "type", get_args(StrategyType)) or "rules"


def _scope(document: Document, found: Mapping[str, yaml.Node]) -> dict[str, tuple[str, ...]]:
    if "scope" not in found:
        return {}
    scope: dict[str, tuple[str, ...]] = {}
    for key, node in document.mapping(found["scope"], "scope", SCOPES).items():
        values: list[str] = []
        for item in document.items(node, f"scope {key}"):
            word = document.word(item, f"scope {key}")
            if word in values:
                document.fault(item, f"scope {key} names {word} twice")
            elif word is not None:
                values.append(word)
        scope[key] = tuple(values)
    return scope


def _active(document: Document, found: Mapping[str, yaml.Node]) -> tuple[date | None, date | None]:
    if "active" not in found:
        return None, None
    window = document.mapping(found["active"], "active", ("from", "until"))
    first = document.day(window["from"], "active from") if "from" in window else None
    last = document.day(window["until"], "active until") if "until" in window else None
    if first and last and last < first:
        document.fault(window["until"], f"active until {last} lies before from {first}")
    return first, last


def _rules(document: Document, found: Mapping[str, yaml.Node], kind: str) -> tuple[Rule, ...]:
    if "rules" not in found:
        return ()
    if kind == ML:
        document.fault(found["rules"], "a strategy of type ml has no rules; with rules it is a hybrid")
    rules: list[Rule] = []
    names: set[str] = set()
    for node in document.items(found["rules"], "rules"):
        rule, name_node = _rule(document, node, kind)
        if rule.name and rule.name in names:
            document.fault(name_node, f"two rules are named {rule.name}")
        names.add(rule.name)
        rules.append(rule)
    return tuple(sorted(rules, key=lambda rule: -rule.priority))


def _rule(document: Document, node: yaml.Node, kind: str) -> tuple[Rule, yaml.Node | None]:
    found = document.mapping(node, "a rule", ("name", "priority", "when", "then", "stop"))
    document.require(node, found, "a rule", ("name", "then"))
    action = read_action(document, found["then"]) if "then" in found else None
    if action and kind == "static" and action.kind != "set":
        document.fault(found["then"], f"a static strategy only sets prices; {action.kind} needs type: rules")
    rule = Rule(
        name=(document.name(found["name"], "the rule's name") if "name" in found else None) or "",
        priority=document.whole(found["priority"], "priority") if "priority" in found else 0,
        when=document.expression(found["when"], "when", "truth") if "when" in found else None,
        then=action or Action("multiply", amount=Decimal(1)),
        stop=document.flag(found["stop"], "stop") if "stop" in found else False,
        when_text=getattr(found.get("when"), "value", ""),
    )
    return rule, found.get("name")


def _constraints(document: Document, found: Mapping[str, yaml.Node]) -> tuple[Constraint, ...]:
    if "constraints" not in found:
        return ()
    made: dict[tuple[str, str], Constraint] = {}
    for node in document.items(found["constraints"], "constraints"):
        entries = document.mapping(node, "a constraint", CONSTRAINTS)
        if isinstance(node, yaml.MappingNode) and len(entries) > 1:
            document.fault(node, "a constraint has one key; write each as an item of its own, in order of precedence")
        for kind, value in entries.items():
            constraint = _constraint(document, kind, value)
            if constraint and (kind, constraint.parameter) in made:
                document.fault(node, f"{kind} {constraint.parameter} is constrained twice")
            elif constraint:
                made[kind, constraint.parameter] = constraint
    least, most = made.get(("min_price", "amount")), made.get(("max_price", "amount"))
    if least and most and least.value > most.value:
        document.fault(found["constraints"], f"min_price {least.value} lies above max_price {most.value}")
    return tuple(made.values())


def _constraint(document: Document, kind: str, node: yaml.Node) -> Constraint | None:
    match kind:
        case "map":
            word = document.choice(node, "map", ["required"])
            return None if word is None else Constraint(kind, "required", Decimal(1), "map: required")
        case "max_daily_change":
            share = document.number(node, kind, above=0, high=1)
            return None if share is None else Constraint(kind, "share", share, f"{kind}: {share}")
        case "min_margin_pct":
            percent = document.number(node, kind, low=0, below=100)
            return None if percent is None else Constraint(kind, "pct", percent, f"{kind}: {percent}")
    return _bound(document, kind, node)


def _bound(document: Document, kind: str, node: yaml.Node) -> Constraint | None:
    entries = document.mapping(node, kind, (*TIMES, "amount"))
    if isinstance(node, yaml.MappingNode) and len(entries) != 1:
        document.fault(node, f"{kind} needs exactly one of {', '.join(TIMES)}, amount")
    for parameter, value in entries.items():
        if parameter == "amount":
            number = document.number(value, f"{kind} amount", above=0, high=MAX_AMOUNT, decimals=MAX_DECIMALS)
        else:
            number = document.number(value, f"{kind} {parameter}", above=0, high=1_000)
        if number is not None:
            return Constraint(kind, parameter, number, f"{kind}: {{{parameter}: {number}}}")
    return None


def _endings(document: Document, found: Mapping[str, yaml.Node]) -> tuple[Decimal, ...]:
    if "endings" not in found:
        return ()
    endings: list[Decimal] = []
    for node in document.items(found["endings"], "endings"):
        ending = document.number(node, "an ending", low=0, below=1, decimals=3)
        if ending is not None and ending in endings:
            document.fault(node, f"ending {ending} is written twice")
        elif ending is not None:
            endings.append(ending)
    return tuple(endings)
