"""The stages of the platform that are killed: a row of a table each, and what must hold after every kill.

Here: what is run, when it is killed, how it is run again, what is looked at then. Not here: how many kills, the loop
over them (test_torture_stages).

Another stage is another class in STAGES: `begin` makes its home, `ready` what a kill needs, `work` is killed and
`again` goes on with it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import duckdb
from publishing_receiver import Receiver
from torture_findings import (
    Findings,
    of_approval,
    of_days,
    of_hashes,
    of_prices_sent,
    of_retraining,
    open_event,
)
from torture_readers import STILL
from torture_runs import Hashes, Place, Warm, hashes
from torture_shop import FIRST

from pricing_assets.lake import days as manifests

DAYS, YEAR = 80, 365
EARLY = 20  # the first days of the shop have too little behind them to be like others
Commands = list[list[str]]


@dataclass
class Bench:
    """What all stages share: the first DAYS as an undisturbed run left them, who forks runs, who is sent prices."""

    folder: Path
    undisturbed: Place
    expected: Hashes
    month: float
    """Seconds an execution of a month takes."""
    server: Warm
    receiver: Receiver

    def copied(self, name: str) -> Place:
        """A home like the undisturbed one."""
        place = self.empty(name)
        with STILL:
            shutil.copytree(self.undisturbed.home, place.home)
        return place

    def empty(self, name: str) -> Place:
        place = Place(self.folder / name, self.undisturbed.shop, self.undisturbed.variables)
        gone(place.home)
        return place


def gone(home: Path) -> None:
    """Takes a home away, when nobody reads it."""
    with STILL:
        shutil.rmtree(home, ignore_errors=True)


def day(number: int) -> str:
    return str(FIRST + timedelta(days=number))


class Stage:
    """A stage, on a home of its own."""

    name = ""
    share = 0
    """Of 200 kills."""
    most = 10_000
    """Kills there are days for."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.place = bench.empty(self.name.replace(" ", "-"))
        self.expected = bench.expected
        self.seconds = 0.0
        """How long `work` takes where nobody disturbs it, as it did last."""
        self.alone: dict[str, object] = {}
        """What the environment must say beside the seed and the kill's number, so that it is repeated alone."""

    @property
    def home(self) -> list[str]:
        return ["--home", str(self.place.home)]

    def begin(self) -> None:
        """Makes the home, and runs once what is to be killed, to know how long it takes."""

    def ready(self, number: int) -> None:
        """What a kill needs, undisturbed."""

    def work(self, number: int) -> Commands:
        """What is killed."""
        raise NotImplementedError

    def moment(self, number: int, chance: Random) -> float:
        """When it is killed, in seconds from its start."""
        return chance.random() * self.seconds

    def killed(self, number: int) -> Findings:
        """What is found right after a kill."""
        return of_days(self.place.lake)

    def again(self, number: int) -> Findings:
        """Runs it again, to its end; what is found then."""
        found = self.ended(self.work(number))
        found.add(self.resumed(number))
        return found

    def resumed(self, number: int) -> Findings:
        """What is found once it was run again."""
        return of_days(self.place.lake)

    def day_again(self, number: int) -> int | None:
        """A day that is decided again after each kill, from what is recorded; none where no day stands."""
        return DAYS - 1 - number % 20

    def end(self, last: int) -> Findings:
        """What is found at the end, after `last` was killed and resumed."""
        return Findings()

    def ended(self, commands: Commands) -> Findings:
        """Does the commands; whether they end as they should, and how long they took."""
        started = time.monotonic()
        self.bench.server.start_all(commands)
        code = self.bench.server.wait()
        self.seconds = time.monotonic() - started
        return Findings(lost=[f"{' '.join(commands[-1])} ended by {code}"] if code else [])

    def caught_up(self, number: int) -> None:
        """So many days stand: what a kill that is repeated alone had before it."""
        if (standing := self.standing()) < number:
            self.ended([["run", "--from", day(standing), "--to", day(number - 1), *self.home]])

    def standing(self) -> int:
        """The days that stand, which is the number of the first that does not."""
        return manifests.standing(self.place.lake).height if self.place.home.exists() else 0

    def replayed(self, first: int, last: int) -> Findings:
        """Every day is decided again from what is recorded, to the same hash, and is as undisturbed runs left it."""
        seconds = self.seconds
        found = self.ended([["replay", "--from", day(first), "--to", day(last), *self.home]])
        self.seconds = seconds
        days = [date.fromisoformat(day(number)) for number in range(first, last + 1)]
        different = of_hashes(hashes(self.place.lake), self.expected, *days)
        return Findings(lost=different.lost, torn=[*found.lost, *different.torn])


class FirstStart(Stage):
    """The first run of a home: every database is made while it is killed."""

    name, share = "first start", 20

    def begin(self) -> None:
        self.ended(self.work(0))

    def ready(self, number: int) -> None:
        gone(self.place.home)

    def work(self, number: int) -> Commands:
        return [["--without-marts", "run", "--date", day(0), *self.home]]

    def moment(self, number: int, chance: Random) -> float:
        return chance.random() * self.seconds * 0.6

    def day_again(self, number: int) -> int | None:
        return 0


class DailyRun(Stage):
    """Day after day: killed, run again. Every fifth with the marts."""

    name, share = "daily run", 30
    most = DAYS - EARLY - 1

    def begin(self) -> None:
        self.ended([["run", "--from", day(0), "--to", day(EARLY), *self.home]])
        self.ended(self.work(0))

    def ready(self, number: int) -> None:
        self.caught_up(EARLY + 1 + number)

    def day_again(self, number: int) -> int | None:
        return EARLY + 1 + number

    def work(self, number: int) -> Commands:
        run = ["run", "--date", day(EARLY + 1 + number), *self.home]
        return [run if number % 5 == 4 else ["--without-marts", *run]]

    def moment(self, number: int, chance: Random) -> float:
        return chance.random() * self.seconds * (2.5 if number % 5 == 4 else 0.5 if number % 5 == 0 and number else 1)

    def end(self, last: int) -> Findings:
        return self.replayed(0, EARLY + 1 + last)


class Backfill(Stage):
    """A year in executions of a month: each next run begins where the last one was killed, and is killed as well."""

    name, share = "backfill", 15

    def begin(self) -> None:
        whole = self.bench.undisturbed
        self.bench.server.run(
            "--without-marts", "run", "--from", day(DAYS), "--to", day(YEAR - 1), "--home", str(whole.home)
        )
        self.expected = hashes(whole.lake)

    def ready(self, number: int) -> None:
        if self.standing() >= YEAR:
            gone(self.place.home)
        self.caught_up(int(os.environ.get("TORTURE_STOOD", "0")))
        self.alone = {"TORTURE_STOOD": self.standing()}

    def day_again(self, number: int) -> int | None:
        return self.standing() - 1 if self.standing() else None

    def work(self, number: int) -> Commands:
        return [["run", "--from", day(self.standing()), "--to", day(YEAR - 1), *self.home]]

    def moment(self, number: int, chance: Random) -> float:
        return chance.random() * self.bench.month * 1.5

    def killed(self, number: int) -> Findings:
        found = of_days(self.place.lake)
        found.add(of_hashes(hashes(self.place.lake), self.expected))
        return found

    def again(self, number: int) -> Findings:
        """The next kill's run is what goes on."""
        return Findings()

    def end(self, last: int) -> Findings:
        found = self.ended(self.work(last)) if self.standing() < YEAR else Findings()
        found.add(of_days(self.place.lake))
        found.add(self.replayed(0, YEAR - 1))
        return found


class ApprovalStage(Stage):
    """A person's word on a drift event."""

    name, share = "approval", 25

    def begin(self) -> None:
        self.place = self.bench.copied(self.name)
        self.ready(-1)
        self.ended(self.work(-1))

    def ready(self, number: int) -> None:
        self.event = open_event(self.place.home, f"psi-{number + 1}")

    def work(self, number: int) -> Commands:
        return [["drift", "approve", self.event, "--reason", "it drifts", "--by", "ann", *self.home]]

    def again(self, number: int) -> Findings:
        """Said again: it is approved now, or was by the one that was killed."""
        self.ended(self.work(number))
        return of_approval(self.place.home, self.event)


class Retraining(ApprovalStage):
    """From an approval to a new champion, with a model of one number. The first ones make MLflow's database."""

    name, share = "training and promotion", 35
    fresh = 5

    def begin(self) -> None:
        self._renew()
        self.ready(-1)
        self.ended(self.work(-1))

    def ready(self, number: int) -> None:
        if 0 <= number < self.fresh:
            self._renew()
        super().ready(number)
        self.bench.server.start_all(super().work(number))
        assert self.bench.server.wait() == 0

    def _renew(self) -> None:
        self.place = self.bench.copied("training")

    def work(self, number: int) -> Commands:
        return [["models", "retrain", self.event, *self.home]]

    def again(self, number: int) -> Findings:
        found = self.ended(self.work(number))
        found.add(of_retraining(self.place.home, self.event))
        return found


class Publishing(Stage):
    """Day after day, prices go out by webhook and by file."""

    name, share = "publishing", 45
    most = DAYS - EARLY - 1

    def begin(self) -> None:
        self.place = self.bench.copied("publishing")
        self.ended(self.work(-1))

    def work(self, number: int) -> Commands:
        of_day = day(EARLY + 1 + number)
        return [["publish", "--from", of_day, "--to", of_day, *self.home]]

    def killed(self, number: int) -> Findings:
        return Findings()

    def resumed(self, number: int) -> Findings:
        found = of_prices_sent(self.place.home, self.bench.receiver, date.fromisoformat(day(EARLY + 1 + number)))
        if list(self.place.home.glob("draft-*")):
            found.torn.append("a draft of the warehouse was left")
        return found


class Refresh(Stage):
    """The warehouse built anew, over an older one: the next refresh is killed as well, every fourth is not."""

    name, share = "refresh", 15

    def begin(self) -> None:
        self.place = self.bench.copied("refresh")
        self.older = self.place.home.with_name("older.duckdb")
        shutil.copyfile(self.place.home / "analytics.duckdb", self.older)
        self.ended(self.work(0))
        self._older_again()

    def work(self, number: int) -> Commands:
        return [["refresh", *self.home]]

    def killed(self, number: int) -> Findings:
        """Whatever is in place is whole."""
        shown = self._shown()
        wanted = manifests.standing(self.place.lake)["decided"].sum()
        return Findings(torn=[f"{shown} of {wanted} decisions shown"] if shown != wanted else [])

    def again(self, number: int) -> Findings:
        return Findings() if number % 4 else super().again(number)

    def resumed(self, number: int) -> Findings:
        found = self.killed(number)
        with duckdb.connect(str(self.place.home / "analytics.duckdb"), read_only=True) as connection:
            said = connection.sql("select sql from duckdb_views() where view_name = 'price_decisions'").fetchall()
        if str(self.place.home) not in said[0][0]:
            found.lost.append("the refresh was not put in place")
        if list(self.place.home.glob("draft-*")):
            found.torn.append("a draft was left")
        self._older_again()
        return found

    def end(self, last: int) -> Findings:
        found = self.ended(self.work(last))
        found.add(self.resumed(last))
        return found

    def _shown(self) -> int:
        with duckdb.connect(str(self.place.home / "analytics.duckdb"), read_only=True) as connection:
            return int(connection.sql("select count(*) from marts.price_history").fetchall()[0][0])

    def _older_again(self) -> None:
        """The warehouse of before, put in place as a refresh does."""
        aside = self.older.with_name("aside.duckdb")
        shutil.copyfile(self.older, aside)
        aside.replace(self.place.home / "analytics.duckdb")


class Keeping(Stage):
    """Days expire and small files are merged, under the readers' eyes: always of the same home."""

    name, share = "keeping", 15

    def begin(self) -> None:
        self.place = self.bench.copied("keeping")
        sent = ["publish", "--from", day(DAYS - 20), "--to", day(DAYS - 1), *self.home]
        self.bench.server.run(*sent)
        self.before = self.place.home.with_name("before")
        shutil.copytree(self.place.home, self.before)
        self.ended(self.work(0))
        self.expected = hashes(self.place.lake)

    def ready(self, number: int) -> None:
        gone(self.place.home)
        with STILL:
            shutil.copytree(self.before, self.place.home)

    def work(self, number: int) -> Commands:
        return [["lake", "keep", *self.home]]

    def resumed(self, number: int) -> Findings:
        found = of_days(self.place.lake)
        kept = {(table, of) for table, files in self.expected.items() for of in files}
        there = hashes(self.place.lake)
        found.add(of_hashes(there, self.expected))
        missing = kept - {(table, of) for table, files in there.items() for of in files}
        found.lost += [f"{table} of {of}" for table, of in sorted(missing)[:5]]
        return found


STAGES: Sequence[type[Stage]] = (
    FirstStart,
    DailyRun,
    ApprovalStage,
    Retraining,
    Publishing,
    Refresh,
    Keeping,
    Backfill,
)
