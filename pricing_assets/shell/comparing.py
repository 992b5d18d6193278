"""Two versions of a model side by side: for programs whole, for people in the width of a terminal.

Here: what differs, and a validation report as narrow rows. Not here: which two are compared (modelling.py), how they
were measured (models/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from pricing_assets.models import ValidationReport, Version

_FIGURES = ("rows", "code_version", "artifact_hash")
_SHORT = 12
"""Digits of a hash that tell it from others."""


def differences(old: Version, new: Version) -> list[dict[str, str | None]]:
    """What differs, a row each: `what`, and both sides as text."""
    sides = [_said(each) | {f"input {name}": value for name, value in each.inputs.items()} for each in (old, new)]
    return [
        {"what": name, "first": _text(sides[0].get(name)), "second": _text(sides[1].get(name))}
        for name in _different(*sides)
    ]


def figures(old: Version, new: Version) -> pl.DataFrame:
    """What differs but for inputs, as people read it: hashes by their beginning, figures to 3 decimals."""
    first, second = _said(old), _said(new)
    rows = [(name, _brief(first.get(name)), _brief(second.get(name))) for name in _different(first, second)]
    return pl.DataFrame(rows, schema=dict.fromkeys(("what", old.label, new.label), pl.String), orient="row")


def notes(old: Version, new: Version) -> list[str]:
    """What stands below the figures: which inputs differ, and what the figures of folds may be compared with."""
    told = []
    if everything := {*old.inputs, *new.inputs}:
        names = sorted(_different(old.inputs, new.inputs))
        named = f": {', '.join(names)}" if names else ""
        told.append(f"inputs: {len(names)} of {len(everything)} tables differ{named}")
    if any(name.startswith("folds_") for name in _different(old.metrics, new.metrics)):
        told.append("folds_… are of a version's own past origins; the report compares both on the same folds")
    return told


def report_rows(report: ValidationReport) -> pl.DataFrame:
    """A report with old and new beside each other, narrow enough for 100 columns."""
    return report.rows().select(
        "segment",
        "rows",
        *(_both(name).alias(f"{title} old → new") for name, title in _TITLES.items()),
    )


_TITLES = {"wape": "WAPE", "bias": "bias", "coverage": "coverage"}


def _both(figure: str) -> pl.Expr:
    sides = [pl.col(f"{figure}_{side}") for side in ("champion", "challenger")]
    texts = [side.map_elements(lambda value: f"{value:.3f}", pl.String).fill_null("none") for side in sides]
    return pl.concat_str(texts, separator=" → ")


def _said(version: Version) -> dict[str, Any]:
    return {name: getattr(version, name) for name in _FIGURES} | dict(version.metrics)


def _different(first: Any, second: Any) -> list[str]:
    return [name for name in dict.fromkeys([*first, *second]) if first.get(name) != second.get(name)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _brief(value: Any) -> str | None:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = _text(value)
    return text[:_SHORT] if text and len(text) == 64 else text
