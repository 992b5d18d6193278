"""The picture of a score: recall and precision by effect size.

Here: drawing. Not here: the figures (scoring.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pricing_assets import drawing
from pricing_assets.simulation.scoring import LARGE, Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BARS = {"recall": (0.95, "episodes", "#3b6ea5"), "precision": (0.90, "alarms", "#b5483a")}
"""What each must reach from LARGE on, what it counts, its color."""


def draw(score: Score, path: Path) -> None:
    """Write a PNG: a panel each for recall and precision, a column per bin, how many above it.

    Dashed is the bar, dotted the threshold.
    """
    path.write_bytes(drawing.png(lambda figure: _panels(figure, score), (10, 3.8), dpi=120))


def _panels(figure: Figure, score: Score) -> None:
    bins = score.by_size
    names = [_name(*limits) for limits in bins.select("from", "to").iter_rows()]
    first, threshold = (bins["from"].to_list().index(size) for size in (LARGE, 1.0))
    for axes, (measure, (bar, counted, color)) in zip(figure.subplots(1, 2), _BARS.items(), strict=True):
        heights = [value or 0.0 for value in bins[measure]]
        axes.bar(range(len(names)), heights, color=color)
        for place, (height, number) in enumerate(zip(heights, bins[counted], strict=True)):
            axes.text(place, height + 0.01, str(number), ha="center", fontsize=7)
        axes.hlines(bar, first - 0.5, len(names) - 0.5, color="black", linestyles="dashed", linewidth=1)
        axes.axvline(threshold - 0.5, color="grey", linestyle="dotted", linewidth=1)
        axes.set(ylim=(0, 1.1), ylabel=measure, xlabel="effect size, × threshold", title=f"of {counted}")
        axes.set_xticks(range(len(names)), names, fontsize=6)


def _name(start: float, end: float | None) -> str:
    return f"≥ {start:g}" if end is None else f"{start:g}–{end:g}"
