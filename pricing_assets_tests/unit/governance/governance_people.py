"""Eight people at once, each a process of its own: they set and end overrides, decide proposals, and send things twice.

Here: what one person does, and the proof that nothing of it was lost. Not here: how often (the tests).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from multiprocessing import get_context
from typing import Any

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import Override, Scope, Store

PEOPLE, RETRIES, OPERATIONS_A_ROUND = 8, 10, 8
DAY = date(2026, 11, 21)
LATER = datetime.now(UTC) + timedelta(days=1)
LOST, REFUSED = " by p", "was used for another request"


class Person:
    """Works on the store and counts: done, lost (somebody was faster and is named), refused (a key used before)."""

    def __init__(self, url: str, name: str) -> None:
        self.store, self.name, self.outcome = governance.open_store(url), name, Counter[str]()

    def attempt(self, act: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            made = act(*arguments, **named)
        except PricingError as error:
            assert REFUSED in error.what or LOST in error.what, error.what
            self.outcome["refused" if REFUSED in error.what else "lost"] += 1
            return None
        self.outcome["done"] += 1
        return made

    def freeze(self, sku: str, key: str) -> Override:
        said = {"by": self.name, "reason": "r", "key": key, "today": DAY}
        return self.store.set_override("PRICE_FREEZE", Scope(sku=sku), (DAY, DAY), **said)  # type: ignore[arg-type]

    def round(self, number: int) -> None:
        """Eight operations: four of one's own that succeed, two only one person can win, one lost, one refused."""
        mine = f"{self.name}-{number}"
        made = self.attempt(self.freeze, mine, mine)
        assert {self.freeze(mine, mine).id for _ in range(RETRIES)} == {made.id}
        self.attempt(self.freeze, "another body", mine)
        self.attempt(self.store.end_override, made.id, self.name, "over", f"{mine} end")
        self.attempt(self.store.propose, f"approval:{mine}", {}, LATER, reason="r", key=f"{mine} open")
        self.attempt(self.store.decide, self.name, f"approval:{mine}", "approve", "r", f"{mine} yes")
        self.attempt(self.store.decide, self.name, f"approval:{mine}", "reject", "r", f"{mine} no")
        self.attempt(self.store.end_override, str(number + 1), self.name, "r", f"{mine} first")
        amendment, shared = {"by": self.name}, f"approval:all-{number}"
        self.attempt(self.store.decide, self.name, shared, "amend", "r", f"{mine} amend", amendment=amendment)


def all_at_once(url: str, rounds: int) -> int:
    """Lets the people work, checks that nothing was lost and nothing happened twice; returns the operations."""
    with governance.open_store(url) as store:
        for number in range(rounds):
            said = {"by": "system", "reason": "r", "key": f"set {number}", "today": DAY}
            store.set_override("PRICE_FREEZE", Scope(market="UK"), (DAY, DAY), **said)  # type: ignore[arg-type]
            store.propose(f"approval:all-{number}", {}, LATER, reason="r", key=f"open {number}")
    command = [sys.executable, __file__, url, str(rounds)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert len(said) == PEOPLE
    outcome = sum((Counter[str](json.loads(text)) for text in said), Counter[str]())
    assert outcome == {
        "done": rounds * (4 * PEOPLE + 2),
        "lost": rounds * (PEOPLE + 2 * (PEOPLE - 1)),
        "refused": rounds * PEOPLE,
    }
    with governance.open_store(url) as store:
        check(store, rounds)
    return outcome.total()


def check(store: Store, rounds: int) -> None:
    """Every effect is there once, with its audit row; every stream counts 1, 2, …; no id was given twice."""
    events, overrides = store.events(), store.overrides()
    assert len(events) == len(store.audit()) == rounds * (4 * PEOPLE + 4)
    for _, stream in groupby(sorted(events, key=lambda each: (each.stream, each.version)), lambda each: each.stream):
        assert [event.version for event in stream] in ([1], [1, 2])
    assert [each.id for each in overrides] == [f"OV-{n:06}" for n in range(1, rounds * (PEOPLE + 1) + 1)]
    own = {each.scope.sku: each for each in overrides if each.scope.sku}
    for person in range(PEOPLE):
        for number in range(rounds):
            found = own.pop(f"p{person}-{number}")
            assert (found.set_by, found.ended_by, found.end_reason) == (f"p{person}", f"p{person}", "over")
    assert not own


def live(url: str, rounds: int, name: str) -> None:
    """The life of a person; what it counted goes to standard output, in one piece."""
    person = Person(url, name)
    for number in range(rounds):
        person.round(number)
    os.write(1, f"{json.dumps(person.outcome)}\n".encode())


def main(url: str, rounds: int) -> None:
    """Forks the people from a process that has imported what they all need: importing took most of their lives."""
    from pricing_assets.governance import database, store  # noqa: F401

    context = get_context("fork")
    people = [context.Process(target=live, args=(url, rounds, f"p{n}")) for n in range(PEOPLE)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    sys.exit(sum(person.exitcode != 0 for person in people))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
