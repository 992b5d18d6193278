"""Command on what pricing earned: effectiveness.

Here: asking the warehouse, and the words. Not here: the figures (experiments/effectiveness), the mart they rest on.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pricing_assets import experiments
from pricing_assets.shell.command import Shell

_SHARES = ("effect_pct", "low_pct", "high_pct", "std_error_pct")
_AMOUNTS = ("amount", "amount_low", "amount_high")


def effectiveness(shell: Shell, span: tuple[date, date] | None) -> None:
    """The effect on profit, revenue and units, with its likely range; or why there is no figure.

    Of a range only its sales count as a period's; the past they are compared with may lie before it.
    """
    from pricing_assets.lake import warehouse

    days = warehouse.query(shell.settings.analytics, "from marts.pricing_effectiveness order by all")
    found = experiments.effectiveness(days, span)
    if shell.json:
        shell.answer(found.to_dicts())
        return
    if days.is_empty():
        shell.say("no cluster was ever drawn: hold-outs concern strategies with a model, and none has priced a day")
        return
    for measure in experiments.MEASURES:
        shell.say(experiments.sentence(found, measure))
    if found["reason"].null_count():
        shell.rows(_readable(found), "clusters priced less clusters held out, each against its own past")
        shell.say("amounts are over the days judged; a bound that is missing is further than the draws can tell")


def _readable(found: pl.DataFrame) -> pl.DataFrame:
    rows = found.filter(pl.col("reason").is_null()).drop("reason")
    return rows.with_columns(pl.col(_SHARES).round(2), pl.col(_AMOUNTS).round(0), pl.col("p_value").round(3))
