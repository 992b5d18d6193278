"""Draws docs/asset_graph.svg from the definitions themselves: `python docs/asset_graph.py`; a test keeps it true.

Here: one picture, a column per group of assets, in the order of the line. Not here: what the assets are (defs/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pricing_assets.definitions import defs

PICTURE = Path(__file__).with_name("asset_graph.svg")
COLUMNS: Sequence[tuple[str, ...]] = (
    ("raw",),
    ("features", "runs.checks"),
    ("anomalies", "forecasts", "models"),
    ("decisions", "governance"),
    ("runs.days", "publishing"),
    ("monitoring", "staging"),
    ("marts",),
)
TITLES = (
    "received",
    "computed",
    "expected",
    "decided",
    "a day exists; goes out",
    "watched; dbt: staging",
    "dbt: marts",
)
WIDTH, HEIGHT, GAP, ACROSS, TOP = 176, 30, 12, 246, 44
FILLS = {"raw": "#e3ecf7", "governance": "#f7ecd9", "runs": "#f3e3f0", "staging": "#e2f3e6", "marts": "#cfead6"}


def graph() -> Mapping[str, Sequence[str]]:
    """Every asset, by its table's name, with what it is made from."""
    assets = defs().resolve_asset_graph()
    return {
        ".".join(key.path): sorted(".".join(parent.path) for parent in assets.get(key).parent_keys)
        for key in sorted(assets.get_all_asset_keys())
        if assets.get(key).is_materializable
    }


def places(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Top left corner of each asset's box."""
    columns = [[name for name in names if name in groups or name.split(".")[0] in groups] for groups in COLUMNS]
    tallest = max(map(len, columns))
    found = {}
    for number, column in enumerate(columns):
        above = TOP + (tallest - len(column)) * (HEIGHT + GAP) / 2
        for row, name in enumerate(column):
            found[name] = (10 + number * ACROSS, above + row * (HEIGHT + GAP))
    if missing := set(names) - set(found):
        raise SystemExit(f"no column for {', '.join(sorted(missing))}: add its group to COLUMNS")
    return found


def picture() -> str:
    """The graph as SVG: boxes in columns, a curve from each asset to what is made from it."""
    assets = graph()
    corners = places(list(assets))
    width = 44 + (len(COLUMNS) - 1) * ACROSS + WIDTH
    height = max(y for _, y in corners.values()) + HEIGHT + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" '
        f'height="{height:g}" font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height:g}" fill="white"/>',
    ]
    for number, title in enumerate(TITLES):
        lines.append(f'<text x="{10 + number * ACROSS}" y="24" fill="#555" font-weight="bold">{title}</text>')
    for name, parents in assets.items():
        lines += [_curve(corners[parent], corners[name]) for parent in parents if parent in corners]
    for name, (x, y) in corners.items():
        fill = FILLS.get(name.split(".")[0], "#eeeeee")
        box = f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{fill}" stroke="#7a8794"/>'
        lines.append(f'{box}<text x="{x + 9:g}" y="{y + 20:g}" fill="#16202a">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    """From the right edge of a box to the left edge of another; within a column, around its right side."""
    x1, y1, y2 = start[0] + WIDTH, start[1] + HEIGHT / 2, end[1] + HEIGHT / 2
    same = start[0] == end[0]
    x2 = x1 if same else end[0]
    bend1, bend2 = (x1 + 26, x2 + 26) if same else ((x1 + x2) / 2, (x1 + x2) / 2)
    path = f"M{x1:g} {y1:g} C{bend1:g} {y1:g} {bend2:g} {y2:g} {x2:g} {y2:g}"
    return f'<path d="{path}" fill="none" stroke="#9aa7b3" stroke-opacity="0.75"/>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE.name)
