"""Command of the closed loop: simulate evaluate.

Here: what was typed, progress, the tables, where the report went. Not here: the evaluation (simulation/loop).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake.files import make_folder
from pricing_assets.shell.command import Shell

if TYPE_CHECKING:
    from pricing_assets.simulation.loop.runs import Results

Number = TypeVar("Number", int, float)
_TABLE = [
    *("law", "off", "policy", "gain_low_pct", "gain_median_pct", "oracle_share", "informed_share"),
    *("claimed_over_realised", "harmed_share", "violations", "changes_per_100_days"),
]


class Chosen(NamedTuple):
    """What to evaluate, as typed."""

    policy: Path
    seeds: int
    seed_list: str | None
    off: str
    law: str


def evaluate(shell: Shell, chosen: Chosen, report: Path | None, workers: int, **asked_for: Any) -> None:
    """Evaluate a strategy file, write the report, and print its tables.

    Raises PricingError and StrategyError for a file that is no strategy, seeds, shares or laws that are none.
    """
    from pricing_assets.simulation.loop import KINDS
    from pricing_assets.simulation.loop import report as pages
    from pricing_assets.simulation.loop.juice import JUICE
    from pricing_assets.simulation.loop.runs import Asked, drawn, judged, run, summary
    from pricing_assets.strategies import parse

    if not chosen.policy.is_file():
        raise PricingError(f"{chosen.policy}: no file", "give a strategy, e.g. --policy my-strategy.yaml")
    text = chosen.policy.read_text(encoding="utf-8")
    parse(text, str(chosen.policy))
    kinds = [*KINDS, JUICE] if asked_for["juice"] else list(KINDS)
    laws = tuple(_parts(chosen.law)) or tuple(kinds)
    if unknown := [law for law in laws if law not in kinds]:
        raise PricingError(f"--law {unknown[0]}: no such market", f"expected some of {', '.join(kinds)}")
    listed = [_number(part, "--seed-list", int) for part in _parts(chosen.seed_list or "")]
    offs = tuple(_number(part, "--off", float) for part in _parts(chosen.off))
    asked = Asked(text, tuple(listed) or drawn(chosen.seeds), laws, offs, **asked_for)
    shell.say(f"seeds: {','.join(map(str, asked.seeds))}")
    results = _with_progress(shell, lambda tell: run(asked, workers, tell))
    folder = report or shell.settings.home / "simulation"
    make_folder(folder)
    if results.left:
        shell.say(f"stopped with {counted(results.left, 'market')} to go: what follows is of the others")
    page = pages.write(asked, results, folder, str(chosen.policy))
    summed = summary(results.rows)
    if shell.json:
        shell.answer({"seeds": asked.seeds, "left": results.left, "summary": summed.to_dicts(),
                      "product": judged(summed).to_dicts(), "report": str(page)})  # fmt: skip
        return
    shell.rows(_rounded(summed.select(_TABLE)), "what policies earn, over all seeds")
    for row in judged(summed).filter(pl.col("misses") != "").iter_rows(named=True):
        shell.say(f"{row['law']}, off by {row['off']:g}: misses {row['misses']}")
    shell.say(f"report: {page}")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str, option: str, kind: Callable[[str], Number]) -> Number:
    try:
        return kind(text)
    except ValueError:
        raise PricingError(f"{option} {text}: no number", "write numbers, by comma, e.g. 0.07,0.15") from None


def _with_progress(shell: Shell, work: Callable[[Callable[[int, int], None]], Results]) -> Results:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if not shell.progress.is_terminal:
        return work(lambda done, total: _tell_tenths(shell, done, total))
    columns = (TextColumn("markets priced"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shell.progress, transient=True) as bar:
        task = bar.add_task("", total=None)
        return work(lambda done, total: bar.update(task, completed=done, total=total))


def _tell_tenths(shell: Shell, done: int, total: int) -> None:
    """A line whenever another tenth is over, for a log."""
    if 10 * done // total > 10 * (done - 1) // total:
        shell.progress.print(f"{done} of {total} markets priced")


def _rounded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().round(3))
