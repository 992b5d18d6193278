"""Plots in asset metadata, where people would rather look than read.

Here: pictures of frames a station just made. Not here: computing what they show. matplotlib is imported when a plot is
drawn: it costs a second.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (7.0, 2.6)


def price_changes(decisions: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How far decided prices are from current ones, in percent."""
    change = (pl.col("final_price").cast(pl.Float64) / pl.col("current_price").cast(pl.Float64) - 1) * 100
    values = decisions.filter(pl.col("action") != "hold").select(change.alias("change")).to_series().drop_nulls()

    def draw(axes: Axes) -> None:
        axes.hist(values.to_numpy(), bins=41, color="#3b6ea5")
        axes.set(xlabel="change against the current price, %", ylabel="decisions")

    return _picture(draw, f"{values.len()} changed prices")


def actions_by_day(decisions: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Decisions a day, by action."""
    counts = decisions.group_by("date", pl.col("action").cast(pl.String)).len().sort("date", "action")

    def draw(axes: Axes) -> None:
        for action, rows in counts.group_by("action", maintain_order=True):
            axes.plot(rows["date"].to_list(), rows["len"].to_list(), marker="o", markersize=3, label=str(action[0]))
        axes.set(ylabel="decisions")
        if counts.height:
            axes.legend(fontsize=7)
        axes.figure.autofmt_xdate()

    return _picture(draw, "decisions by action")


def presence(snapshot: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Share of rows in which each feature is present."""
    names = [name for name in snapshot.columns if name not in ("date", "sku", "market", "inputs", "inputs_hash")]
    shares = [1 - snapshot[name].null_count() / max(snapshot.height, 1) for name in names]

    def draw(axes: Axes) -> None:
        axes.bar(range(len(names)), shares, color="#3b6ea5")
        axes.set(ylim=(0, 1), ylabel="share present")
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=5)

    return _picture(draw, "features present")


def _picture(draw: Callable[[Axes], None], title: str) -> dg.MarkdownMetadataValue:
    """A drawing as a PNG inside Markdown, which the Dagster UI shows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=9)
    draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})")
