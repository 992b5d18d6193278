"""cel-python's parse tree: its node names, and a message for a text it does not understand.

Here: what is particular to the parser. Not here: the meaning of a tree (conditions.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Tree

OPERATORS = {
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
    "relation_eq": "==",
    "relation_ne": "!=",
    "addition_add": "+",
    "addition_sub": "-",
    "multiplication_mul": "*",
    "multiplication_div": "/",
}
REFUSED = {
    "member_dot": "a field (`.`)",
    "member_dot_arg": "a method call (`.f()`)",
    "member_index": "an index (`[]`)",
    "member_object": "a message (`{}`)",
    "dot_ident": "a rooted name (`.x`)",
    "dot_ident_arg": "a rooted call (`.f()`)",
    "map_lit": "a map (`{}`)",
    "list_lit": "a list outside of `in [..]`",
    "multiplication_mod": "the remainder (`%`)",
}
# nodes that only carry precedence when they have a single child
TRANSPARENT = {
    "expr",
    "conditionalor",
    "conditionaland",
    "relation",
    "addition",
    "multiplication",
    "unary",
    "member",
    "primary",
    "paren_expr",
}


class ExpressionError(Exception):
    """What is wrong with an expression: pairs of column (from 1) and message."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        self.faults = faults
        super().__init__(faults)


def parse(text: str) -> Tree[Any]:
    """The parse tree of one line. Raises ExpressionError where it is no CEL."""
    from celpy.celparser import CELParseError, CELParser

    try:
        tree: Tree[Any] = CELParser().parse(text)
    except CELParseError as error:
        token = getattr(error.__context__, "token", None)
        at_end = getattr(token, "type", None) == "$END"
        raise ExpressionError([_not_understood(text, None if at_end else error.column)]) from None
    return tree


def _not_understood(text: str, column: int | None) -> tuple[int, str]:
    end = len(text.rstrip())
    if column is None or not 1 <= column <= end:
        return end, f"not understood: {text.strip()!r} ends too early"
    rest = text[column - 1 :]
    word = (rest.split() or [""])[0].lower()
    for wrong, right in (("and", "&&"), ("or", "||"), ("not", "!")):
        if word == wrong:
            return column, f"not understood from {rest!r}; write {right} for {wrong}"
    for wrong, right in (("=", "=="), ("&", "&&"), ("|", "||")):
        if rest.startswith(wrong) and not rest.startswith(right):
            return column, f"not understood from {rest!r}; did you mean {right}?"
    return column, f"not understood from {rest!r}"
