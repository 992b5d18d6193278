"""Conditions and formulas: a subset of CEL on one line, read into typed trees.

Here: the reader over cel-python's parse tree and the type check against the feature table. Not here: the trees
(trees.py), Polars (compilation.py), where in a file a text stands (document.py).

The subset: every number is a double; comparisons, `&&`, `||`, `!`, `+ - * /`, unary minus, parentheses, `==`, `!=` and
`in [..]`, features by name, `price` (the price so far, in major units) and `has(feature)`. The rest of CEL is refused
by name. Source: CEL language definition, https://github.com/google/cel-spec/blob/master/doc/langdef.md.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from pricing_assets.strategies.faults import did_you_mean
from pricing_assets.strategies.grammar import OPERATORS, REFUSED, TRANSPARENT, ExpressionError, parse
from pricing_assets.strategies.trees import (
    PRICE,
    Binary,
    Expression,
    Has,
    Kind,
    Member,
    Name,
    Number,
    Text,
    Truth,
    Unary,
    constant,
)
from pricing_assets.tables.features import FeatureSnapshots

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_LENGTH = 2_000
MAX_DEPTH = 60
_WORDS: dict[Kind, str] = {"number": "a number", "text": "a text", "truth": "true or false"}
_NEEDS: dict[Kind, str] = {"number": "numbers", "text": "texts", "truth": "true or false"}


@functools.cache
def feature_kinds() -> dict[str, Kind]:
    """Every feature a strategy may name, with its type: the columns of features.feature_snapshots but the date."""
    kinds: dict[str, Kind] = {}
    for name, column in FeatureSnapshots.columns().items():
        if column.dtype.is_numeric():
            kinds[name] = "number"
        elif not column.dtype.is_temporal():
            kinds[name] = "truth" if str(column.dtype) == "Boolean" else "text"
    return kinds


def read(text: str, expected: Kind) -> Expression:
    """Reads and checks one expression that must be of the expected kind. Raises ExpressionError with every fault."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError([(1, f"longer than {MAX_LENGTH} characters; split it into several rules")])
    if not text.strip():
        raise ExpressionError([(1, "is empty")])
    reader = _Reader(text)
    tree = parse(text)
    found = reader.read(tree, 0)
    if found and not reader.faults and found[1] != expected:
        reader.fault(tree, f"must be {_WORDS[expected]}, is {_WORDS[found[1]]}")
    if reader.faults or not found:
        raise ExpressionError(sorted(set(reader.faults)))
    return found[0]


class _Reader:
    """Walks one parse tree, collecting faults. A subtree with a fault reads as None and is reported once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.faults: list[tuple[int, str]] = []

    def fault(self, at: Tree[Any] | Token, message: str) -> None:
        meta = getattr(at, "meta", at)
        self.faults.append((getattr(meta, "column", None) or 1, message))

    def source(self, tree: Tree[Any]) -> str:
        return self.text[tree.meta.start_pos : tree.meta.end_pos]

    def read(self, tree: Tree[Any], depth: int) -> tuple[Expression, Kind] | None:
        while len(tree.children) == 1 and tree.data in TRANSPARENT:
            tree = tree.children[0]
        if depth > MAX_DEPTH:
            self.fault(tree, f"nested deeper than {MAX_DEPTH} levels; split it into several rules, or use `in [..]`")
            return None
        children: list[Any] = tree.children
        found: tuple[Expression, Kind] | None = None
        match str(tree.data), children:
            case "conditionalor" | "conditionaland" as junction, [left, right]:
                found = self._junction("||" if junction == "conditionalor" else "&&", tree, left, right, depth)
            case "relation" | "addition" | "multiplication", [head, right]:
                found = self._binary(tree, head, right, depth)
            case "unary", [operator, operand]:
                found = self._unary("!" if operator.data == "unary_not" else "-", operand, depth)
            case "ident", [token]:
                found = self._name(token)
            case "ident_arg", [token, *arguments]:
                found = self._call(tree, token, arguments)
            case "literal", [token]:
                found = self._literal(token)
            case "expr", _:
                self.fault(tree, "a choice (`? :`) is not part of the language; write two rules")
            case data, _:
                self.fault(tree, f"{REFUSED.get(data, data)} is not part of the language")
        return found

    def _operands(
        self, left: Tree[Any], right: Tree[Any], depth: int
    ) -> tuple[tuple[Expression, Kind], tuple[Expression, Kind]] | None:
        one, two = self.read(left, depth + 1), self.read(right, depth + 1)
        return (one, two) if one and two else None

    def _junction(
        self, operator: str, tree: Tree[Any], left: Tree[Any], right: Tree[Any], depth: int
    ) -> tuple[Expression, Kind] | None:
        both = self._operands(left, right, depth)
        if both is None or not self._all("truth", operator, [(both[0][1], left), (both[1][1], right)]):
            return None
        return Binary(operator, both[0][0], both[1][0], self.source(tree)), "truth"

    def _binary(self, tree: Tree[Any], head: Tree[Any], right: Tree[Any], depth: int) -> tuple[Expression, Kind] | None:
        left = head.children[0]
        if head.data == "relation_in":
            return self._member(left, right, depth)
        if head.data not in OPERATORS:
            self.fault(tree, f"{REFUSED.get(str(head.data), str(head.data))} is not part of the language")
            return None
        both = self._operands(left, right, depth)
        if both is None:
            return None
        (one, one_kind), (two, two_kind) = both
        made = Binary(OPERATORS[str(head.data)], one, two, self.source(tree))
        if made.operator in ("==", "!="):
            if one_kind == two_kind:
                return made, "truth"
            self.fault(tree, f"{made.operator} compares {_WORDS[one_kind]} with {_WORDS[two_kind]}")
        elif self._all("number", made.operator, [(one_kind, left), (two_kind, right)]):
            return self._arithmetic(made, right) if made.operator in "+-*/" else (made, "truth")
        return None

    def _all(self, kind: Kind, operator: str, sides: list[tuple[Kind, Tree[Any]]]) -> bool:
        for found, side in sides:
            if found != kind:
                self.fault(side, f"{operator} needs {_NEEDS[kind]}, {self.source(side)!r} is {_WORDS[found]}")
        return all(found == kind for found, _ in sides)

    def _arithmetic(self, made: Binary, right: Tree[Any]) -> tuple[Expression, Kind] | None:
        if made.operator == "/" and constant(made.right) == 0:
            self.fault(right, f"{made.source!r} divides by zero")
            return None
        value = constant(made)
        if value is not None and not math.isfinite(value):
            self.fault(right, f"{made.source!r} is too large a number")
            return None
        return made, "number"

    def _unary(self, operator: str, operand: Tree[Any], depth: int) -> tuple[Expression, Kind] | None:
        inner = self.read(operand, depth + 1)
        if inner is None:
            return None
        kind: Kind = "truth" if operator == "!" else "number"
        return (Unary(operator, inner[0]), kind) if self._all(kind, operator, [(inner[1], operand)]) else None

    def _name(self, token: Token) -> tuple[Expression, Kind] | None:
        name = str(token)
        if name == PRICE:
            return Name(name, "number"), "number"
        kind = feature_kinds().get(name)
        if kind is None:
            self.fault(token, _unknown(name))
            return None
        return Name(name, kind), kind

    def _call(self, tree: Tree[Any], token: Token, arguments: list[Tree[Any]]) -> tuple[Expression, Kind] | None:
        if token != "has":
            self.fault(token, f"function {token} is not part of the language; has(feature) is the only one")
            return None
        names = [part for argument in arguments for part in argument.children]
        inner = self.read(names[0], 0) if len(names) == 1 else None
        if inner and isinstance(inner[0], Name) and inner[0].name != PRICE:
            return Has(inner[0].name), "truth"
        if not self.faults:
            self.fault(tree, f"has() takes the name of one feature, not {self.source(tree)!r}")
        return None

    def _member(self, left: Tree[Any], right: Tree[Any], depth: int) -> tuple[Expression, Kind] | None:
        operand = self.read(left, depth + 1)
        while len(right.children) == 1 and right.data != "list_lit" and hasattr(right.children[0], "data"):
            right = right.children[0]
        if right.data != "list_lit":
            self.fault(right, "`in` needs a list of literals, e.g. [1, 2]")
            return None
        parts = [part for group in right.children for part in group.children]
        items = [self.read(part, depth + 1) for part in parts]
        if operand is None or None in items:
            return None
        if not items:
            self.fault(right, "`in []` is never true; name at least one value")
        values = [item for item in items if item is not None]
        for part, (item, kind) in zip(parts, values, strict=True):
            folded = Number(value) if (value := constant(item)) is not None else item
            if not isinstance(folded, Number | Text):
                self.fault(part, f"`in` needs literals, {self.source(part)!r} is none")
            elif kind != operand[1]:
                self.fault(part, f"`in` compares {_WORDS[operand[1]]} with {_WORDS[kind]}")
        literals = (Number(value) if (value := constant(item)) is not None else item for item, _ in values)
        return Member(operand[0], tuple(item for item in literals if isinstance(item, Number | Text))), "truth"

    def _literal(self, token: Token) -> tuple[Expression, Kind] | None:
        match token.type:
            case "INT_LIT" | "FLOAT_LIT":
                value = _number(str(token))
                if math.isfinite(value):
                    return Number(value), "number"
                self.fault(token, f"{token} is too large a number")
            case "STRING_LIT":
                from celpy.evaluation import celstr

                return Text(str(celstr(token))), "text"
            case "BOOL_LIT":
                return Truth(token == "true"), "truth"
            case "NULL_LIT":
                self.fault(token, "null is not part of the language; has(feature) asks whether one is there")
            case other:
                self.fault(token, f"{other.split('_')[0].lower()} literal {token} is not part of the language")
        return None


def _number(text: str) -> float:
    sign, digits = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    if digits.lower().startswith("0x"):
        try:
            return sign * float(int(digits, 16))
        except OverflowError:
            return math.inf
    return sign * float(digits)


def _unknown(name: str) -> str:
    if name == "date":
        return "date is no feature; month, weekday and day_of_year are"
    return f"unknown feature {name}{did_you_mean(name, [*feature_kinds(), PRICE])}"
