"""What a strategy says of goals over several SKUs, and of who has the last word.

Here: `linked` and `autonomy` of a text. Not here: meeting the goals (pricing/goals/), who reviews (governance/).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast, get_args

import yaml

from pricing_assets.strategies.actions import MAX_AMOUNT
from pricing_assets.strategies.document import MAX_DECIMALS, Document
from pricing_assets.strategies.strategy import Autonomy, Goal, GoalKind, Mode

_BOUNDS: Mapping[str, Mapping[str, Any]] = {
    "margin_pct_at_least": {"above": 0, "below": 100},
    "revenue_at_least": {"above": 0, "high": MAX_AMOUNT},
    "changes_at_most": {"low": 0, "high": MAX_AMOUNT},
}
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "margin_pct_at_least": ("category", "market"),
    "revenue_at_least": ("category", "market"),
    "changes_at_most": ("category", "market"),
    "clear_by": ("sku", "category", "market", "share"),
    "order": ("at_least", "market"),
    "family": ("market",),
}
"""What may stand beside each kind of goal."""
_LONGEST = 30
"""Days a person has to answer at most: a price older than that rests on other facts."""
_AUTONOMY = Autonomy("semi-auto")


def read_linked(document: Document, found: Mapping[str, yaml.Node], *, learned: bool) -> tuple[Goal, ...]:
    """The goals, in the order of the text."""
    if "linked" not in found:
        return ()
    if not learned:
        document.fault(found["linked"], "linked goes with type ml or hybrid only")
        return ()
    goals = [_goal(document, node) for node in document.items(found["linked"], "linked")]
    return tuple(goal for goal in goals if goal)


def _goal(document: Document, node: yaml.Node) -> Goal | None:
    beside = dict.fromkeys(name for names in _BESIDE.values() for name in names)
    entries = document.mapping(node, "a goal", (*_BESIDE, *beside))
    kinds = [kind for kind in _BESIDE if kind in entries]
    if len(kinds) != 1:
        document.fault(node, f"a goal needs exactly one of {', '.join(_BESIDE)}")
        return None
    kind = cast(GoalKind, kinds[0])
    for name in entries.keys() - {kind, *_BESIDE[kind]}:
        document.fault(entries[name], f"{name} does not go with {kind}")
    category, market = (
        document.word(entries[name], name) if name in entries else None for name in ("category", "market")
    )
    text = " ".join(document.text[node.start_mark.index : node.end_mark.index].strip("{} \n").split())
    return Goal(kind=kind, text=text, category=category, market=market, **_terms(document, kind, entries))


def _terms(document: Document, kind: GoalKind, entries: Mapping[str, yaml.Node]) -> dict[str, Any]:
    """Amount, SKUs and day of a goal."""
    node = entries[kind]
    match kind:
        case "order" | "family":
            gap = document.number_of(entries, "at_least", Decimal(0), low=0, high=MAX_AMOUNT, decimals=MAX_DECIMALS)
            return {"value": gap, "skus": _skus(document, node, kind, least=2)}
        case "clear_by":
            if "sku" not in entries and "category" not in entries:
                document.fault(node, "clear_by needs sku or category: say what is to be cleared")
            skus = _skus(document, entries["sku"], "sku", least=1) if "sku" in entries else ()
            share = document.number_of(entries, "share", Decimal(1), above=0, high=1)
            return {"value": share, "skus": skus, "until": document.day(node, kind)}
    if kind == "changes_at_most":
        return {"value": Decimal(document.whole(node, kind))}
    return {"value": document.number(node, kind, **_BOUNDS[kind]) or Decimal(1)}


def _skus(document: Document, node: yaml.Node, what: str, *, least: int) -> tuple[str, ...]:
    words = [document.word(item, what) for item in document.items(node, what)]
    names = tuple(word for word in words if word is not None)
    if len(set(names)) < len(names):
        document.fault(node, f"{what} names a SKU twice")
    elif 0 < len(names) < least:
        document.fault(node, f"{what} needs at least {least} SKUs")
    return names


def read_autonomy(document: Document, found: Mapping[str, yaml.Node]) -> Autonomy | None:
    """The block `autonomy`; None where the text has none."""
    if "autonomy" not in found:
        return None
    said = document.mapping(found["autonomy"], "autonomy", ("mode", "threshold", "expires_days"))
    document.require(found["autonomy"], said, "autonomy", ("mode",))
    mode = document.choice(said["mode"], "mode", get_args(Mode)) if "mode" in said else None
    days = document.number_of(said, "expires_days", Decimal(_AUTONOMY.expires_days), low=1, high=_LONGEST)
    if days != days.to_integral_value():
        document.fault(said["expires_days"], f"expires_days must be a whole number, is {days}")
    return Autonomy(
        mode=cast(Mode, mode or _AUTONOMY.mode),
        threshold=document.number_of(said, "threshold", _AUTONOMY.threshold, low=0.5, below=1),
        expires_days=int(days),
    )
