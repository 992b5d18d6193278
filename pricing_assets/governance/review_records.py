"""A price put to a person, what was answered, and what it teaches, as plain objects.

Here: the proposal as it is kept with its answer, the answer, and how far autonomy is tightened in a scope. Not here:
SQL, which prices are put to people (pricing/), when to tighten (learning.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, unquote

from pricing_assets.errors import PricingError

Mode = Literal["manual", "semi-auto", "full-auto"]
MODES: tuple[Mode, ...] = ("manual", "semi-auto", "full-auto")
"""The strictest first."""
Said = Literal["approved", "rejected", "amended"]
ReviewState = Literal["standing", "expired", "withdrawn"]
NO_CATEGORY = ""
_NOBODY = "(none)"


@dataclass(frozen=True)
class Proposal:
    """A price a person is asked about: exactly this one, of this decision.

    `day` is the day decided, `expires` the last effective day an answer is taken, `binds_until` the last one it binds.
    `mode`, `threshold` and `confidence` are those of the decision; an `audit` was published without asking.
    """

    decision_id: str
    day: date
    sku: str
    market: str
    category: str | None
    price: Decimal
    current_price: Decimal | None
    currency: str
    expires: date
    binds_until: date
    mode: Mode | None = None
    threshold: float | None = None
    confidence: float | None = None
    audit: bool = False

    @property
    def subject(self) -> str:
        """What is decided on, which names its stream."""
        return f"review:{self.decision_id}"

    @property
    def scope(self) -> AutonomyScope:
        """What its verdict counts for."""
        return AutonomyScope(self.category or NO_CATEGORY, self.market)

    def payload(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {
            name: str(value) if isinstance(value, (date, Decimal)) else value for name, value in asdict(self).items()
        }

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Proposal:
        """From what the ledger keeps."""
        days = {name: date.fromisoformat(said[name]) for name in ("day", "expires", "binds_until")}
        current = said["current_price"]
        amounts = {"price": Decimal(said["price"]), "current_price": None if current is None else Decimal(current)}
        return cls(**{**{name: said[name] for name in cls.__dataclass_fields__}, **days, **amounts})


@dataclass(frozen=True)
class Review:
    """One person's answer to one proposal. `price` is the price it binds, `refused` the one it refuses; by currency.

    `group` is the key of a bulk answer, `sequence` orders all events of the store.
    """

    id: str
    proposal: Proposal
    answer: Said
    price: Decimal | None
    refused: Decimal | None
    by: str
    at: datetime
    reason: str
    sequence: int
    group: str | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawal_reason: str | None = None

    def state(self, day: date) -> ReviewState:
        """What it is on an effective day."""
        if self.withdrawn_by is not None:
            return "withdrawn"
        return "expired" if day > self.proposal.binds_until else "standing"


@dataclass(frozen=True, order=True)
class AutonomyScope:
    """A category in a market; None is every one. The category of SKUs without any is NO_CATEGORY."""

    category: str | None = None
    market: str | None = None

    @classmethod
    def of(cls, text: str) -> AutonomyScope:
        """From what a person types: TEA/DE, TEA, */DE or *; (none)/DE is what has no category.

        >>> AutonomyScope.of("TEA/DE"), AutonomyScope.of("*")
        (AutonomyScope(category='TEA', market='DE'), AutonomyScope(category=None, market=None))
        """
        category, slash, market = text.rpartition("/") if "/" in text else (text, "/", "*")
        if not slash or not category.strip() or not market.strip():
            raise PricingError(f"{text!r}: is no scope", "write CATEGORY/MARKET, CATEGORY, */MARKET or *")
        named = None if category == "*" else NO_CATEGORY if category == _NOBODY else category
        return cls(named, None if market == "*" else market)

    @property
    def stream(self) -> str:
        """The stream of what is decided about it."""
        return "autonomy:" + "/".join("*" if name is None else quote(name, safe="") for name in self._names)

    @classmethod
    def of_stream(cls, stream: str) -> AutonomyScope:
        """The scope a stream is about."""
        names = stream.removeprefix("autonomy:").split("/")
        return cls(*(None if name == "*" else unquote(name) for name in names))

    @property
    def _names(self) -> tuple[str | None, str | None]:
        return self.category, self.market

    def covers(self, other: AutonomyScope) -> bool:
        """Whether all of another scope lies in it."""
        return all(mine in (None, theirs) for mine, theirs in zip(self._names, other._names, strict=True))

    def __str__(self) -> str:
        return f"{'*' if self.category is None else self.category or _NOBODY}/{self.market or '*'}"


class Limits(NamedTuple):
    """The loosest mode and the lowest threshold that governance leaves a scope; None limits nothing."""

    mode: Mode | None = None
    threshold: float | None = None

    def __str__(self) -> str:
        level = [] if self.threshold is None else [f"threshold {self.threshold:g}"]
        return ", ".join([*([self.mode] if self.mode else []), *level]) or "as its strategies say"


@dataclass(frozen=True)
class Tightening:
    """The last word of governance on a scope.

    `since` is the number of the event, `loosened` whether a person loosened it last; `evidence` is what was known.
    """

    scope: AutonomyScope
    limits: Limits
    by: str
    at: datetime
    reason: str
    since: int
    loosened: bool
    evidence: Mapping[str, Any] = field(default_factory=dict, hash=False)
