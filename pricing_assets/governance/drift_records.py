"""A drift event and what became of it, as plain objects.

Here: what was found, who answered, which run claimed it, what came of it; and the champion people's word put in force.
Not here: SQL, how events are opened or claimed (drift_events.py, champions.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pricing_assets.errors import PricingError

DriftState = Literal["open", "approved", "rejected", "expired", "superseded", "training", "validated", "finished"]
Result = Literal["promoted", "kept", "failed"]
"""What a retraining ends in: a new champion, the old one because the report did not pass, or no challenger at all."""
Purpose = Literal["training", "promotion"]


@dataclass(frozen=True)
class Drift:
    """What was found about one metric in one segment while one champion was in force; `evidence` is JSON.

    `champion` is the version in force, None before the first one. Raises PricingError for an empty name.
    """

    model: str
    champion: int | None
    metric: str
    segment: str
    evidence: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for what in ("model", "metric", "segment"):
            if not getattr(self, what).strip():
                raise PricingError(f"drift event: its {what} is empty", f"name the {what} it is about")

    @property
    def identity(self) -> tuple[str, int | None, str, str]:
        """One event is open at a time for each."""
        return self.model, self.champion, self.metric, self.segment

    def __str__(self) -> str:
        champion = "no champion" if self.champion is None else f"champion {self.champion}"
        return f"{self.metric} in {self.segment}, {self.model} with {champion}"


@dataclass(frozen=True)
class Answered:
    """One person's answer; `sequence` orders all events of the store."""

    approved: bool
    by: str
    at: datetime
    reason: str
    sequence: int


@dataclass(frozen=True)
class Validated:
    """A challenger whose report is on record: its version, the SHA-256 of its artifact and of the report."""

    version: int
    artifact_hash: str
    report_hash: str


@dataclass(frozen=True)
class TakenBack:
    """A rollback of the very files a challenger has: the version that served with them, and who took it back, and why.

    `sequence` orders all events of the store.
    """

    version: int
    by: str
    at: datetime
    reason: str
    sequence: int

    def __str__(self) -> str:
        when = f"{self.at:%Y-%m-%d %H:%M} UTC"
        return f"its files are those of version {self.version}, rolled back {when} by {self.by}: {self.reason}"


@dataclass(frozen=True)
class Outcome:
    """What a retraining came to. `version` and `report_hash` are None where no challenger got so far."""

    result: Result
    version: int | None
    report_hash: str | None
    reasons: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class DriftEvent:
    """A drift event as it stands: `drift-12` is about one metric, segment and champion. Instants are UTC."""

    id: str
    drift: Drift
    reason: str
    opened_by: str
    opened_at: datetime
    expires: datetime
    answered: Answered | None = None
    root_run_id: str | None = None
    claimed_at: datetime | None = None
    validated: Validated | None = None
    outcome: Outcome | None = None
    in_force: int | None = None
    """The champion in force when this was read."""
    promotion_asked: bool = False
    """Whether a second person was asked to agree to the promotion, or anyone to say why what was rolled back serves."""
    promotion_expires: datetime | None = None
    """Until when that may be answered; None where nobody was asked, or somebody answered."""
    taken_back: TakenBack | None = None
    """The rollback of the challenger's very files, where they served for another event and nobody put them back."""

    @property
    def subject(self) -> str:
        """What `decide` answers: whether to train."""
        return f"approval:{self.id}"

    @property
    def promotion_subject(self) -> str:
        """What `decide` answers a second time, where two people must agree: whether to promote."""
        return f"approval:{self.id}-promotion"

    @property
    def promotion_needs(self) -> str:
        """Why a challenger that passed waits for a person's word, who gives it by `pricing drift approve`."""
        if self.taken_back:
            return f"{self.taken_back}; a person must give a new reason for them to serve again"
        return "another person must agree"

    def state(self, now: datetime) -> DriftState:
        """What it is at a moment."""
        if self.outcome:
            return "finished"
        rejected = self.answered is not None and not self.answered.approved
        expires = self.promotion_expires if self.root_run_id else None if rejected else self.expires
        if expires and now >= expires:
            return "expired"
        if self.root_run_id:
            return "validated" if self.validated else "training"
        if rejected:
            return "rejected"
        if self.in_force != self.drift.champion:
            return "superseded"
        return "approved" if self.answered else "open"


@dataclass(frozen=True)
class Approval:
    """An answer a sensor acts on once: a training approved, or a promotion approved or rejected.

    `sequence` is the sensor's cursor and part of its run key.
    """

    sequence: int
    event_id: str
    purpose: Purpose
    approved: bool
    by: str
    at: datetime


@dataclass(frozen=True)
class Champion:
    """The version in force of a model. `artifact_hash` is what its files must hash to; `previous` came before it."""

    model: str
    version: int
    artifact_hash: str
    previous: int | None
    report_hash: str | None
    event_id: str | None
    by: str
    at: datetime
    reason: str
    revision: int
    """Counts the changes of this model's champion, from 1."""
