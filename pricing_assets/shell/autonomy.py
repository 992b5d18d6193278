"""Commands on autonomy: what people's verdicts say of it, tightening, loosening.

Here: people in, words out. Not here: the judgement of verdicts (governance/), what a row comes to (pricing/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import key_of, look, open_store

if TYPE_CHECKING:
    from pricing_assets.governance.autonomy import HoldOut

_SHOWN = {
    **dict.fromkeys(("scope", "mode"), pl.String),
    **dict.fromkeys(("threshold", "claimed"), pl.Float64),
    **dict.fromkeys(("approved", "rejected", "audited_approved", "audited_rejected"), pl.Int64),
    **dict.fromkeys(("likely rate", "said_by", "reason"), pl.String),
}


def show(shell: Shell) -> None:
    """Each scope with verdicts or a word of governance."""
    from pricing_assets.governance.autonomy import summary

    desk = look(shell).desk
    rows = summary(desk.autonomy(), desk.reviews())
    shell.answer(rows)
    if shell.json:
        return
    if not rows:
        shell.say("nobody answered a price yet, and nothing is tightened: each strategy does what its text allows")
        return
    ranges = [_range(row) for row in rows]
    shown = [
        {name: row.get(name) for name in _SHOWN} | {"likely rate": said} for row, said in zip(rows, ranges, strict=True)
    ]
    shell.rows(pl.DataFrame(shown, schema=_SHOWN), "autonomy, and what people say of it")


def change(shell: Shell, scope: str, mode: str | None, threshold: float | None, *, reason: str, loosen: bool) -> None:
    """Tightens or loosens a scope."""
    from pricing_assets.errors import PricingError
    from pricing_assets.governance import AutonomyScope, Limits
    from pricing_assets.governance.review_records import MODES

    if mode is not None and mode not in MODES:
        raise PricingError(f"{mode}: is no mode", f"use {', '.join(MODES)}")
    about, limits = AutonomyScope.of(scope), Limits(mode, threshold)  # type: ignore[arg-type]
    desk = open_store(shell).desk
    before = next((each.since for each in desk.autonomy() if each.scope == about), 0)
    key = key_of("autonomy", loosen, about, limits, shell.by, reason, before)
    if loosen:
        done = desk.loosen(about, limits, by=shell.by, reason=reason, key=key, hold_out=_hold_out(shell))
    else:
        done = desk.tighten(about, limits, by=shell.by, reason=reason, key=key)
    shell.answer({"scope": str(about), **done.limits._asdict(), "evidence": dict(done.evidence)})
    shell.say(f"{about} is now {done.limits}, on the word of {shell.by}: {reason}")
    shell.say("  every run that starts from now on obeys it")


def _hold_out(shell: Shell) -> HoldOut | None:
    """What prices decided earned more than prices held out, of profit; None where nothing was ever held out."""
    from pricing_assets import experiments
    from pricing_assets.governance.autonomy import HoldOut
    from pricing_assets.lake import warehouse

    if not shell.settings.analytics.exists():
        return None
    days = warehouse.query(shell.settings.analytics, "from marts.pricing_effectiveness order by all")
    if days.is_empty():
        return None
    return HoldOut.of(experiments.effectiveness(days).filter(measure="profit").row(0, named=True))


def _range(row: dict[str, Any]) -> str | None:
    return None if row["rate_low"] is None else f"{row['rate_low']:.0%} to {row['rate_high']:.0%}"
