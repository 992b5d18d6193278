"""The audit log, as `pricing audit` shows it.

Here: which rows, and before → after in words. Not here: writing it (governance/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import look

_COLUMNS = ["at (UTC)", "who", "subject", "what", "before → after", "reason"]


def show(shell: Shell, last: int, subject: str) -> None:
    """The last rows of the audit log, newest first; of one subject only, where one is named."""
    store = look(shell)
    reasons = {event.seq: event.reason for event in store.events()}
    rows = [row | {"reason": reasons[row["event_seq"]]} for row in store.audit()]
    rows = [row for row in rows if not subject or _concerns(row["subject"], subject)]
    if subject and not rows:
        raise PricingError(f"{subject}: nobody decided anything about it", "`pricing audit` shows what was decided")
    rows = rows[: -last - 1 : -1]
    shell.answer(rows)
    if shell.json:
        return
    shown = [
        (
            f"{row['recorded_at']:%Y-%m-%d %H:%M:%S}",
            row["actor"],
            row["subject"],
            row["action"].replace("_", " "),
            difference(row["before"], row["after"]),
            row["reason"],
        )
        for row in rows
    ]
    shell.rows(pl.DataFrame(shown, schema=dict.fromkeys(_COLUMNS, pl.String), orient="row"), "who decided what")


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """What changed, as `name: before → after`; of something new, all it says.

    >>> difference({"version": 1, "hash": "a", "kind": "x"}, {"version": 2, "hash": "b", "kind": "x"})
    'version: 1 → 2, hash: a → b'
    """
    if before is None:
        return ", ".join(f"{name}: {_short(value)}" for name, value in after.items() if value is not None)
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    return ", ".join(f"{name}: {_short(before.get(name))} → {_short(after.get(name))}" for name in names)


def _short(value: Any) -> str:
    """A value on a line: of a hash its beginning."""
    text = "none" if value is None else str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return text[:12] if is_hash else text


def _concerns(found: str, asked: str) -> bool:
    """Whether a subject is the one asked for, with or without its kind; an override's number is enough."""
    from pricing_assets.governance.overrides import identity

    kind, _, name = found.partition(":")
    if asked in (found, name):
        return True
    try:
        return kind == "override" and identity(asked.removeprefix("override:")) == name
    except PricingError:
        return False
