"""What came of the goals: the prices, how near they are to the best there could be, and which goals clash.

Here: what `choose` answers, and a clash in words. Not here: how either is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pricing_assets.pricing.goals.kinds import Changes, Clear, Goal, Margin, Revenue
from pricing_assets.pricing.goals.options import Ints


class Clash(NamedTuple):
    """A goal that is not met: its rows hold at their current prices.

    `needed` and `best` are in the unit of the goal: percent, major units of money, units sold, changes. `best` is what
    could be reached beside the goals it clashes with, `against`; none where it cannot even be met alone. `proved` says
    that no prices do better; otherwise it is the best that was found.
    """

    goal: int
    label: str
    rows: Ints
    needed: float
    best: float
    against: tuple[str, ...]
    proved: bool
    words: str

    @property
    def short(self) -> float:
        """By how much it is missed."""
        return abs(self.needed - self.best)


class Worth(NamedTuple):
    """A goal that is a sum: what a unit of it costs in value (0 where it does not bind), what it needs and reaches.

    The unit is a major unit of money for revenue, a unit sold, a change of price; for a margin a major unit of profit
    above the wanted share of revenue, so `needed` is 0 for it.
    """

    label: str
    multiplier: float
    needed: float
    reached: float


class Part(NamedTuple):
    """Rows and goals that hang together: how they were decided, and how far from the bound; beside it, how far
    multipliers and single moves alone came (none where those met not all goals).
    """

    rows: int
    goals: int
    method: str
    value: float
    bound: float
    lagrangian: float | None


@dataclass(frozen=True, eq=False)
class Chosen:
    """`index` is the column each row takes, `alone` what it would take without any goal.

    `bound` is above the value of whatever meets the goals that do not clash, with the rows of those that do held.
    `because` names, for rows that goals moved, the goal that did most; `held` says why rows had to hold.
    """

    index: Ints
    alone: Ints
    value: float
    bound: float
    worth: list[Worth]
    clashes: list[Clash]
    held: dict[int, str]
    because: dict[int, str]
    parts: list[Part]

    @property
    def gap(self) -> float:
        """What the value may at most be short of the best."""
        return max(self.bound - self.value, 0.0)

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the bound; of 1 where the bound is smaller."""
        return self.gap / max(abs(self.bound), 1.0)


def described(goal: Goal, fault: tuple[float, float, str], against: tuple[str, ...], proved: bool) -> str:
    """A clash as a person says it."""
    needed, best, words = fault
    label, how = goal.label, "at best" if proved else "in the best plan found"
    beside = f" beside {', '.join(against)}" if against else " within its ladders"
    match goal:
        case Margin():
            said = f"{needed:.2f} % is needed, {best:.2f} % is reached {how}{beside}: {needed - best:.2f} points short"
        case Revenue():
            said = f"{needed:.2f} is needed, {best:.2f} is reached {how}{beside}: {needed - best:.2f} short"
        case Clear():
            said = f"{needed:.1f} units are to be sold, {best:.1f} are {how}{beside}: {needed - best:.1f} units short"
        case Changes():
            said = f"at most {needed:g} changes are allowed, {best:g} are needed: {best - needed:g} too many"
        case _:
            short = f": {abs(needed - best):.2f} short" if needed != best else ""
            said = words + short + (f"; it clashes with {', '.join(against)}" if against else "")
    return f"{label}: {said}"
