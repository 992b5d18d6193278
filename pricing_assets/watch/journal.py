"""The log: a line of JSON for each thing a run or a command did, in a file per UTC day under HOME/logs.

Here: writing what any module says to Python's logging, with the run, days and station it was said in; reading it back.
Not here: what is said; the record of executions (runs.executions) and of people's words (governance/).

The log proves nothing and is in no hash: a line that cannot be written is lost, and what it is about goes on.
"""

from __future__ import annotations

import json
import logging
import os
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings

LEVELS = ("info", "warning", "error")
_LOGGER = logging.getLogger("pricing_assets")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


@dataclass(frozen=True)
class _About:
    """Where lines go, and what each of them says beside its own fields. `count` counts the lines said within."""

    settings: Settings
    fields: Mapping[str, Any]
    count: list[int] = field(default_factory=lambda: [0])


_ABOUT: ContextVar[_About | None] = ContextVar("about", default=None)


@contextmanager
def about(settings: Settings, **fields: Any) -> Iterator[list[int]]:
    """Lets what is said within go to the log of these settings' home, with these fields; yields how many lines were.

    Nested, fields add up. Said outside of any, a line goes nowhere.
    """
    _listen()
    outer = _ABOUT.get()
    known = replace(outer, settings=settings, fields={**outer.fields, **fields}) if outer else _About(settings, fields)
    _ABOUT.set(known)
    try:
        yield known.count
    finally:
        _ABOUT.set(outer)


@contextmanager
def station(settings: Settings, **fields: Any) -> Iterator[None]:
    """The same for one station of a run: when it begins, and how it ends and after how many seconds, are lines too."""
    began = time.monotonic()

    def taken() -> dict[str, float]:
        return {"seconds": round(time.monotonic() - began, 3)}

    with about(settings, **fields):
        _LOGGER.info("station_began")
        try:
            yield
        except BaseException:
            _LOGGER.exception("station_failed", extra=taken())
            raise
        _LOGGER.info("station_ended", extra=taken())


class _Journal(logging.Handler):
    """Appends each record to the file of its day. Nothing it meets stops whoever spoke."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, written at once, so that lines of several processes do not mix."""
        known = _ABOUT.get()
        if known is None:
            return
        known.count[0] += 1
        try:
            _append(known.settings, record, _line(record, known.fields))
        except (OSError, ValueError, TypeError):
            return


def _listen() -> None:
    """Hears what the package says, once per process. Nothing of it goes to the screen."""
    if not any(isinstance(handler, _Journal) for handler in _LOGGER.handlers):
        _LOGGER.addHandler(_Journal(logging.INFO))
        _LOGGER.setLevel(logging.INFO)
        _LOGGER.propagate = False


def _line(record: logging.LogRecord, fields: Mapping[str, Any]) -> bytes:
    said = {name: value for name, value in vars(record).items() if name not in _OWN}
    if record.exc_info and (fault := record.exc_info[1]):
        said |= _fault(fault)
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    head = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
    return (json.dumps(head | dict(fields) | said, default=str, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _fault(fault: BaseException) -> dict[str, str]:
    """What a person must mend, in its words; of anything else where it came from."""
    if isinstance(fault, PricingError):
        return {"error": fault.what, "remedy": fault.remedy}
    return {"error": f"{type(fault).__name__}: {fault}", "trace": "".join(traceback.format_exception(fault))}


def _append(settings: Settings, record: logging.LogRecord, line: bytes) -> None:
    """Where a full disk has cut a line off, the next one begins anew."""
    if not settings.home.exists():
        return  # what is only looked at is not made
    path = file_of(settings, datetime.fromtimestamp(record.created, UTC))
    new = not path.exists()
    if new:
        settings.logs.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        cut = size and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, b"\n" + line if cut else line)
    finally:
        os.close(handle)
    if new:
        _prune(settings)


def _prune(settings: Settings) -> None:
    """Keeps the newest files. Counted, not by the clock: one that runs ahead would empty the folder."""
    for path in files(settings)[: -settings.log_days]:
        path.unlink(missing_ok=True)


def file_of(settings: Settings, moment: datetime) -> Path:
    """The file of a moment's day, there or not."""
    return settings.logs / f"{moment:%Y-%m-%d}.jsonl"


def files(settings: Settings) -> list[Path]:
    """The files of the log, oldest day first."""
    return sorted(settings.logs.glob("????-??-??.jsonl"))


def read(
    settings: Settings, *, run: str | None = None, day: date | None = None, level: str = "info", last: int = 100
) -> list[dict[str, Any]]:
    """The last lines about a run (the beginning of its id will do) and a business day, of a level and worse, in order.

    Lines that were cut off are left out.
    """
    worse, found = LEVELS[LEVELS.index(level) :], []
    for path in reversed(files(settings)):
        # not splitlines: what is quoted may hold U+2028, which ends no line of JSON
        for line in reversed(path.read_text(encoding="utf-8", errors="replace").split("\n")):
            said = _parsed(line)
            if said.get("level") in worse and _is_about(said, run, day):
                found.append(said)
                if len(found) == last:
                    return found[::-1]
    return found[::-1]


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _is_about(said: Mapping[str, Any], run: str | None, day: date | None) -> bool:
    first, last = said.get("first_day"), said.get("last_day")
    on_day = day is None or (first is not None and last is not None and str(first) <= day.isoformat() <= str(last))
    return on_day and (run is None or str(said.get("run_id", "")).startswith(run))
