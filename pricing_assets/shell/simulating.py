"""Commands of the market simulator: simulate, simulate score.

Here: writing a market, its truth and its labels, saying what was planted, and how much of it was found. Not here: the
simulation itself, the rule of the score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake.files import make_folder
from pricing_assets.shell.command import Shell
from pricing_assets.tables import Table
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.features import FeatureSnapshots

if TYPE_CHECKING:
    from pricing_assets.simulation import MarketSettings, Simulated


TRUTH, LABELS, PLOT = "truth.json", "labels.parquet", "score.png"


class _Written(NamedTuple):
    """Where a market went, where its truth is, and up to which day it was written; None for all of it."""

    url: str
    folder: Path
    until: date | None


def simulate(shell: Shell, url: str, until: date | None, **wanted: Any) -> None:
    """Simulate a market, write it to `url` (default HOME/market.db), its truth and labels to HOME/simulation.

    Of the market only what was known by the end of `until` is written: the rest of its days are still to come.
    """
    from pricing_assets.simulation import MarketSettings, simulate
    from pricing_assets.simulation.delivery import deliver
    from pricing_assets.simulation.horizon import known_by
    from pricing_assets.sources.engines import parsed, shown

    settings = MarketSettings(**wanted)
    url = url or f"sqlite:///{shell.settings.home / 'market.db'}"
    address = shown(parsed(url, "--to"))  # an address that is none is refused before the work
    with shell.progress.status("simulating") as status:
        simulated = simulate(
            settings, lambda day: status.update(f"simulating {settings.day(day)}, day {day + 1} of {settings.days}")
        )
        simulated = known_by(simulated, until) if until else simulated
        make_folder(shell.settings.home)
        deliver(simulated, url, lambda table, rows: status.update(f"writing {table}, {rows:,} rows"))
        folder = _keep(shell.settings.home, simulated)
    _say(shell, settings, simulated, _Written(address, folder, until))


def planted(shift: str | None, first: date | None) -> dict[str, Any]:
    """The settings of a shift written `CATEGORY=FACTOR`. Raises PricingError where it is not written so."""
    if shift is None:
        return {"shift_from": first}
    category, _, factor = shift.partition("=")
    try:
        return {"shift_category": category, "shift": float(factor), "shift_from": first}
    except ValueError as fault:
        raise PricingError(f"--shift {shift}: no factor", "write CATEGORY=FACTOR, e.g. TOYS=0.6") from fault


def score(shell: Shell) -> None:
    """Compare the alarms of the days decided with the labels, as tables and as a picture.

    Raises PricingError where there are no labels, no day is decided, or the days decided are of another market.
    """
    from pricing_assets.simulation.score_plot import draw
    from pricing_assets.simulation.scoring import LARGE, score

    folder = folder_of(shell.settings.home)
    labels, listed, anomalies = _labels(folder), _of_days(shell, FeatureSnapshots), _of_days(shell, PriceAnomalies)
    _require_same_market(folder, listed)
    result = score(labels, anomalies, listed.select("date", "sku", "market"))
    draw(result, folder / PLOT)
    tables = {"by_size": result.by_size.to_dicts(), "by_reason": result.by_reason.to_dicts()}
    shell.answer({"overall": result.overall, **tables, "plot": str(folder / PLOT)})
    if shell.json:
        return
    shell.rows(_in_percent(result.by_size), "by effect size, × threshold")
    shell.rows(_in_percent(result.by_reason), f"by reason, from {LARGE} × threshold on")
    shell.say(_overall(result.overall, LARGE))
    shell.say(f"picture: {folder / PLOT}")


def _labels(folder: Path) -> pl.DataFrame:
    if not (folder / LABELS).is_file():
        raise PricingError(f"{folder / LABELS}: no labels", "`pricing simulate` makes a market with labels")
    return pl.read_parquet(folder / LABELS)


def _of_days(shell: Shell, table: type[Table]) -> pl.DataFrame:
    """The rows of all days as the manifest has them in force; of snapshots their keys."""
    from pricing_assets.lake import days

    columns = ["date", "sku", "market"] if table is FeatureSnapshots else None
    return shell.lake.read_files(table, days.manifested(shell.lake, table).values(), columns)


def _require_same_market(folder: Path, listed: pl.DataFrame) -> None:
    if listed.is_empty():
        raise PricingError("no day is decided yet", "price the simulated market: `pricing run`")
    truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))["settings"]
    last = date.fromisoformat(truth["last_day"])
    first = last - timedelta(days=truth["days"] - 1)
    strange = listed.filter(~pl.col("date").is_between(first, last) | ~pl.col("sku").str.starts_with("SKU-"))
    if strange.height:
        what = f"{strange['sku'][0]} on {strange['date'][0]} is not of the market the labels are of"
        raise PricingError(what, "score in the home in which the simulated market was priced, after `pricing simulate`")


def _in_percent(table: pl.DataFrame) -> pl.DataFrame:
    names = ("recall", "precision")
    return table.with_columns((100 * pl.col(name)).round(1).alias(f"{name} %") for name in names).drop(names)


def _overall(overall: Mapping[str, float | int | None], large: float) -> str:
    def share(name: str) -> str:
        value = overall[name]
        return "none" if value is None else f"{value:.3f}"

    return (
        f"from {large} × threshold on: recall {share('recall')} of {overall['episodes']} episodes, "
        f"precision {share('precision')} of {overall['alarms']} alarms; precision of all alarms "
        f"{share('precision_of_all')}; {overall['false_alarms_per_10k'] or 0:.1f} false alarms per 10,000 SKU-markets "
        f"on a quiet day ({overall['days']} days decided)"
    )


def folder_of(home: Path) -> Path:
    """Where truth and labels are, outside lake and source."""
    return home / "simulation"


def _keep(home: Path, simulated: Simulated) -> Path:
    """Write truth and labels, readable by their owner alone; returns their folder."""
    folder = folder_of(home)
    make_folder(folder)
    for name in (TRUTH, LABELS):
        (folder / name).touch(mode=0o600)
        (folder / name).chmod(0o600)
    (folder / TRUTH).write_text(json.dumps(simulated.truth, indent=1), encoding="utf-8")
    simulated.labels.write_parquet(folder / LABELS)
    return folder


def _say(shell: Shell, settings: MarketSettings, simulated: Simulated, written: _Written) -> None:
    """What was planted, in numbers; where and when stays in the labels."""
    from pricing_assets.simulation import VERSION

    episodes = simulated.labels.unique("episode_id").group_by("reason").len("episodes").sort("reason")
    rows = {name: frame.height for name, frame in simulated.frames.items()}
    malformed = sum(frame.height for frame in simulated.faults.values())
    planted = dict(episodes.iter_rows())
    kept = {"truth": str(written.folder / TRUTH), "labels": str(written.folder / LABELS)}
    answer = {"version": VERSION, "settings": settings.described(), "url": written.url, "rows": rows}
    shell.answer({**answer, "malformed": malformed, "episodes": planted, **kept})
    span = f"{settings.first_day} to {written.until or settings.last_day}"
    shell.say(
        f"{counted(settings.skus, 'SKU')} × {counted(settings.markets, 'market')}, {span}, law {settings.law}, "
        f"seed {settings.seed}, generator version {VERSION}"
    )
    shell.say(f"written to {written.url}: " + ", ".join(f"{number:,} {name}" for name, number in rows.items()))
    names = ", ".join(f"{number} {reason}" for reason, number in planted.items())
    shell.say(f"planted: {counted(malformed, 'malformed row')}; {counted(sum(planted.values()), 'episode')}: {names}")
    if settings.shift_from and (written.until is None or written.until >= settings.shift_from):
        change = f"{100 * (settings.shift - 1):+.0f} %"
        shell.say(f"planted: demand for {settings.shift_category} {change} from {settings.shift_from} on")
    shell.say(f"truth and labels: {written.folder}")
