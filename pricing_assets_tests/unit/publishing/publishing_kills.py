"""A process that publishes again and again, each time killed after one more durable act, and resumed.

Here: `python publishing_kills.py TEMPLATE FOLDER MODE MOST …`: of the place TEMPLATE it makes a copy per kill in
FOLDER, and prints after which act each was killed; MODE is pass or rollback, with at most MOST kills. Not here: judging
the copies (test_publishing_kills).

It forks from a process that has imported all, so that a kill costs no imports.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alembic.command
import alembic.script  # noqa: F401
import httpx  # noqa: F401
from publishing_shop import Place
from typer import Exit

from pricing_assets.governance.store import Store
from pricing_assets.lake import Lake
from pricing_assets.publishing.connectors import folder as folders
from pricing_assets.publishing.connectors import price_list, webhook
from pricing_assets.shell import publishing
from pricing_assets.shell.command import Shell

KILLED = 9


def bomb(after: int) -> None:
    """Lets the process die right after the given durable act; commits, deliveries, files and audit rows are acts."""
    done = 0

    def counting(owner: Any, name: str) -> None:
        act: Callable[..., Any] = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            found = act(*arguments, **named)
            done += 1
            if done == after:
                os.write(1, f"{os.environ['MODE']} {owner.__name__.rpartition('.')[2]}.{name}\n".encode())
                os._exit(KILLED)
            return found

        setattr(owner, name, counted)

    counting(Lake, "_transact")
    counting(Store, "return_prices")
    counting(webhook.Webhook, "send")
    counting(price_list.CsvList, "send")
    counting(folders, "write_durably")


def attempt(work: Callable[[], object], after: int | None) -> int:
    """Does the work in a process of its own; how it ended."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if after is not None:
                bomb(after)
            work()
            code = 0
        except Exit as end:
            code = end.exit_code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def work_of(mode: str, copy: Path) -> Callable[[], object]:
    def publish() -> object:
        return Place(copy, **settings(copy)).publish()

    def rollback() -> object:
        place = Place(copy, **settings(copy))
        os.environ["PRICING_HOME"], os.environ["PRICING_SOURCE"] = str(place.home), str(place.shop.folder)
        asked = publishing.Asked(None, None, None, True, None)
        return publishing.rollback(Shell(json=True, by="ann"), asked, None, "wrong costs", anyway=False)

    return publish if mode == "pass" else rollback


def settings(copy: Path) -> dict[str, Any]:
    """Its markets: the UK by webhook, under an address of this copy alone, DE by price lists."""
    hook = {"connector": "webhook", "url": f"{os.environ['RECEIVER']}/{copy.name}", "secret": "TILL_SECRET"}
    return {"publish": {"markets": {"UK": hook}}, "historical": True, "last_day": "2026-03-12"}


def kill(mode: str, template: Path, folder: Path, most: int) -> None:
    os.environ["MODE"] = mode
    for after in range(1, most + 1):
        copy = folder / f"{mode}-{after}"
        shutil.copytree(template, copy)
        ended = attempt(work_of(mode, copy), after)
        assert ended in (0, KILLED), f"{mode} {after}: ended by {ended}"
        if ended == 0:
            return
        assert attempt(work_of(mode, copy), None) == 0, f"{mode} {after}: does not resume"


if __name__ == "__main__":
    for mode, most in zip(sys.argv[3::2], sys.argv[4::2], strict=True):
        kill(mode, Path(sys.argv[1]), Path(sys.argv[2]), int(most))
