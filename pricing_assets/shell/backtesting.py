"""Command on forecasts: backtest.

Here: reading a panel, showing progress, the table and where the forecasts went. Not here: forecasts and their measures
(demand/).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.shell.command import Shell

if TYPE_CHECKING:
    from pricing_assets.demand import Backtest, Plan

PERCENT = ("wape", "bias", "mean_abs_bias", "coverage")


@dataclass(frozen=True)
class Asked:
    """What a backtest is asked for, as typed."""

    panel: Path
    out: Path
    frequency: str
    horizon: int
    origins: int
    known: str
    static: str
    country: str
    rivals: bool


def backtest(shell: Shell, asked: Asked) -> None:
    """Backtest a panel, write its forecasts to `out` (CSV, or Parquet by its name) and print how good they were."""
    from pricing_assets.demand import backtest, read_panel
    from pricing_assets.demand.backtest import cutoffs
    from pricing_assets.demand.doubts import doubts

    plan = _plan(asked)
    require_writable(asked.out)
    panel = read_panel(asked.panel, plan)
    warnings = doubts(panel, plan, cutoffs(panel, plan, asked.origins))
    for warning in warnings:
        shell.say(f"warning: {warning}")
    result = with_progress(shell, lambda tell: backtest(panel, plan, asked.origins, tell, asked.rivals))
    write_table(result.forecasts, asked.out)
    _say(shell, result, asked, warnings)


def _plan(asked: Asked) -> Plan:
    from pricing_assets.demand import Plan

    def names(text: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in text.split(",") if name.strip())

    frequency = asked.frequency.upper()
    return Plan(frequency, asked.horizon, names(asked.known), names(asked.static), asked.country or None)  # type: ignore[arg-type]


def with_progress(shell: Shell, work):  # type: ignore[no-untyped-def]
    """What `work` makes, a bar on the screen meanwhile; it is handed whom to tell: what, how many done, of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shell.progress, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        return work(lambda text, done, total: bar.update(task, description=text, completed=done, total=total))


def require_writable(out: Path) -> None:
    """Raises PricingError where the folder of a file to be written is not there."""
    if not out.parent.is_dir():
        raise PricingError(f"{out}: no folder {out.parent}", "make it first")


def write_table(rows: pl.DataFrame, out: Path) -> None:
    """Rows as CSV, or as Parquet where the name of the file says so."""
    if out.suffix.lower() in {".parquet", ".pq"}:
        rows.write_parquet(out)
    else:
        rows.write_csv(out)


def _say(shell: Shell, result: Backtest, asked: Asked, warnings: list[str]) -> None:
    summary, by_origin = result.summary(), result.by_origin()
    reasons = result.fallbacks.group_by("fallback_reason").agg(series=pl.col("unique_id").n_unique()).sort("series")
    if shell.json:
        tables = {"summary": summary, "by_origin": by_origin, "fallbacks": reasons}
        said = {name: table.to_dicts() for name, table in tables.items()}
        shell.answer({**said, "forecasts": str(asked.out), "warnings": warnings})
        return
    shell.rows(_readable(summary), "accuracy, % where it says so")
    bias = by_origin.pivot("cutoff", index="model", values="bias", aggregate_function="first")
    shell.rows(bias.with_columns((pl.selectors.numeric() * 100).round(1)), "bias by origin, %")
    if reasons.height:
        shell.rows(reasons, "series forecast by their rate, and why")
    shell.say(f"{counted(result.forecasts.height, 'forecast')} written to {asked.out}")


def _readable(summary: pl.DataFrame) -> pl.DataFrame:
    percents = [(100 * pl.col(name)).round(1).alias(f"{name} %") for name in PERCENT]
    others = ["rmsse", "interval_score", "cpu_seconds_per_series"]
    return summary.select("model", "n_series", "n", *percents, *(pl.col(name).round_sig_figs(4) for name in others))
