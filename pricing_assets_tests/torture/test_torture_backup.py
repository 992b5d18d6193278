"""Backups taken while runs commit and are killed, restores killed anywhere: each ends in days that replay.

The short of it, without processes, is in unit/archive and in `make test`.
"""

from __future__ import annotations

import contextlib
import random
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from servers import empty_database
from torture_findings import of_approval, open_event
from torture_runs import Place, check_whole, hashes, kill, warm
from torture_seed import repeat, seed
from torture_shop import FIRST, write_shop

from pricing_assets import governance
from pricing_assets.archive import container, restoring, saving
from pricing_assets.archive.places import RESTORING
from pricing_assets.lake import Lake, claims, soundness
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import replay
from pricing_assets.settings import Settings

SEED = seed(20261201)
BACKUPS = 10
KILLS = 12

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("tiny") / "shop")


def span(first: int, last: int) -> list[str]:
    return ["run", "--from", str(FIRST + timedelta(days=first)), "--to", str(FIRST + timedelta(days=last))]


def replayed(lake: Lake) -> dict[date, str | None]:
    """Day → the hash it replays to. Fails the test where a day comes out otherwise than it stands."""
    found = list(replay(lake))
    assert [each for each in found if each.difference] == []
    return {each.day: each.hash for each in found}


def test_ten_backups_while_runs_commit_and_are_killed_each_replay(shop: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    print(repeat("test_ten_backups_while_runs_commit_and_are_killed_each_replay", SEED))
    place = Place(tmp_path / "home", shop)
    settings = Settings(home=place.home)
    days, replays, kills, taken, moments = set[date](), 0, 0, [], []
    with warm(place) as server:
        server.run(*span(20, 20))
        for number in range(BACKUPS):
            pid = server.start(*span(21, 21 + number))
            time.sleep(moment := chance.uniform(0.2, 3.5))
            saved = saving.save(tmp_path / f"{number}.backup", settings)
            moments.append(round(moment, 2))
            taken.append(saved)
            if number % 2:
                time.sleep(chance.uniform(0, 1))
                kill(pid)
            code = server.wait()
            kills += code == -9
            assert code in ((-9, 0) if number % 2 else (0,)), "a run beside a backup is neither refused nor stopped"
    with governance.open_store(settings.governance) as store:
        events = store.events()
    for number, saved in enumerate(taken):
        home = tmp_path / f"restored {number}"
        restoring.restore(saved.file, Settings(home=home))
        lake = Lake(home / "lake")
        check_whole(lake)
        assert soundness.flaws(lake) == [] and claims.holders(lake) == {}
        again = replayed(lake)
        days, replays = days | set(again), replays + len(again)
        with governance.open_store(Settings(home=home).governance) as store:
            assert store.events() == events[: saved.head.events]
        event = open_event(home, "psi")
        Place(home, shop).run("drift", "approve", event, "--reason", "it drifts", "--by", "ann")
        assert not (found := of_approval(home, event)), str(found)
    assert len(days) > 3 and kills
    longest = max(saved.seconds for saved in taken)
    print(f"{BACKUPS} backups at {moments} s, at most {longest:.1f} s; {kills} runs killed beside them")
    print(f"{replays} replays of restored days, each to its hash")


def test_a_backup_killed_anywhere_leaves_no_file_or_a_whole_one(shop: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    print(repeat("test_a_backup_killed_anywhere_leaves_no_file_or_a_whole_one", SEED))
    place, file = Place(tmp_path / "home", shop), tmp_path / "b"
    kills = 0
    with warm(place) as server:
        server.run(*span(20, 24))
        started = time.time()
        server.run("backup", str(file))
        took = time.time() - started
        file.unlink()
        for _ in range(KILLS):
            pid = server.start("backup", str(file), "--force")
            time.sleep(chance.uniform(0, took))
            kill(pid)
            kills += server.wait() == -9
            assert not file.exists() or container.sealed(file)
        server.run("backup", str(file), "--force")
    assert container.sealed(file) and kills
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("b")] == ["b"]
    print(f"{kills} backups of {took:.1f} s killed")


def await_begun(home: Path, number: int) -> None:
    """Of three restores two are to be killed while they unpack or put in place, which takes a tenth of all they do."""
    before, end = _begun(home), time.monotonic() + 120
    while number % 3 and _begun(home) in (None, before) and time.monotonic() < end:
        time.sleep(0.002)


def _begun(home: Path) -> tuple[int, int] | None:
    with contextlib.suppress(FileNotFoundError):
        found = (home / RESTORING).stat()
        return found.st_ino, found.st_ctime_ns
    return None


def test_a_restore_killed_anywhere_leaves_nothing_or_a_home_that_says_restore_again(shop: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    print(repeat("test_a_restore_killed_anywhere_leaves_nothing_or_a_home_that_says_restore_again", SEED))
    place, file = Place(tmp_path / "home", shop), tmp_path / "b"
    restored = Place(tmp_path / "restored", shop)
    kills, unfinished = 0, 0
    with warm(place) as server:
        server.run(*span(20, 24))
        server.run("backup", str(file))
        for number in range(KILLS):
            pid = server.start("restore", str(file), "--home", str(restored.home))
            await_begun(restored.home, number)
            time.sleep(chance.uniform(0, 0.4))
            kill(pid)
            killed = server.wait() == -9
            kills += killed
            if (restored.home / RESTORING).exists():
                unfinished += 1
                server.start("status", "--home", str(restored.home))
                assert server.wait() == 1
            elif (restored.home / "lake").exists():
                assert soundness.flaws(restored.lake) == [], "whole; only what is built from it may be lacking"
                restored = Place(tmp_path / f"restored {kills}", shop)
        server.run("restore", str(file), "--home", str(restored.home))
        server.run("doctor", "--home", str(restored.home))
    assert hashes(restored.lake) == hashes(place.lake) and replayed(restored.lake)
    assert kills and unfinished
    print(f"{kills} restores killed, {unfinished} of them after they had begun")


def test_restored_into_postgresql_and_back_the_next_day_is_priced(
    shop: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = Place(tmp_path / "home", shop)
    place.run(*span(20, 22))
    place.run("backup", str(tmp_path / "one"))
    url = {"PRICING_GOVERNANCE_URL": empty_database(request, "postgresql", tmp_path)}
    server = Place(tmp_path / "on a server", shop, url)
    server.run("restore", str(tmp_path / "one"))
    server.run("doctor")
    server.run(*span(23, 23))
    server.run("strategy", "deactivate", "default", "--reason", "another is to come", "--by", "ann")
    server.run("backup", str(tmp_path / "two"))
    taken = Place(tmp_path / "third", shop, url).start("restore", str(tmp_path / "one"))
    said, _ = taken.communicate(timeout=300)
    assert taken.returncode == 1 and "is not empty, it holds 2 events" in said
    back = Place(tmp_path / "back", shop)
    back.run("restore", str(tmp_path / "two"))
    assert hashes(back.lake) == hashes(server.lake)
    assert replayed(back.lake).items() >= replayed(place.lake).items()
    with governance.open_store(Settings(home=back.home).governance) as store:
        assert [event.actor for event in store.events()] == ["system", "ann"]
    assert manifests.standing(back.lake).height == 4
