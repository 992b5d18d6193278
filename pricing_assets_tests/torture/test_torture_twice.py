"""Two of everything at once, each a process of its own (`make torture`): one standing decision, one effect.

Nobody waits for ever: who loses is refused by name, or comes to the same result.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from publishing_receiver import SECRET, Receiver
from torture_findings import Findings, of_approval, of_days, of_hashes, of_prices_sent, of_retraining, open_event
from torture_runs import Place, Warm, check_ended, hashes, kill, warm
from torture_shop import FIRST, write_shop

from pricing_assets import sources
from pricing_assets.lake import claims, compaction
from pricing_assets.lake import days as manifests
from pricing_assets.settings import Settings
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import Publications

PATIENCE = 300
BIN = Path(sys.executable).parent
VARIABLES = {"TILL_SECRET": SECRET, "PRICING_KEEP_DECISIONS_DAYS": "40"}

pytestmark = pytest.mark.torture


OPENING = """
import os, sys, time
from pathlib import Path
import dagster
import dagster._core.storage.event_log.sqlite, dagster._core.storage.runs.sqlite
from pricing_assets.settings import Settings
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import Publications
from pricing_assets.shell.instance import open_instance

def opened(home, moment):
    time.sleep(max(0, moment - time.time()))
    with open_instance(Settings(home=home)) as instance:
        instance.add_run(dagster.DagsterRun(job_name="one"))
    os._exit(0)

for number in range(12):
    home, moment, children = Path(sys.argv[1]) / str(number), time.time() + 0.05, []
    home.mkdir()
    for _ in range(2):
        child = os.fork()
        if not child:
            opened(home, moment)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0], number
"""


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    said: str


@dataclass
class Pair:
    """Two who fork runs, and the shop they do it for."""

    servers: Sequence[Warm]
    words: Sequence[Path]
    folder: Path
    shop: Path
    receiver: Receiver

    def place(self, name: str) -> Place:
        return Place(self.folder / name, self.shop, VARIABLES)

    def at_once(self, *commands: Sequence[str]) -> list[Ended]:
        """Starts a command by each at once; how both ended."""
        before = [len(words.read_text()) for words in self.words]
        for server, command in zip(self.servers, commands, strict=True):
            server.start(*command)
        codes = [server.wait() for server in self.servers]
        said = [words.read_text()[start:] for words, start in zip(self.words, before, strict=True)]
        return [Ended(*each) for each in zip(codes, said, strict=True)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder, receiver = tmp_path_factory.mktemp("twice"), Receiver()
    hook = {"connector": "webhook", "url": receiver.url, "secret": "TILL_SECRET"}
    shop = write_shop(folder / "shop", publish={"markets": {"UK": hook}})
    words = [folder / "one.txt", folder / "other.txt"]
    with ExitStack() as opened:
        place = Place(folder / "none", shop, VARIABLES)
        options = ("--unadorned", "--small-models")
        servers = [opened.enter_context(warm(place, *options, said=path)) for path in words]
        yield Pair(servers, words, folder, shop, receiver)
    receiver.close()


def day(number: int) -> str:
    return str(FIRST + timedelta(days=number))


def run(place: Place, first: int, last: int) -> list[str]:
    return ["--without-marts", "run", "--from", day(first), "--to", day(last), "--home", str(place.home)]


def test_two_launchers_of_a_day_at_once_even_at_the_first_start(pair: Pair) -> None:
    for attempt in range(5):
        place = pair.place(f"launchers-{attempt}")
        ended = pair.at_once(run(place, 0, 0), run(place, 0, 0))
        refused = [each for each in ended if each.code]
        assert len(refused) <= 1, ended
        assert all(f"{FIRST}: run " in each.said and "has held this day since" in each.said for each in refused), ended
        assert manifests.standing(place.lake)["date"].to_list() == [FIRST]
        assert not of_days(place.lake), str(of_days(place.lake))
        check_ended(place, kills=0)


def test_two_that_open_the_instance_of_an_empty_home_make_its_databases_once(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", OPENING, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_launchers_on_overlapping_ranges(pair: Pair) -> None:
    alone, place = pair.place("alone"), pair.place("overlapping")
    pair.servers[0].run(*run(alone, 0, 14))
    ended = pair.at_once(run(place, 0, 9), run(place, 5, 14))
    assert sorted(each.code for each in ended) in ([0, 0], [0, 1])
    for each in ended:
        assert each.code == 0 or "has held this day since" in each.said
    pair.servers[0].run(*run(place, 0, 14))
    expected = hashes(alone.lake)
    expected.pop("forecasts.accuracy", None)  # of what was forecast before: a range that began later had less
    found = hashes(place.lake)
    found.pop("forecasts.accuracy", None)
    assert not of_hashes(found, expected), str(of_hashes(found, expected))
    assert not of_days(place.lake), str(of_days(place.lake))


def test_the_shell_beside_dagster_asset_materialize(pair: Pair) -> None:
    place = pair.place("beside")
    command = [str(BIN / "dagster"), "asset", "materialize", "-m", "pricing_assets.definitions"]
    groups = ("raw", "features", "forecasts", "governance", "decisions", "runs")
    line = " or ".join(f'group:"{name}"' for name in groups)
    pair.servers[0].run(*run(place, 0, 0))  # makes the instance
    dagster = subprocess.Popen(
        [*command, "--select", line, "--partition", day(1)],
        env=place.environment | {"DAGSTER_HOME": str(place.home / "dagster")},
        cwd=place.home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ended = []
    while dagster.poll() is None:
        ended.append(pair.at_once(run(place, 1, 1), run(place, 1, 1)))
        time.sleep(0.2)
    said = dagster.communicate(timeout=PATIENCE)[0]
    assert dagster.returncode == 0 or "has held this day since" in said, said[-3000:]
    for each in (one for both in ended for one in both):
        assert each.code == 0 or "has held this day since" in each.said, each
    assert manifests.standing(place.lake)["date"].to_list() == [FIRST, FIRST + timedelta(days=1)]
    assert not of_days(place.lake), str(of_days(place.lake))


def test_two_refreshes_and_two_passes_of_publishing(pair: Pair) -> None:
    place = pair.place("refreshes")
    pair.servers[0].run("run", "--from", day(0), "--to", day(3), "--home", str(place.home))
    refresh = ["refresh", "--home", str(place.home)]
    assert [each.code for each in pair.at_once(refresh, refresh)] == [0, 0]
    assert list(place.home.glob("draft-*")) == []
    for number in range(3):
        publish = ["publish", "--from", day(number), "--to", day(number), "--home", str(place.home)]
        ended = pair.at_once(publish, publish)
        assert [each.code for each in ended] == [0, 0], ended
        found = of_prices_sent(place.home, pair.receiver, FIRST + timedelta(days=number))
        assert not found, str(found)


def test_two_passes_at_the_cut_off_of_a_shop_that_goes_on(pair: Pair, tmp_path: Path) -> None:
    """Both look for what people answered since the day's run, under the day's claim, then send what is due."""
    hook = {"connector": "webhook", "url": pair.receiver.url, "secret": "TILL_SECRET"}
    days = (datetime.now(UTC).date() - FIRST).days + 1
    night = f"Etc/GMT{(datetime.now(UTC).hour + 10) % 24 - 12:+d}"  # between 2 and 3: the day before is not yet late
    going_on = {"historical": None, "last_day": None, "time_zone": night, "publish": {"markets": {"UK": hook}}}
    shop = write_shop(tmp_path / "shop", days, **going_on)
    last = sources.load(shop, Settings(source=shop)).last_ended(datetime.now(UTC))
    place = Place(tmp_path / "home", shop, {"TILL_SECRET": SECRET})
    place.run("run", "--date", str(last))
    passes = [place.start("publish") for _ in range(2)]
    ended = [Ended(each.wait(PATIENCE), each.communicate()[0]) for each in passes]
    refused = [each for each in ended if each.code]
    assert len(refused) <= 1 and all(f"{last}: run publish-" in each.said for each in refused), ended
    once = of_prices_sent(place.home, pair.receiver, last).duplicated, place.lake.read(Publications, last, last)
    place.run("publish")
    again = of_prices_sent(place.home, pair.receiver, last).duplicated, place.lake.read(Publications, last, last)
    assert once[0] == again[0] == [] and once[1].equals(again[1]), "the one that was not refused left nothing to do"
    assert once[1].unique(["sku", "market"]).height == place.lake.read(PriceBook, last, last).height > 0


def test_two_keepings_at_once_and_one_beside_a_run(pair: Pair) -> None:
    place, alone = pair.place("kept"), pair.place("kept-alone")
    home = ["--home", str(place.home)]
    pair.servers[0].run(*run(place, 0, 49))
    pair.servers[0].run("publish", "--from", day(10), "--to", day(49), *home)
    shutil.copytree(place.home, alone.home)
    keep = ["lake", "keep"]
    pair.servers[0].run(*keep, "--home", str(alone.home))
    pair.servers[0].run(*run(alone, 50, 50))
    ended = pair.at_once([*keep, *home], [*keep, *home])
    assert [each.code for each in ended] == [0, 0], ended
    ended = pair.at_once([*keep, *home], run(place, 50, 50))
    assert [each.code for each in ended] == [0, 0], ended
    assert not of_days(place.lake), str(of_days(place.lake))
    assert hashes(place.lake) == hashes(alone.lake)
    assert min(hashes(place.lake)["decisions.price_decisions"]) > FIRST, "days expired"
    assert not any(compaction.to_merge(place.lake).values()), "small files were merged"


def test_two_answers_and_two_retrainings_of_one_event(pair: Pair) -> None:
    place = pair.place("approvals")
    place.home.mkdir()
    home = ["--home", str(place.home)]
    for number in range(3):
        event = open_event(place.home, f"psi-{number}")
        approve = ["drift", "approve", event, "--reason", "it drifts", *home, "--by"]
        ended = pair.at_once([*approve, "ann"], [*approve, "bob"])
        assert sorted(each.code for each in ended) == [0, 1]
        assert all(each.code == 0 or f"approval:{event} is approved by" in each.said for each in ended), ended
        assert not of_approval(place.home, event), str(of_approval(place.home, event))
        retrain = ["models", "retrain", event, *home]
        ended = pair.at_once(retrain, retrain)
        assert sorted(each.code for each in ended) in ([0, 0], [0, 1]), ended
        assert all(each.code == 0 or "claimed it" in each.said for each in ended), ended
        found = of_retraining(place.home, event)
        assert not found, str(found)


def test_who_waits_behind_a_stopped_process_is_told_and_its_end_frees_what_it_held(pair: Pair) -> None:
    place = pair.place("stopped")
    pair.servers[0].run("run", "--date", day(0), "--home", str(place.home))
    refresh = ["refresh", "--home", str(place.home)]
    pid = pair.servers[0].start(*refresh)
    while not list(place.home.glob("draft-*")):
        time.sleep(0.01)
    os.killpg(pid, signal.SIGSTOP)
    began, before = time.monotonic(), len(pair.words[1].read_text())
    pair.servers[1].start("publish", "--from", day(0), "--to", day(0), "--home", str(place.home))
    code = pair.servers[1].wait()
    said = " ".join(pair.words[1].read_text()[before:].split())
    assert code == 1 and time.monotonic() - began < 120
    assert f"is held by process {pid}" in said and "which is stopped" in said and f"kill -CONT {pid}" in said, said
    os.killpg(pid, signal.SIGCONT)
    kill(pid)
    assert pair.servers[0].wait() == -9
    assert [each.code for each in pair.at_once(refresh, refresh)] == [0, 0]
    assert list(place.home.glob("draft-*")) == []

    pid = pair.servers[0].start(*run(place, 1, 1))
    while not claims.holders(place.lake):
        time.sleep(0.01)
    os.killpg(pid, signal.SIGSTOP)
    pair.servers[1].start(*run(place, 1, 1))
    assert pair.servers[1].wait() == 1
    assert f"(process {pid} on" in pair.words[1].read_text()
    kill(pid)
    assert pair.servers[0].wait() == -9
    pair.servers[1].run(*run(place, 1, 1))
    assert not of_days(place.lake)


def test_two_daemons_and_a_person_on_one_instance_price_a_missed_day_once(pair: Pair, tmp_path: Path) -> None:
    """The shop goes on: schedules and sensors of both see what is missed; the person runs a day that they hold."""
    ago = (datetime.now(UTC).date() - FIRST).days
    shop = write_shop(tmp_path / "shop", ago, historical=None, last_day=None, publish=False)
    last = sources.load(shop, Settings(source=shop)).last_ended(datetime.now(UTC))
    place = Place(tmp_path / "home", shop)
    standing = str(last - timedelta(days=2))
    place.run("run", "--date", standing)
    environment = place.environment | {"DAGSTER_HOME": str(place.home / "dagster")}
    command = [str(BIN / "dagster-daemon"), "run", "-m", "pricing_assets.definitions"]
    with (tmp_path / "daemons.txt").open("w") as words:
        daemons = [
            subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=words, stderr=words, start_new_session=True)
            for _ in range(2)
        ]
        try:
            _until(lambda: claims.holders(place.lake), words.name)
            held = min(claims.holders(place.lake), default=last)
            person = place.start("run", "--date", str(held))
            said, _ = person.communicate(timeout=PATIENCE)
            assert person.returncode == 0 or (f"{held}: run " in said and " has held this day since " in said), said
            _until(lambda: last in manifests.standing(place.lake)["date"].to_list(), words.name)
            _until(lambda: claims.holders(place.lake) == {}, words.name)
        finally:
            for each in daemons:
                kill(each.pid)
                each.wait()
    found = of_days(place.lake)
    assert not found, str(found)
    assert manifests.standing(place.lake).height == 3


def _until(done: object, words: str) -> None:
    began = time.monotonic()
    assert callable(done)
    while not done():
        assert time.monotonic() - began < 2 * PATIENCE, Path(words).read_text()[-4000:]
        time.sleep(1)


def test_nothing_found_is_nothing_said() -> None:
    assert not Findings() and Findings(lost=["one"]) and str(Findings(torn=["half"])) == "torn: half"
