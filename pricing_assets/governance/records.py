"""What the store gives and takes, as plain objects.

Here: an active strategy, an event, and what the store must be able to ask about a strategy's text. Not here: SQL; the
language itself (strategies/), which this floor does not import: whoever opens the store hands it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class Draft(Protocol):
    """What the store keeps of a strategy that has been read without fault."""

    @property
    def name(self) -> str:
        """Name of the strategy."""

    @property
    def priority(self) -> int:
        """The highest claims a SKU."""

    @property
    def text(self) -> str:
        """The whole text, YAML."""

    @property
    def hash(self) -> str:
        """SHA-256 of the text, hexadecimal."""


class Language(Protocol):
    """What the store asks before it lets a text become active. The module `pricing_assets.strategies` is one."""

    def parse(self, text: str, origin: str = ...) -> Draft:
        """Reads a text; raises PricingError with every fault."""

    def clashes(self, text: str, active: Mapping[str, str]) -> list[str]:
        """One sentence per active strategy (name → text) that would claim the same SKU at equal priority."""

    def packaged_default(self) -> str:
        """The text a new installation starts with."""


@dataclass(frozen=True)
class ActiveStrategy:
    """A strategy in force. `version` counts the events of this strategy; `activated_at` is UTC."""

    name: str
    version: int
    hash: str
    priority: int
    text: str
    activated_by: str
    activated_at: datetime
    reason: str


@dataclass(frozen=True)
class Event:
    """One thing a person decided, as recorded. `seq` orders all events, `version` those of one stream from 1."""

    seq: int
    stream: str
    version: int
    kind: str
    payload: dict[str, Any]
    actor: str
    reason: str
    recorded_at: datetime
