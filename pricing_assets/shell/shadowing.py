"""Commands on shadows: shadow, unshadow, shadows.

Here: files and people in, words out. Not here: the store (governance/), what a shadow decides (pricing/shadows).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pricing_assets import strategies
from pricing_assets.governance import Store
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import key_of, look, open_store, read_text
from pricing_assets.tables.decisions import ShadowDecisions

_NEVER = "none yet"


def shadow(shell: Shell, file: Path, reason: str) -> None:
    """Lets a draft decide beside the strategies in force. The same text given twice in a row has one effect."""
    text = read_text(file)
    store = open_store(shell)
    draft = strategies.parse(text, str(file))
    known = next((each for each in store.shadows() if each.name == draft.name), None)
    if known and known.hash == draft.hash:
        shell.answer({"name": draft.name, "version": known.version, "hash": draft.hash, "changed": False})
        shell.say(f"{draft.name} {draft.hash[:12]} decides beside the strategies already")
        return
    version = _latest(store, draft.name)
    key = key_of("shadow", draft.name, version, draft.hash)
    done = store.set_shadow(text, shell.by, reason, key, version, origin=str(file))
    shell.answer({"name": done.name, "version": done.version, "hash": done.hash, "changed": True})
    live = {each.name for each in store.active()}
    place = f"instead of the strategy {done.name}" if done.name in live else "beside the strategies in force"
    shell.say(f"{done.name} {done.hash[:12]} decides {place} from the next run on, and is never published")
    shell.say("marts.shadow_comparison compares it day by day; `pricing strategy unshadow` ends it")


def unshadow(shell: Shell, name: str, reason: str) -> None:
    """Lets a shadow decide no more."""
    store = open_store(shell)
    version = _latest(store, name)
    done = store.end_shadow(name, shell.by, reason, key_of("unshadow", name, version), version)
    shell.answer({"name": name, "version": done.version})
    shell.say(f"{name} decides no more beside the strategies, on the word of {shell.by}: {reason}")


def show(shell: Shell) -> None:
    """The shadows, by name, each with the last day it decided and how many of its decisions differed then."""
    found = look(shell).shadows()
    days = _last_days(shell)
    rows = [
        (e.name, e.hash[:12], e.set_by, str(e.set_at)[:19], e.reason, *days.get(e.name, (_NEVER, None, None)))
        for e in found
    ]
    texts = ["shadow", "hash", "by", "at (UTC)", "reason", "last day"]
    schema = dict.fromkeys(texts, pl.String) | dict.fromkeys(["decisions", "differing"], pl.Int64)
    shell.rows(pl.DataFrame(rows, schema=schema, orient="row"), "drafts that decide beside the strategies in force")


def _last_days(shell: Shell) -> dict[str, tuple[str, int, int]]:
    """Shadow → the last day it decided, how many decisions, and in how many it differed from the live ones."""
    differs = (pl.col("final_price") != pl.col("live_price")).fill_null(value=False)
    rows = shell.lake.read(ShadowDecisions, columns=["date", "shadow", "final_price", "live_price"])
    last = rows.filter(pl.col("date") == pl.col("date").max().over("shadow"))
    counts = last.group_by("shadow", "date").agg(pl.len(), differs.sum())
    return {name: (str(day), decisions, differing) for name, day, decisions, differing in counts.iter_rows()}


def _latest(store: Store, name: str) -> int:
    events = store.shadow_history(name)
    return events[-1].version if events else 0
