"""What is watched and how closely: windows, run lengths, levels; and the champion that is judged.

Here: numbers with their units, each with its reason. Not here: anything computed with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pricing_assets.errors import PricingError


@dataclass(frozen=True)
class Incumbent:
    """The model in force. Its reference window holds forecasts it made of days it was not trained on.

    That is the window its validation report judged it on: what is usual is what was usual when it was promoted.
    """

    version: str
    reference_from: date
    reference_until: date
    trained_on: date

    def __post_init__(self) -> None:
        if self.reference_from > self.reference_until:
            window = f"{self.reference_from} to {self.reference_until}"
            raise PricingError(f"reference window of champion {self.version}: {window}", "its first day comes first")


@dataclass(frozen=True)
class Feature:
    """A column of features.feature_snapshots. `price_moves_it`: only days at the SKU's usual price are compared."""

    name: str
    price_moves_it: bool = False


FEATURES = (
    Feature("cost"),
    Feature("competitor_min"),
    Feature("competitor_count"),
    Feature("competitor_delta_pct", price_moves_it=True),
    Feature("margin_pct", price_moves_it=True),
)
"""What the market does to us. Our prices are no drift; demand is judged by forecast errors, which know the price."""


@dataclass(frozen=True)
class Plan:
    """How drift is looked for.

    `run_length` is the average number of days until the chart of a bias that did not change alarms; that of the scaled
    error, which looks at one side only, takes twice as long. `shift` is the relative change of demand charts are tuned
    to, `decay` the relative rise of the scaled error. `least_lead` is the days from origin to target of the forecasts
    judged: shorter ones have seen the shift in their own past. `restarts` names, by metric and segment, the day after
    which a chart starts anew, as when a person has rejected its event.
    """

    run_length: float = 730.0
    shift: float = 0.20
    decay: float = 0.25
    least_lead: int = 7
    least_reference_days: int = 56
    least_coverage: float = 0.7
    least_skus: int = 2
    current_days: int = 28
    level: float = 0.01
    dependence: str = "positive"
    least_psi: float = 0.25
    least_distance: float = 0.35
    least_share: float = 0.25
    price_tolerance: float = 0.01
    retrain_after_days: int = 90
    features: tuple[Feature, ...] = FEATURES
    restarts: Mapping[tuple[str, str], date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("run_length", "shift", "decay", "least_reference_days", "current_days", "retrain_after_days"):
            if not getattr(self, name) > 0:
                raise PricingError(f"{name}: {getattr(self, name)}", "expected more than 0")
        if not 0 < self.level < 1:
            raise PricingError(f"level: {self.level}", "expected a share between 0 and 1")
        if self.dependence not in ("positive", "arbitrary"):
            raise PricingError(f"dependence: {self.dependence}", "expected positive or arbitrary")
