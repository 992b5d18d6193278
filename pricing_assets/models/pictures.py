"""Pictures kept beside a model: how its past origins were forecast, and how it does beside the champion.

Here: PNGs of folds and reports. Not here: measuring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pricing_assets import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pricing_assets.models.report import ValidationReport

_MOST_SEGMENTS, _WIDTH = 12, 7.0
_BLUE, _RED = "#3b6ea5", "#b5483a"


def of_folds(folds: pl.DataFrame) -> bytes:
    """Units sold a day or week, all series together, and what each past origin forecast of them."""
    known = folds.filter(pl.col("y").is_not_null()).sort("cutoff", "ds", "unique_id")
    sums = known.group_by("cutoff", "ds", maintain_order=True).agg(pl.col("y", "mean").sum())

    def draw(axes: Axes) -> None:
        sold = sums.unique("ds", keep="last", maintain_order=True).sort("ds")
        axes.plot(sold["ds"].to_list(), sold["y"].to_list(), color="black", linewidth=1, label="sold")
        for (cut,), rows in sums.partition_by("cutoff", as_dict=True, maintain_order=True).items():
            label = "forecast on an earlier day" if cut == sums["cutoff"][0] else None
            axes.plot(rows["ds"].to_list(), rows["mean"].to_list(), color=_RED, linewidth=1, alpha=0.7, label=label)
        axes.set(ylabel="units")
        axes.figure.autofmt_xdate()

    return drawing.plot(draw, "forecasts of past origins, by a model that had not seen what came after", (_WIDTH, 2.8))


def of_report(report: ValidationReport) -> bytes:
    """WAPE of challenger and champion, overall and in the largest segments."""
    largest = sorted(report.segments, key=lambda each: (-each.rows, each.segment))[:_MOST_SEGMENTS]
    shown = [report.overall, *largest][::-1]

    def draw(axes: Axes) -> None:
        for shift, side, color in ((0.2, "challenger", _BLUE), (-0.2, "champion", "lightgrey")):
            values = [getattr(each, side).wape or 0.0 for each in shown]
            name = getattr(report, side).name
            axes.barh([place + shift for place in range(len(shown))], values, 0.38, color=color, label=name)
        axes.set_yticks(range(len(shown)), [each.segment for each in shown], fontsize=7)
        axes.set(xlabel="WAPE: the shorter, the better")

    title = f"{report.challenger.name} against {report.champion.name}"
    return drawing.plot(draw, title, (_WIDTH, 1.6 + 0.25 * len(shown)))
