"""Drawings as PNGs: the same bytes for the same content, on no screen.

Here: the paper, one size of title, legends beside the axes. Not here: what is drawn. matplotlib is imported when a
picture is drawn: it costs a second.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Size = tuple[float, float]


def png(draw: Callable[[Figure], None], size: Size, dpi: int = 80) -> bytes:
    """What `draw` puts on a figure of `size` inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(figure)
    buffer = io.BytesIO()
    # not savefig, which would lay it out and draw it twice
    canvas.print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def plot(draw: Callable[[Axes], None], title: str, size: Size) -> bytes:
    """One pair of axes under a title, its legend beside it, where it covers nothing."""

    def whole(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_title(title, fontsize=9)
        draw(axes)
        legend_beside(figure, axes)

    return png(whole, size)


def legend_beside(figure: Figure, axes: Axes) -> None:
    """The legend of axes on the right of the figure, where they have one."""
    if axes.get_legend_handles_labels()[0]:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", fontsize=7)
