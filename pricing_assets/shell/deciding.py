"""Commands on strategies: lint, diff, activate, rollback, list.

Here: files and people in, words out. Not here: the language (strategies/), the store (governance/).
"""

from __future__ import annotations

import atexit
import hashlib
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl
import typer

from pricing_assets import strategies
from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.shell.command import REFUSED, Shell

if TYPE_CHECKING:
    from pricing_assets.governance import Store


def open_store(shell: Shell) -> Store:
    """The governance store of the home; at its first start with the packaged strategy in force.

    Raises PricingError where what people decided is lost: nobody is to decide on top of nothing.
    """
    from pricing_assets import governance

    _recorded(shell)
    shell.settings.home.mkdir(parents=True, exist_ok=True)
    store = governance.open_store(shell.settings.governance, strategies)
    store.ensure_default()
    return store


def look(shell: Shell) -> Store:
    """The governance store to look at; nothing is made, since a home somebody only looked at must stay empty.

    Where nothing is decided yet it is one as the first start makes it, which ends with this process.
    """
    from pricing_assets import governance

    store = _recorded(shell)
    if store is not None and store.newest():
        return store
    aside = TemporaryDirectory()
    atexit.register(aside.cleanup)
    store = governance.open_store(f"sqlite:///{Path(aside.name) / 'governance.db'}", strategies)
    store.ensure_default()
    return store


def _recorded(shell: Shell) -> Store | None:
    """The store as it is, None where none is made yet. Raises PricingError where runs had known more."""
    from pricing_assets.lake import continuity
    from pricing_assets.watch import situation

    store = situation.open_store(shell.settings)
    continuity.require_words(shell.lake, store.word if store else lambda number: "")
    return store


def read_text(file: Path) -> str:
    """A strategy file. Raises PricingError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PricingError(f"{file}: cannot be read ({error})", "name a strategy file, UTF-8 YAML") from error


def lint(shell: Shell, file: Path) -> None:
    """Every fault of a draft with line and column; exit code 1 where there is one."""
    faults = strategies.lint(read_text(file), str(file))
    shell.answer([{"line": fault.line, "column": fault.column, "message": fault.message} for fault in faults])
    for fault in faults:
        shell.say(f"{file}:{fault.line}:{fault.column}: {fault.message}")
    if faults:
        shell.say(counted(len(faults), "fault"))
        raise typer.Exit(REFUSED)
    shell.say(f"{file}: no fault")


def diff(shell: Shell, file: Path) -> None:
    """What a draft would change against the active strategy of the same name; all of it where there is none."""
    draft = strategies.parse(read_text(file), str(file))
    active = {each.name: each.text for each in look(shell).active()}
    lines = strategies.diff(active.get(draft.name), draft.text)
    shell.answer(lines)
    if draft.name not in active:
        shell.say(f"{draft.name} has no active version, so all of it is new:")
    for line in lines or ["no difference"]:
        shell.say(line)
    if lines:
        shell.say(f"`pricing strategy activate {shlex.quote(str(file))} --reason T` puts it in force")


def activate(shell: Shell, file: Path, reason: str) -> None:
    """Makes a draft the active version of its strategy. The same text activated twice in a row has one effect."""
    text = read_text(file)
    store = open_store(shell)
    draft = strategies.parse(text, str(file))
    before = next((each for each in store.active() if each.name == draft.name), None)
    if before and before.hash == draft.hash:
        shell.answer({"name": draft.name, "version": before.version, "hash": draft.hash, "changed": False})
        shell.say(f"{draft.name} {draft.hash[:12]} is active already, version {before.version}")
        return
    version = before.version if before else _latest(store, draft.name)
    key = key_of("activate", draft.name, version, draft.hash)
    done = store.activate(text, shell.by, reason, key, version, origin=str(file))
    shell.answer({"name": done.name, "version": done.version, "hash": done.hash, "changed": True})
    shell.say(f"{done.name} {done.hash[:12]} is active, version {done.version}, on the word of {shell.by}: {reason}")
    undo = "deactivate" if done.version == 1 else "rollback"
    shell.say(f"the next run decides by it; `pricing strategy {undo} {done.name} --reason …` undoes it")


def rollback(shell: Shell, name: str, reason: str) -> None:
    """Makes the text before the present one active again, as a new version."""
    store = open_store(shell)
    version = _latest(store, name)
    done = store.rollback(name, shell.by, reason, key_of("rollback", name, version), version)
    shell.answer({"name": done.name, "version": done.version, "hash": done.hash})
    shell.say(f"{done.name} is back at {done.hash[:12]}, version {done.version}, on the word of {shell.by}: {reason}")


def deactivate(shell: Shell, name: str, reason: str) -> None:
    """Takes a strategy out of force; its history stays."""
    store = open_store(shell)
    version = _latest(store, name)
    done = store.deactivate(name, shell.by, reason, key_of("deactivate", name, version), version)
    shell.answer({"name": name, "version": done.version})
    shell.say(f"{name} is out of force, version {done.version}, on the word of {shell.by}: {reason}")


def show(shell: Shell) -> None:
    """The strategies in force, highest priority first."""
    active = look(shell).active()
    rows = [
        (e.priority, e.name, e.version, e.hash[:12], e.activated_by, str(e.activated_at)[:19], e.reason) for e in active
    ]
    names = ["priority", "name", "version", "hash", "by", "at (UTC)", "reason"]
    shell.rows(pl.DataFrame(rows, schema=names, orient="row"), "strategies in force")


def _latest(store: Store, name: str) -> int:
    history = store.history(name)
    return history[-1].version if history else 0


def key_of(*parts: object) -> str:
    """An idempotency key: the same act on the same version has one effect, however often it is sent."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
