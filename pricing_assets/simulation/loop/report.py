"""The report of a closed loop: a page in Markdown and its pictures.

Here: words, tables, drawing. Not here: the figures (runs).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pricing_assets import drawing
from pricing_assets.counting import counted
from pricing_assets.simulation.loop.evaluation import INFORMED, ORACLE, PLUG_IN, PRODUCT, STATIC
from pricing_assets.simulation.loop.runs import BARS, Asked, Results, judged, summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE, GAINS, DAYS = "closed_loop.md", "closed_loop_gains.png", "closed_loop_days.png"
_COLORS = {
    PRODUCT: "#3b6ea5", ORACLE: "#4a7d4a", INFORMED: "#b5843a", PLUG_IN: "#d8b98a", STATIC: "#888888",
    "cost-plus": "#9a6fb0", "competitor-matching": "#c46a8a", "naive elasticity": "#b5483a",
}  # fmt: skip
_SHOWN = {
    "law": "market", "off": "off", "policy": "policy", "gain_low_pct": "gain, worst of 20, %",
    "gain_median_pct": "gain, median, %", "revenue_pct": "revenue, %", "oracle_share": "of the oracle",
    "informed_share": "of same information", "claimed_over_realised": "claimed ÷ realised",
    "harmed_share": "harmed", "brier_skill": "Brier skill", "violations": "violations",
    "changes_per_100_days": "changes / 100 days", "mean_change_pct": "mean change, %",
}  # fmt: skip
_LOWEST = -6.0  # % of gain below which a point stands at the edge


def write(asked: Asked, results: Results, folder: Path, name: str) -> Path:
    """Write page and pictures into a folder; returns the page."""
    summed = summary(results.rows)
    (folder / GAINS).write_bytes(drawing.png(lambda figure: _gains(figure, results.rows), _size(asked), dpi=100))
    (folder / DAYS).write_bytes(drawing.png(lambda figure: _days(figure, results.days), _size(asked), dpi=100))
    (folder / PAGE).write_text(page(asked, summed, name, results.left), encoding="utf-8")
    return folder / PAGE


def page(asked: Asked, summed: pl.DataFrame, name: str, left: int) -> str:
    """The page in Markdown."""
    mine = judged(summed)
    missed = mine.filter(pl.col("misses") != "")
    lines = [
        "# The closed loop",
        "",
        "What policies earn that price a market day by day: decide, sell, learn. Written by a run of",
        "",
        f"    {command(asked, name)}",
        "",
        f"in {counted(len(asked.laws), 'kind')} of market, {counted(len(asked.seeds), 'seed')} each; "
        f"{asked.skus} SKUs × {counted(asked.markets, 'market')}, {counted(asked.days, 'day')}. What each figure means "
        "is said in [the simulator's page](simulation.md#the-closed-loop).",
        *_stopped(asked, left),
        "",
        "## The product against its bars",
        "",
        "Bars: " + "; ".join(f"{_SHOWN[key]} {_between(*bounds)}" for key, bounds in BARS.items()) + ".",
        "",
        _verdict(mine.height, missed),
        "",
        *_table(mine, [*(each for each in _SHOWN if each != "policy"), "misses"]),
        "",
        f"![Gain over holding by policy, a point per seed]({GAINS})",
        "",
        f"![Profit over holding by day, mean of all seeds]({DAYS})",
        "",
        "## All policies",
        "",
        *_table(summed, list(_SHOWN)),
        "",
    ]
    return "\n".join(lines)


def command(asked: Asked, name: str) -> str:
    """The command that runs the same again."""
    parts = [f"pricing simulate evaluate --policy {name} --days {asked.days}"]
    parts += [f"--off {','.join(f'{off:g}' for off in asked.offs)}", f"--law {','.join(asked.laws)}"]
    parts += [f"--skus {asked.skus} --markets {asked.markets}"]
    parts += [f"--juice {asked.juice.name}"] if asked.juice else []
    parts += [f"--{key.replace('_', '-')} {value}" for key, value in asked.product.items()]
    return " ".join([*parts, f"--seed-list {','.join(map(str, asked.seeds))}"])


def _stopped(asked: Asked, left: int) -> list[str]:
    if not left:
        return []
    every = len(asked.laws) * len(asked.offs) * len(asked.seeds)
    return ["", f"It was stopped after {every - left} of {every} markets: some rows are of fewer seeds than others."]


def _verdict(number: int, missed: pl.DataFrame) -> str:
    if missed.is_empty():
        return f"All {number} rows hold every bar that can be asked of them; an empty cell cannot be."
    return f"{missed.height} of {number} rows miss a bar: the last column says which. An empty cell cannot be asked."


def _between(least: float, most: float) -> str:
    if most == float("inf"):
        return f"≥ {least:g}"
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def _table(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    rows = ["| " + " | ".join(_SHOWN.get(name, name) for name in columns) + " |", "|---" * len(columns) + "|"]
    for row in frame.select(columns).iter_rows():
        rows.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return rows


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _size(asked: Asked) -> drawing.Size:
    return 4 * len(asked.offs) + 3, 2.2 * len(asked.laws) + 0.8


def _panels(figure: Figure, frame: pl.DataFrame) -> list[tuple[Axes, str, pl.DataFrame]]:
    """A pair of axes for each law and off, with its rows."""
    laws, offs = (frame[name].unique(maintain_order=True).to_list() for name in ("law", "off"))
    grid = figure.subplots(len(laws), len(offs), squeeze=False, sharex="col")
    return [
        (grid[i][j], f"{law}, off by {100 * off:g} %", frame.filter(law=law, off=off))
        for i, law in enumerate(laws)
        for j, off in enumerate(offs)
    ]


def _gains(figure: Figure, rows: pl.DataFrame) -> None:
    names = [name for name in rows["policy"].unique(maintain_order=True) if name != STATIC][::-1]
    for axes, title, mine in _panels(figure, rows):
        axes.set_title(title, fontsize=8)
        axes.axvline(0, color="black", linewidth=0.8)
        for place, name in enumerate(names):
            gains = mine.filter(policy=name)["gain_pct"].clip(lower_bound=_LOWEST).to_list()
            axes.scatter(gains, [place] * len(gains), s=9, alpha=0.6, color=_COLORS[name])
        axes.set_yticks(range(len(names)), names, fontsize=6)
        axes.tick_params(axis="x", labelsize=6)
    figure.supxlabel(f"profit over holding, % (what loses more than {-_LOWEST:g} % stands at the edge)", fontsize=8)


def _days(figure: Figure, days: pl.DataFrame) -> None:
    mean = days.group_by("law", "off", "policy", "day", maintain_order=True).agg(pl.col("profit").mean())
    held = mean.filter(policy=STATIC).select("law", "off", "day", held="profit")
    gains = mean.join(held, on=["law", "off", "day"], how="left", maintain_order="left")
    gains = gains.with_columns(gain=100 * (pl.col("profit") / pl.col("held") - 1))
    for axes, title, mine in _panels(figure, gains):
        axes.set_title(title, fontsize=8)
        axes.axhline(0, color="black", linewidth=0.8)
        for name in (PRODUCT, INFORMED, ORACLE):
            of_it = mine.filter(policy=name)
            axes.plot(
                of_it["day"], of_it["gain"].clip(lower_bound=_LOWEST), color=_COLORS[name], linewidth=1, label=name
            )
        axes.tick_params(labelsize=6)
    drawing.legend_beside(figure, figure.axes[0])
    figure.supxlabel("day", fontsize=8)
    figure.supylabel("profit over holding, %", fontsize=8)
