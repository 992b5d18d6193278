"""PostgreSQL is restarted while people decide: what they said is kept or refused by name, once, never half."""

from __future__ import annotations

import random
import threading
import time
from datetime import date
from itertools import count

import pytest
import sqlalchemy as sa
from postgres_server import Postgres, started

from pricing_assets import governance, strategies
from pricing_assets.errors import PricingError
from pricing_assets.governance import Scope, Store

DAY = date(2026, 3, 1)


class Person:
    """Sets overrides one after another, each under a key of its own, and repeats what was refused until it is done."""

    def __init__(self, store: Store, name: str, stop: threading.Event) -> None:
        self.store, self.name, self._stop = store, name, stop
        self.said: dict[str, str] = {}
        self.refused = 0
        self.thread = threading.Thread(target=self._work)
        self.fault: BaseException | None = None

    def _work(self) -> None:
        try:
            for number in count():
                if self._stop.is_set():
                    return
                key = f"{self.name}-{number}"
                self.said[key] = self._set(key)
        except BaseException as fault:
            self.fault = fault

    def _set(self, key: str) -> str:
        while True:
            try:
                days = (DAY, DAY)
                made = self.store.set_override(
                    "PRICE_FREEZE", Scope(sku=key), days, by=self.name, reason="trial", key=key, today=DAY
                )
                return made.id
            except PricingError as refusal:
                assert "governance store postgresql" in refusal.what and refusal.remedy, refusal
                assert "secret-word" not in str(refusal)
                self.refused += 1
                time.sleep(0.05)


def restarted(postgres: Postgres, restarts: int, seed: int) -> int:
    """Lets four people decide through restarts at random moments; how often they were refused."""
    chance = random.Random(seed)
    url, stop = postgres.database(f"decided_{seed}"), threading.Event()
    with governance.open_store(url, strategies) as store:
        people = [Person(store, f"person-{number}", stop) for number in range(4)]
        for person in people:
            person.thread.start()
        for _ in range(restarts):
            time.sleep(chance.uniform(0.05, 0.6))
            postgres.restart()
        time.sleep(0.3)
        stop.set()
        for person in people:
            person.thread.join(60)
        assert [person.fault for person in people if person.fault] == []
        said = {key: made for person in people for key, made in person.said.items()}
        assert len(said) > restarts
        again = {key: person._set(key) for person in people for key in person.said}
        assert again == said, "a key asked for again has the result it had"
        assert sorted(override.id for override in store.overrides()) == sorted(said.values()), "each once, none lost"
        assert len(store.audit()) == len(store.events()) == len(said), "each with its audit row"
    with sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        keys = connection.execute(sa.text("SELECT count(*), count(DISTINCT event_seq) FROM audit")).one()
        assert keys == (len(said), len(said))
    print(
        f"seed {seed}: {len(said)} decisions, {restarts} restarts, refused {sum(each.refused for each in people)} times"
    )
    return sum(person.refused for person in people)


def test_what_people_say_through_a_restart_is_kept_once_or_refused_by_name() -> None:
    with started() as postgres:
        assert restarted(postgres, 2, 20261129) > 0


@pytest.mark.torture
def test_forty_restarts_lose_and_double_nothing() -> None:
    with started() as postgres:
        assert sum(restarted(postgres, 10, seed) for seed in range(4)) > 40
