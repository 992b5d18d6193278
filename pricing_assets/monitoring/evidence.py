"""What a drift is seen by: tables as plain objects, and their picture.

Here: evidence as JSON holds it, and drawing it. Not here: judging.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets import drawing
from pricing_assets.monitoring.decay import BIAS, Judged
from pricing_assets.monitoring.shares import Share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DAYS, MOST_SKUS = 180, 20
_DIGITS = 6
_BLUE, _RED = "#3b6ea5", "#b5483a"


def of_chart(judged: Judged) -> dict[str, Any]:
    """The last days of a chart: error, sums, threshold, when the shift began and was noticed."""
    if judged.series is None:
        raise ValueError(f"{judged.metric} of {judged.segment} has no chart: {judged.reason}")
    days = judged.series.tail(MOST_DAYS).select("date", "error", "up", "down")
    told: dict[str, Any] = {
        "threshold": judged.threshold,
        "usual": judged.usual,
        "since": judged.since,
        "noticed": judged.noticed,
    }
    return _told({"kind": "chart", "metric": judged.metric, "segment": judged.segment, **told, "days": _rows(days)})


def of_share(share: Share) -> dict[str, Any]:
    """The SKU-markets tested, most significant first."""
    if share.tests is None:
        raise ValueError(f"{share.metric} of {share.segment} has no tests: {share.reason}")
    names = ["sku", "market", "was", "now", "value", "p_value", "q_value", "found"]
    tests = share.tests.sort("p_value", "sku", "market", nulls_last=True).select(names).head(MOST_SKUS)
    told = {"found": share.found, "tested": share.tested}
    return _told({"kind": "share", "metric": share.metric, "segment": share.segment, **told, "skus": _rows(tests)})


def of_schedule(trained_on: date, days: int) -> dict[str, Any]:
    """The age of the champion."""
    return _told({"kind": "schedule", "trained_on": trained_on, "days": days})


def as_json(evidence: dict[str, Any]) -> str:
    """One line, the same bytes for the same evidence."""
    return json.dumps(evidence, sort_keys=True, ensure_ascii=False, allow_nan=False)


def draw(evidence: dict[str, Any]) -> bytes:
    """A PNG of evidence: a chart's errors above its sums, or values of SKUs, old and new. ValueError for others."""
    if evidence["kind"] not in _PICTURES:
        raise ValueError(f"evidence of kind {evidence['kind']} has no picture")

    def whole(figure: Figure) -> None:
        _PICTURES[evidence["kind"]](figure, evidence)
        figure.suptitle(f"{evidence['metric']} of {evidence['segment']}", fontsize=10)

    return drawing.png(whole, (8, 4.2))


def _draw_chart(figure: Figure, evidence: dict[str, Any]) -> None:
    days = [date.fromisoformat(row["date"]) for row in evidence["days"]]
    errors, sums = figure.subplots(2, 1, sharex=True)
    values = [float("nan") if row["error"] is None else row["error"] for row in evidence["days"]]
    errors.plot(days, values, color=_BLUE, linewidth=1)
    errors.axhline(evidence["usual"], color="grey", linewidth=1, label="usual")
    what = "(demand − forecast) ÷ forecast" if evidence["metric"] == BIAS else "log of error ÷ forecast's own"
    errors.set_ylabel(what, fontsize=7)
    for name, color in (("up", _RED), ("down", _BLUE)):
        if any(row[name] for row in evidence["days"]):
            sums.plot(days, [row[name] for row in evidence["days"]], color=color, linewidth=1, label=f"sum {name}wards")
    sums.axhline(evidence["threshold"], color="black", linestyle="dashed", linewidth=1, label="threshold")
    for axes in (errors, sums):
        for name, style in (("since", "dotted"), ("noticed", "solid")):
            if evidence[name] is not None and date.fromisoformat(evidence[name]) >= days[0]:
                axes.axvline(date.fromisoformat(evidence[name]), color=_RED, linestyle=style, linewidth=1, label=name)
    drawing.legend_beside(figure, sums)
    figure.autofmt_xdate()


def _draw_share(figure: Figure, evidence: dict[str, Any]) -> None:
    axes = figure.add_subplot()
    rows = [row for row in evidence["skus"] if row["was"] is not None and row["now"] is not None][::-1]
    for place, row in enumerate(rows):
        axes.plot([row["was"], row["now"]], [place, place], color=_RED if row["found"] else "lightgrey", linewidth=2)
    axes.plot([row["was"] for row in rows], range(len(rows)), "o", color="grey", markersize=4, label="reference")
    axes.plot([row["now"] for row in rows], range(len(rows)), "o", color=_BLUE, markersize=4, label="now")
    axes.set_yticks(range(len(rows)), [f"{row['sku']} {row['market']}" for row in rows], fontsize=6)
    drawing.legend_beside(figure, axes)


_PICTURES = {"chart": _draw_chart, "share": _draw_share}


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()


def _told(evidence: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in evidence.items()}


def _plain(value: Any) -> Any:
    """Dates as ISO text, floats rounded, as JSON holds them."""
    if isinstance(value, dict):
        return _told(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return round(value, _DIGITS) if isinstance(value, float) else value
