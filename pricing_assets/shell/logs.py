"""`pricing logs`: lines of the log, for people or as they are.

Here: how they are shown. Not here: the log itself (watch/journal).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import typer

from pricing_assets.shell.command import Shell
from pricing_assets.watch import journal

_HEAD = ("time", "level", "event", "trace", "remedy")
_ID = 8  # letters of a run's id and of a hash


def show(shell: Shell, run: str | None, day: date | None, level: str, last: int) -> None:
    """Prints the last lines that were asked for, the newest last."""
    if level not in journal.LEVELS:
        raise typer.BadParameter(f"{level}: expected {', '.join(journal.LEVELS)}")
    lines = journal.read(shell.settings, run=run, day=day, level=level, last=last)
    shell.answer(lines)
    for line in lines:
        shell.say(f"{line['time'][:23].replace('T', ' ')} {line['level']:<7} {line['event']:<14} {_fields(line)}")
        if line.get("remedy"):
            shell.say(f"  remedy: {line['remedy']}")
    if not lines:
        shell.say(f"nothing of that is in {shell.settings.logs}")


def _fields(line: Mapping[str, Any]) -> str:
    days = {str(line[name]) for name in ("first_day", "last_day") if line.get(name)}
    named = {"days": " to ".join(sorted(days))} if days else {}
    named |= {name: str(value) for name, value in line.items() if name not in (*_HEAD, "first_day", "last_day")}
    short = {name: value[:_ID] if name in ("run_id", "hash") else value for name, value in named.items()}
    return " ".join(f"{name}={value}" for name, value in short.items() if value != "None")
