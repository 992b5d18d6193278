"""Two versions side by side must fit a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pricing_assets.models import ValidationReport, Version
from pricing_assets.models.report import Accuracy, Compared, Contestant
from pricing_assets.shell import comparing

TABLES = ("raw.competitor_snapshots", "raw.listings", "raw.prices", "raw.products", "raw.promotions", "raw.sales")


def _version(number: int, **said: Any) -> Version:
    made = datetime(2026, 11, 1, tzinfo=UTC)
    inputs = dict.fromkeys(TABLES, f"{number}" * 64) | {"raw.stock": "0" * 64}
    metrics = {"folds_wape": 0.430711 + number, "folds_bias": -0.04815}
    return Version(
        "demand-daily", number, f"{number}" * 64, "run", made, (), "1.0.0", None, None, 42442, inputs, metrics, **said
    )


def test_people_see_short_hashes_figures_to_three_decimals_and_inputs_counted() -> None:
    old, new = _version(1), _version(2)
    assert comparing.figures(old, new).rows() == [
        ("artifact_hash", "1" * 12, "2" * 12),
        ("folds_wape", "1.431", "2.431"),
    ]
    inputs, folds = comparing.notes(old, new)
    assert inputs == f"inputs: 6 of 7 tables differ: {', '.join(TABLES)}"
    assert "own past origins" in folds and "same folds" in folds


def test_programs_get_everything() -> None:
    rows = {row["what"]: row for row in comparing.differences(_version(1), _version(2))}
    assert rows["input raw.prices"] == {"what": "input raw.prices", "first": "1" * 64, "second": "2" * 64}
    assert rows["folds_wape"]["first"] == "1.430711"


def test_a_report_has_old_and_new_beside_each_other_within_100_columns() -> None:
    sides = Accuracy(0.53698733, None, 0.781954887, 2.3), Accuracy(0.543202092, 0.180168077, 0.781203008, 2.3)
    both = Compared("GARDEN · DE", 7980, *sides)
    report = ValidationReport(
        "demand-daily", Contestant("new", None, 1, 1.0), Contestant("old", None, 1, 1.0), (), both, ()
    )
    rows = comparing.report_rows(report)
    assert rows.row(0) == ("GARDEN · DE", 7980, "0.543 → 0.537", "0.180 → none", "0.781 → 0.782")
    assert sum(max(len(name), *map(len, map(str, rows[name]))) + 3 for name in rows.columns) < 100
