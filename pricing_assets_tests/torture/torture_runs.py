"""Starting, killing and judging runs: what the tests of this folder share.

Here: `pricing run` as a process group that can be killed, moments spread over a run, what must hold of a home
afterwards. Not here: which shop, how many kills.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
from torture_findings import Wrong, of_days

from pricing_assets.lake import Lake, claims
from pricing_assets.lake import days as manifests
from pricing_assets.settings import EXAMPLES
from pricing_assets.tables.runs import Executions

WARM = Path(__file__).with_name("torture_warm.py")
PRICING = Path(sys.executable).with_name("pricing")
PATIENCE = 900  # seconds; the undisturbed year of the backfill is one command


@dataclass(frozen=True)
class Place:
    """A home, and the shop that is priced there: the excerpt of a real one, unless another is named."""

    home: Path
    shop: Path = EXAMPLES / "uci_online_retail"
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "lake")

    @property
    def environment(self) -> dict[str, str]:
        chosen = {"PRICING_HOME": str(self.home), "PRICING_SOURCE": str(self.shop)}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRICING_", "DAGSTER_", "UCI_"))}
        return kept | chosen | {"COLUMNS": "160"} | dict(self.variables)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`pricing …` in a process group of its own, away from the project's dagster.yaml."""
        return subprocess.Popen(
            [str(PRICING), *arguments],
            env=self.environment,
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        """`pricing …` to its end; its output. Fails the test where it fails."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        return output


class Warm:
    """A process that has imported the platform and forks a run on demand: a run without its seconds of imports."""

    def __init__(self, place: Place, *options: str, said: Path | None = None) -> None:
        with contextlib.ExitStack() as opened:
            self.process = subprocess.Popen(
                [sys.executable, str(WARM), *options],
                env=place.environment,
                cwd=place.home.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=opened.enter_context(said.open("a")) if said else None,
                text=True,
                bufsize=1,
            )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, *arguments: str) -> int:
        """Forks `pricing …` into a process group of its own; its process id."""
        return self.start_all([arguments])

    def start_all(self, commands: Sequence[Sequence[str]]) -> int:
        """Forks a process that does one command after the other, up to the first that fails; its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write("\x1e".join("\x1f".join(each) for each in commands) + "\n")
        return int(self._line())

    def wait(self) -> int:
        """Waits until the run has ended; its exit code, below 0 where a signal ended it."""
        return int(self._line())

    def run(self, *arguments: str) -> None:
        """`pricing …` to its end. Fails the test where it fails."""
        self.start(*arguments)
        assert self.wait() == 0, arguments

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _line(self) -> str:
        try:
            line = self._answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"nothing ended within {PATIENCE} s: somebody waits for ever") from None
        assert line, "the process that forks runs has ended"
        return line


@contextlib.contextmanager
def warm(place: Place, *options: str, said: Path | None = None) -> Iterator[Warm]:
    """A Warm that ends with the block; `options` are those of torture_warm, `said` keeps what its runs say."""
    server = Warm(place, *options, said=said)
    try:
        yield server
    finally:
        server.close()


def kill(pid: int) -> None:
    """SIGKILL to a whole process group: the run, and dbt where it is at work."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def killed_after(place: Place, arguments: Sequence[str], seconds: float) -> bool:
    """Starts `pricing …` and kills it after some seconds; whether it was still at work."""
    process = place.start(*arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill(process.pid)
        process.communicate()
    return process.returncode == -signal.SIGKILL


def stations(home: Path, started: float) -> dict[str, tuple[float, float]]:
    """When an undisturbed run was at which station, in seconds from its start: from the times of its commits."""
    log = home / "lake"

    def committed(*tables: str) -> list[float]:
        files = [path for table in tables for path in (log / table / "_delta_log").glob("*.json")]
        return sorted(moment for path in files if (moment := path.stat().st_mtime - started) > 0)

    raw = committed("raw/listings", "raw/prices", "raw/sales", "raw/quarantine", "runs/checks")
    features = committed("features/feature_snapshots")[-1]
    decisions = committed("governance/strategies", "decisions/price_decisions", "decisions/price_steps")
    days = committed("runs/days")[-1]
    placed = (home / "analytics.duckdb").stat().st_mtime - started
    return {
        "start-up": (0.0, raw[0]),
        "raw commits": (raw[0], raw[-1]),
        "features": (raw[-1], features),
        "decisions": (features, decisions[0]),
        "decision commits": (decisions[0], days),
        "runs.days": (days - 0.05, days + 0.05),
        "dbt": (days, placed),
        "rename": (placed - 0.05, placed + 0.15),
    }


def moments(spans: dict[str, tuple[float, float]], names: Sequence[str], seed: int) -> list[tuple[str, float]]:
    """A random moment in each named station; for the same seed and stations the same."""
    chance = random.Random(seed)
    return [(name, chance.uniform(*spans[name])) for name in names]


@dataclass
class Reader:
    """Queries analytics.duckdb all the while and once more at the end, as an analyst would, by ever new connections."""

    analytics: Path
    pause: float = 0.05
    still: contextlib.AbstractContextManager[object] = field(default_factory=contextlib.nullcontext)
    queries: int = 0
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Reader:
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        ended = False
        while not ended:
            ended = self._stop.wait(self.pause)
            with self.still:
                if self.analytics.exists():
                    try:
                        self.faults.extend(half_states(self.analytics))
                    except duckdb.Error as fault:
                        self.faults.append(str(fault))
                    self.queries += 1


_HALF = """
    SELECT days.date, decided, published, decisions, entries, shown
    FROM (SELECT * FROM runs.days QUALIFY sequence = max(sequence) OVER (PARTITION BY date)) AS days
    LEFT JOIN (SELECT date, basis, count(*) AS decisions FROM decisions.price_decisions GROUP BY ALL)
        USING (date, basis)
    LEFT JOIN (SELECT date, count(*) AS entries FROM decisions.price_book GROUP BY ALL) USING (date)
    LEFT JOIN (SELECT date, count(*) AS shown FROM marts.price_history GROUP BY ALL) USING (date)
    WHERE status <> 'no_trade'
        AND (decisions IS DISTINCT FROM decided OR entries IS DISTINCT FROM published OR shown IS DISTINCT FROM decided)
"""


def half_states(analytics: Path) -> list[str]:
    with duckdb.connect(str(analytics), read_only=True) as connection:
        return [f"half a day: {row}" for row in connection.sql(_HALF).fetchall()]


Hashes = dict[str, dict[date, str]]


def hashes(lake: Lake) -> Hashes:
    """Table → day → content hash of what the manifest has in force; runs.days itself, which names runs, aside."""
    found = manifests.manifest(lake)
    found.pop("runs.days", None)
    return {table: {day: file.hash for day, file in files.items()} for table, files in found.items() if files}


def check_whole(lake: Lake) -> None:
    """Nothing lost, doubled or torn in the days that stand."""
    if found := of_days(lake):
        raise Wrong(found)


def check_ended(place: Place, kills: int) -> None:
    """No claim or draft is left, and the executions say of each run what Dagster says; killed ones failed."""
    assert claims.holders(place.lake) == {}
    assert list(place.home.glob("draft-*")) == []
    outcomes = dict(place.lake.read(Executions).select("run_id", "outcome").iter_rows())
    ended = "SELECT run_id, lower(status) FROM runs"
    with contextlib.closing(sqlite3.connect(place.home / "dagster" / "history" / "runs.db")) as database:
        assert outcomes == dict(database.execute(ended).fetchall())
    assert set(outcomes.values()) <= {"success", "failure"}
    assert list(outcomes.values()).count("failure") <= kills


def failures(place: Place) -> int:
    """How many runs are recorded as failed."""
    return place.lake.read(Executions).filter(outcome="failure").height
