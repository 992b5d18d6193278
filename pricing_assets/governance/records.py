"""What the store gives and takes, as plain objects.

Here: an active strategy, an override and its scope, an event, and what the store must be able to ask about a strategy's
text. Not here: SQL; the language itself (strategies/), which this floor does not import: whoever opens the store hands
it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from pricing_assets.errors import PricingError


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
class Shadow:
    """A draft that decides beside the strategies in force. `version` counts its events; `set_at` is UTC."""

    name: str
    version: int
    hash: str
    text: str
    set_by: str
    set_at: datetime
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


OverrideKind = Literal["PRICE_FREEZE", "FORCE_RULE_BASED"]
OverrideState = Literal["scheduled", "active", "expired", "ended"]


@dataclass(frozen=True)
class Scope:
    """What an override is about: a SKU or a category, in one market or in all; or a market; or everything.

    Raises PricingError where it names nothing without saying `everything`, or names what cannot go together.
    """

    sku: str | None = None
    category: str | None = None
    market: str | None = None
    everything: bool = False

    def __post_init__(self) -> None:
        named = [name for name in ("sku", "category", "market") if getattr(self, name) is not None]
        if empty := [name for name in named if not getattr(self, name).strip()]:
            raise PricingError(f"override: its {empty[0]} is empty", f"name a {empty[0]}, or leave it out")
        if not named and not self.everything:
            raise PricingError(
                "override: it names no SKU, category or market",
                "say what it is about: --sku, --category, --market, or --all for every SKU",
            )
        if named and self.everything:
            raise PricingError(
                f"override: everything and one {named[0]} at once", f"leave out --all, or leave out --{named[0]}"
            )
        if self.sku is not None and self.category is not None:
            raise PricingError("override: a SKU and a category at once", "a SKU has its category: leave one out")

    def __str__(self) -> str:
        what = f"SKU {self.sku}" if self.sku else f"category {self.category}" if self.category else "every SKU"
        return f"{what} in {self.market}" if self.market else what


@dataclass(frozen=True)
class Override:
    """A person's word that goes before the strategies. Days are effective days, both inclusive; instants are UTC.

    An ended override counts for no run that starts afterwards, whatever day that run prices.
    """

    id: str
    kind: OverrideKind
    scope: Scope
    active_from: date
    active_until: date
    set_by: str
    set_at: datetime
    reason: str
    ended_by: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None

    def state(self, day: date) -> OverrideState:
        """What it is on an effective day."""
        if self.ended_by is not None:
            return "ended"
        return "scheduled" if day < self.active_from else "expired" if day > self.active_until else "active"
