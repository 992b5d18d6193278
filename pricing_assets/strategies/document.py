"""YAML with the line and column of everything in it.

Here: nodes into plain values, each fault noted where it stands, none of them stopping the reading. Not here: which
keys a strategy has (language.py).

Scalars are taken as written, not as YAML 1.1 resolves them: the market NO stays NO, the SKU 00123 keeps its zeros,
0.10 is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from pricing_assets.strategies.conditions import read
from pricing_assets.strategies.faults import Fault, did_you_mean
from pricing_assets.strategies.grammar import ExpressionError
from pricing_assets.strategies.trees import Expression, Kind

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ESCAPES = {"x": 4, "u": 6, "U": 10}
MAX_SIZE = 1_000_000
MAX_DECIMALS = 4


class Document:
    """One text being read, and the faults found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.faults: list[Fault] = []

    def fault(self, node: yaml.Node | None, message: str, column: int = 0) -> None:
        """Notes a fault at a node, or at the start of the file."""
        if node is None:
            self.faults.append(Fault(1, 1, message))
        else:
            self.faults.append(Fault(node.start_mark.line + 1, node.start_mark.column + 1 + column, message))

    def root(self) -> yaml.Node | None:
        """The top node, or None where the text is no YAML at all (then that is the fault)."""
        if len(self.text) > MAX_SIZE:
            self.fault(None, f"longer than {MAX_SIZE} characters")
            return None
        try:
            node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self.faults.append(Fault(*place, f"not YAML: {error.problem or error.context}"))
            return None
        except yaml.reader.ReaderError as error:
            before = self.text[: error.position]
            column = len(before) - (before.rfind("\n") + 1) + 1
            self.faults.append(Fault(before.count("\n") + 1, column, f"not YAML: {error.reason}"))
            return None
        except RecursionError:
            self.fault(None, "not YAML: nested too deeply")
            return None
        if node is None:
            self.fault(None, "is empty")
        return node

    def mapping(self, node: yaml.Node, what: str, known: Iterable[str]) -> dict[str, yaml.Node]:
        """Key → value node of a mapping; unknown and repeated keys are faults and left out."""
        known = list(known)
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, f"{what} must be a mapping with the keys {', '.join(known)}")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name not in known:
                hint = did_you_mean(name, known) if name else ""
                self.fault(key, f"unknown key {name or 'that is no word'} in {what}{hint or _one_of(known)}")
            elif name in found:
                self.fault(key, f"key {name} is written twice in {what}")
            else:
                found[name] = value
        return found

    def require(self, node: yaml.Node, found: Mapping[str, yaml.Node], what: str, keys: Iterable[str]) -> None:
        """Notes each key that is not there."""
        for key in keys:
            if isinstance(node, yaml.MappingNode) and key not in found:
                self.fault(node, f"{what} needs {key}")

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The nodes of a list with at least one item."""
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, f"{what} must be a list")
            return []
        if not node.value:
            self.fault(node, f"{what} is an empty list; leave it out or name at least one")
        return list(node.value)

    def word(self, node: yaml.Node, what: str) -> str | None:
        """A scalar as written."""
        if not isinstance(node, yaml.ScalarNode) or (not node.style and node.value in ("", "~", "null")):
            self.fault(node, f"{what} must be a text")
            return None
        if not node.value.strip():
            self.fault(node, f"{what} is empty")
            return None
        return str(node.value)

    def name(self, node: yaml.Node, what: str) -> str | None:
        """A name: letters, digits, dot, dash, underscore."""
        word = self.word(node, what)
        if word is not None and not _NAME.fullmatch(word):
            self.fault(node, f"{what} {word!r} must consist of letters, digits, '.', '-' and '_'")
            return None
        return word

    def choice(self, node: yaml.Node, what: str, choices: Iterable[str]) -> str | None:
        """One of the words given."""
        choices = list(choices)
        word = self.word(node, what)
        if word is None or word in choices:
            return word
        self.fault(node, f"unknown {what} {word}{did_you_mean(word, choices) or _one_of(choices)}")
        return None

    def flag(self, node: yaml.Node, what: str) -> bool:
        """`true` or `false`."""
        if isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("true", "false"):
            return bool(node.value == "true")
        self.fault(node, f"{what} must be true or false")
        return False

    def whole(self, node: yaml.Node, what: str) -> int:
        """A whole number between −1,000,000 and 1,000,000."""
        number = self.number(node, what, low=-1_000_000, high=1_000_000)
        if number is not None and number != number.to_integral_value():
            self.fault(node, f"{what} must be a whole number, is {number}")
            return 0
        return int(number or 0)

    def number(
        self,
        node: yaml.Node,
        what: str,
        *,
        low: float | None = None,
        above: float | None = None,
        high: float | None = None,
        below: float | None = None,
        decimals: int | None = None,
    ) -> Decimal | None:
        """An exact number within bounds: low ≤ n, above < n, n ≤ high, n < below."""
        value = is_number(node)
        if value is None:
            shown = f", is {node.value!r}" if isinstance(node, yaml.ScalarNode) else ""
            self.fault(node, f"{what} must be a number{shown}")
            return None
        wrong = [
            f"{word} {bound}"
            for word, bound, holds in (
                ("at least", low, low is None or value >= low),
                ("above", above, above is None or value > above),
                ("at most", high, high is None or value <= high),
                ("below", below, below is None or value < below),
            )
            if not holds
        ]
        if wrong:
            self.fault(node, f"{what} must be {' and '.join(wrong)}, is {value}")
            return None
        exponent = value.normalize().as_tuple().exponent
        if decimals is not None and isinstance(exponent, int) and -exponent > decimals:
            self.fault(node, f"{what} has more than {decimals} decimal places: {value}")
            return None
        return value

    def number_of(self, found: Mapping[str, yaml.Node], key: str, default: Decimal, **bounds: Any) -> Decimal:
        """The number under a key, within `bounds` as of `number`; `default` where there is none or it has a fault."""
        number = self.number(found[key], key, **bounds) if key in found else None
        return default if number is None else number

    def day(self, node: yaml.Node, what: str) -> date | None:
        """A date written YYYY-MM-DD."""
        if isinstance(node, yaml.ScalarNode) and _DATE.fullmatch(node.value):
            try:
                return date.fromisoformat(node.value)
            except ValueError as error:
                self.fault(node, f"{what} {node.value} is no date: {error}")
                return None
        self.fault(node, f"{what} must be a date written YYYY-MM-DD")
        return None

    def expression(self, node: yaml.Node, what: str, kind: Kind) -> Expression | None:
        """A condition or formula on one line; its faults get their place in the file."""
        text = self.word(node, what)
        if text is None or not isinstance(node, yaml.ScalarNode):
            return None
        if node.start_mark.line != node.end_mark.line or node.style in ("|", ">"):
            self.fault(node, f"{what} must stand on one line")
            return None
        try:
            return read(text, kind)
        except ExpressionError as error:
            places = _offsets(self.text[node.start_mark.index : node.end_mark.index], text, node.style)
            for column, message in error.faults:
                self.fault(node, f"{what}: {message}", places[min(column, len(places)) - 1])
            return None


def _offsets(raw: str, value: str, style: str | None) -> list[int]:
    """For each character of a one-line scalar, how many columns it stands right of the scalar's start."""
    place = 1 if style else 0
    places = []
    for _ in value:
        places.append(place)
        if style == '"' and raw[place] == "\\":
            place += _ESCAPES.get(raw[place + 1], 2)
        else:
            place += 2 if style == "'" and raw[place] == "'" else 1
    return places


def is_number(node: yaml.Node) -> Decimal | None:
    """The finite number of an unquoted scalar, None where it is something else."""
    if not isinstance(node, yaml.ScalarNode) or node.style:
        return None
    try:
        value = Decimal(node.value)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) < 30 else None


def _one_of(known: Iterable[str]) -> str:
    return f"; known are {', '.join(known)}"
