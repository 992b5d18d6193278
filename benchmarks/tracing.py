"""A command of `pricing` in a process of its own, watched: what each station read and wrote, its memory and CPU time.

Here: the process (as a script it *is* that process: `python benchmarks/tracing.py TRACE run --date …`), the watching of
it from outside, and what Dagster noted of the steps brought together with that. Not here: what is run, or printed.

Memory is resident memory of the process and its children (dbt is one) together, looked at every 50 ms; CPU time is
theirs. A station's peak is the highest while it ran: memory an earlier one has not given back counts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_EVERY = 0.05  # seconds
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Moment:
    """The process and its children at a moment: CPU seconds so far, resident memory in bytes."""

    time: float
    cpu: float
    memory: int


@dataclass
class Station:
    """A step of the line: seconds, CPU seconds, peak memory in bytes, and what it read and wrote, as traced."""

    name: str
    seconds: float
    cpu: float
    peak: int
    read: list[dict[str, Any]] = field(default_factory=list)
    written: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows it committed or built."""
        return sum(each["rows"] for each in self.written)


@dataclass
class Watched:
    """A command that was watched: its seconds, CPU seconds and peak memory in bytes, imports included; its stations."""

    seconds: float
    cpu: float
    peak: int
    stations: list[Station]


def watched(shop: Path, home: Path, *words: str, within: int | None = None) -> Watched:
    """Runs a command and waits; killed where it takes more bytes than `within`. Raises CalledProcessError then, and
    where it fails."""
    trace = home.with_name(f"{home.name}.trace")
    trace.unlink(missing_ok=True)
    command = [sys.executable, __file__, str(trace), *words, "--home", str(home)]
    began = time.time()
    process = subprocess.Popen(command, env=os.environ | {"PRICING_SOURCE": str(shop)})
    moments: list[Moment] = []
    watcher = threading.Thread(target=_watch, args=(process, moments, within), daemon=True)
    watcher.start()
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, command)
    watcher.join()
    traced = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()] if trace.exists() else []
    trace.unlink(missing_ok=True)
    stations = [_station(step, moments, traced) for step in _steps(home, began)]
    last = moments[-1]
    return Watched(last.time - began, last.cpu, max(each.memory for each in moments), stations)


def _watch(process: subprocess.Popen[bytes], moments: list[Moment], within: int | None) -> None:
    """Looks at the process tree until it has ended. The CPU time of a child that ended is its parent's from then on."""
    while process.poll() is None:
        found = [each for each in map(_looked_at, _tree(process.pid)) if each]
        if found:
            moments.append(Moment(time.time(), sum(cpu for cpu, _ in found), sum(memory for _, memory in found)))
            if within is not None and moments[-1].memory > within:
                for pid in [*_tree(process.pid)]:
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_EVERY)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))
    except OSError:  # ended meanwhile
        return


def _looked_at(pid: int) -> tuple[float, int] | None:
    """CPU seconds, those of children that ended included, and resident bytes."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / _TICK, int(fields[21]) * _PAGE


def _steps(home: Path, began: float) -> list[tuple[str, float, float]]:
    """Name, begin and end of each step of the runs started since, in order."""
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    with open_instance(Settings(home=home, dagster_home=None)) as instance:
        steps = [
            step
            for run in instance.get_run_records()
            if (run.start_time or 0) >= began
            for step in instance.get_run_step_stats(run.dagster_run.run_id)
        ]
    return sorted(((s.step_key, s.start_time or 0.0, s.end_time or 0.0) for s in steps), key=lambda step: step[1])


def _station(step: tuple[str, float, float], moments: Sequence[Moment], traced: Sequence[dict[str, Any]]) -> Station:
    name, start, end = step
    inside = [each for each in moments if start <= each.time <= end]
    before = [each.cpu for each in moments if each.time < start]
    cpu = (inside[-1].cpu if inside else 0.0) - (before[-1] if before else 0.0)
    found = [each for each in traced if start <= each["time"] <= end]
    return Station(
        name,
        end - start,
        max(cpu, 0.0),
        max((each.memory for each in inside), default=0),
        [each for each in found if each["what"] == "read"],
        [each for each in found if each["what"] == "written"],
    )


def _traced(trace: Path, words: Sequence[str]) -> None:
    """The command itself, in this process, telling which files it reads and writes."""
    from pricing_assets.cli import app
    from pricing_assets.lake import parquet
    from pricing_assets.sources import reading

    read, write, select = parquet.read, parquet.write, reading.FileReader.read

    def tell(**said: Any) -> None:
        with trace.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **said}) + "\n")

    def told_read(folder: Path, table: Any, files: Any, columns: Any, where: Any = None) -> Any:
        paths = [str(folder / parquet.relative(table, each)) for each in files]
        tell(what="read", table=table.table_name(), files=paths, columns=list(columns))
        return read(folder, table, files, columns, where)

    def told_write(folder: Path, table: Any, rows: Any) -> None:
        path = str(folder / parquet.relative(table, rows.file))
        tell(what="written", table=table.table_name(), files=[path], rows=rows.rows.height)
        write(folder, table, rows)

    def told_select(reader: Any, table: Any, temporal: Any, days: Any) -> Any:
        frame = select(reader, table, temporal, days)
        tell(what="read", table=f"source {table.table_name()}", days=[str(days.first), str(days.last)])
        return frame

    parquet.read, parquet.write, reading.FileReader.read = told_read, told_write, told_select  # type: ignore[method-assign]
    app(list(words))


if __name__ == "__main__":
    _traced(Path(sys.argv[1]), sys.argv[2:])
