"""What differs in meaning between two texts of a strategy.

Here: the sentences of `pricing strategy diff`. Not here: comments, order of keys, ways to write the same number; they
change nothing, so they are not mentioned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal

from pricing_assets.strategies.language import parse
from pricing_assets.strategies.strategy import Autonomy, Constraint, Learned, Rule, Strategy


def diff(old_text: str | None, new_text: str, old: str = "<old>", new: str = "<new>") -> list[str]:
    """One line per difference in meaning, empty where there is none. Raises StrategyError for a text with faults.

    Without an old text all of the new one is new. `old` and `new` name the texts in error messages.
    """
    before, after = None if old_text is None else parse(old_text, old), parse(new_text, new)
    return [
        *_fields(_head(before), _head(after)),
        *_rules(before.rules if before else (), after.rules),
        *_ordered("constraint", _constraints(before), _constraints(after)),
        *_ordered("ending", _endings(before), _endings(after)),
        *_ordered("goal", _goals(before), _goals(after)),
    ]


def _head(strategy: Strategy | None) -> dict[str, str]:
    if strategy is None:
        return {}
    return {
        "strategy": strategy.name,
        "type": strategy.type,
        "priority": str(strategy.priority),
        **{f"scope {key}": ", ".join(sorted(names)) for key, names in strategy.scope.items()},
        **({"active from": str(strategy.active_from)} if strategy.active_from else {}),
        **({"active until": str(strategy.active_until)} if strategy.active_until else {}),
        **({"order": ", ".join(strategy.order)} if len(strategy.order) > 1 else {}),
        **_said("ml", strategy.ml),
        **_said("autonomy", strategy.autonomy),
    }


def _said(block: str, values: Learned | Autonomy | None) -> dict[str, str]:
    """What a block of the text says, a line per key."""
    if values is None:
        return {}
    said = asdict(values)
    said |= {f"ladder {name}": value for name, value in said.pop("ladder", {}).items()}
    return {
        f"{block} {name}": _plain(value) if isinstance(value, Decimal) else str(value) for name, value in said.items()
    }


def _fields(before: Mapping[str, str], after: Mapping[str, str], prefix: str = "") -> list[str]:
    return [
        f"{prefix}{key}: {before.get(key, 'none')} → {after.get(key, 'none')}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _constraint(constraint: Constraint) -> str:
    return f"{constraint.kind} {constraint.parameter} {_plain(constraint.value)}"


def _constraints(strategy: Strategy | None) -> list[str]:
    return [_constraint(constraint) for constraint in strategy.constraints] if strategy else []


def _goals(strategy: Strategy | None) -> list[str]:
    return [goal.text for goal in strategy.linked] if strategy else []


def _endings(strategy: Strategy | None) -> list[str]:
    return [_plain(ending) for ending in strategy.endings] if strategy else []


def _rule(rule: Rule) -> dict[str, str]:
    return {
        "priority": str(rule.priority),
        "when": " ".join(rule.when_text.split()) or "always",
        "then": rule.then.label,
        "stop": str(rule.stop).lower(),
    }


def _changed(before: Rule, after: Rule) -> list[str]:
    old, new = _rule(before), _rule(after)
    # values decide whether something changed, their text is only what a person reads
    if before.when == after.when:
        del old["when"], new["when"]
    if replace(before.then, label="") == replace(after.then, label=""):
        del old["then"], new["then"]
    return _fields(old, new, f"rule {after.name} ")


def _rules(before: Sequence[Rule], after: Sequence[Rule]) -> list[str]:
    old, new = {rule.name: rule for rule in before}, {rule.name: rule for rule in after}
    lines = [f"rule {name} removed" for name in old if name not in new]
    for name, rule in new.items():
        if name not in old:
            lines.append(f"rule {name} added: when {_rule(rule)['when']} then {rule.then.label}")
        else:
            lines += _changed(old[name], rule)
    kept_before = [name for name in old if name in new]
    kept_after = [name for name in new if name in old]
    if kept_before != kept_after:
        lines.append(f"rules run in another order: {', '.join(kept_before)} → {', '.join(kept_after)}")
    return lines


def _ordered(what: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
    lines = [f"{what} removed: {label}" for label in before if label not in after]
    lines += [f"{what} added: {label}" for label in after if label not in before]
    kept_before, kept_after = [x for x in before if x in after], [x for x in after if x in before]
    if what == "constraint" and kept_before != kept_after:
        lines.append(f"order of precedence: {', '.join(kept_before)} → {', '.join(kept_after)}")
    return lines
