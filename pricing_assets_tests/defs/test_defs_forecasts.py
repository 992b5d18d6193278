"""The forecasts station: by the model in force, else by a simple method that says why; and how well that went.

That a range and day by day give the same is in test_defs_passes, that a second run commits nothing in test_defs_days.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest
from tiny_shop import CLOSED, DAYS, LAST, Line

from pricing_assets import models
from pricing_assets.demand import fit, load
from pricing_assets.demand.inputs import read
from pricing_assets.features import Calendar
from pricing_assets.governance import Gate
from pricing_assets.lake import days as manifests
from pricing_assets.models import ModelUnavailable, Serving
from pricing_assets.tables.forecasts import Accuracy, DemandForecasts

LINE = ("raw", "forecasts")
NOBODY = "no version of demand-daily in force was trained before this day"


def test_before_any_model_every_row_is_by_a_simple_method_and_says_so(line: Line) -> None:
    line.shown = True
    result = line.run(DAYS[5], LAST)
    assert result.success
    rows = line.lake.read(DemandForecasts)
    daily = rows.filter(pl.col("frequency") == "D")
    assert set(daily["date"]) == {day for day in DAYS[5:] if day != CLOSED}
    assert daily.filter(pl.col("date") == LAST).height == 4 * 28
    assert daily["fallback_reason"].unique().to_list() == [NOBODY]
    assert rows["model_hash"].null_count() == rows.height
    scored = line.lake.read(Accuracy, LAST, LAST)
    assert scored["origin"].max() == DAYS[-2]
    assert sorted(manifests.manifested(line.lake, Accuracy)) == [day for day in DAYS[6:] if day != CLOSED]
    seen = {
        event.asset_key.to_user_string(): event.metadata
        for event in result.asset_materializations_for_node("demand_forecasts")
        if event.partition == str(LAST)
    }
    expected, accuracy = seen["forecasts/demand_forecasts"], seen["forecasts/accuracy"]
    assert expected["model of days"].value == NOBODY
    assert "](data:image/png;base64," in expected["units to come"].value
    assert "](data:image/png;base64," in accuracy["by days ahead"].value
    assert {row.data["segment"] for row in accuracy["by segment"].value.records} >= {
        "all",
        "market: UK",
        "method: rate",
    }


def kept(*versions: int) -> Any:
    """The ledger says these versions of the daily model were put in force, newest first."""
    found = [mock.Mock(version=version) for version in versions]
    return mock.patch.object(Gate, "champions_kept", lambda gate, model: found if model == "demand-daily" else [])


@pytest.fixture
def trained(line: Line, tmp_path: Path) -> Serving:
    """A model of the shop's first days, saved as a champion's files are."""
    assert line.run(DAYS[6], only=("raw",)).success
    panels = read(line.lake, [DAYS[6]], Calendar("Europe/London")).daily(DAYS[6])
    fit(panels.history, panels.plan).save(tmp_path / "model")
    return Serving("demand-daily", 3, "ab12" * 16, tmp_path / "model", None)


def test_the_model_in_force_is_asked_once_a_run_and_named_in_its_rows(line: Line, trained: Serving) -> None:
    asked = []

    def in_force(gate: Gate, registry: object, model: str, into: Path) -> Serving:
        asked.append(model)
        return trained

    with mock.patch.object(models, "champion_in_force", in_force), kept(3):
        assert line.run(DAYS[5], DAYS[9], only=LINE).success
    assert asked == ["demand-daily"]
    daily = line.lake.read(DemandForecasts).filter(pl.col("frequency") == "D")
    said = daily.unique(["date", "model_version", "model_hash", "trained_until"]).sort("date")
    rows = said.select("date", "model_version", "model_hash", "trained_until").rows()
    later = [(day, 3, "ab12" * 16, DAYS[6]) for day in (DAYS[8], DAYS[9])]  # closed on the day between
    assert rows == [(DAYS[5], None, None, None), (DAYS[6], None, None, None), *later], (
        "a day up to the last it was trained on is not its to forecast"
    )


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("corrupted", "demand-daily/3 is corrupted"),
        ("missing", "demand-daily/3 is missing"),
        ("unreachable", "demand-daily/3 cannot be had: the registry does not answer"),
    ],
)
def test_a_champion_that_cannot_be_had_stops_no_day(line: Line, cause: models.artifacts.Cause, said: str) -> None:
    """What the fault says in full names folders of the run: it is logged, and no row's content."""
    refused = ModelUnavailable(cause, "/tmp/run-1234: its files hash to another value")
    with mock.patch.object(models, "champion_in_force", side_effect=refused), kept(3):
        result = line.run(LAST, only=LINE)
    assert result.success
    rows = line.lake.read(DemandForecasts)
    reasons = dict(rows.unique("frequency").select("frequency", "fallback_reason").iter_rows())
    assert reasons == {"D": said, "W": NOBODY.replace("daily", "weekly")}
    assert rows["model_version"].null_count() == rows.height


def test_days_again_are_forecast_by_the_model_they_had(line: Line, trained: Serving) -> None:
    """The next champion, trained until a day that stands, changes nothing of it."""
    with mock.patch.object(models, "champion_in_force", return_value=trained), kept(3):
        assert line.run(DAYS[8], DAYS[9], only=LINE).success
    before = line.lake.partitions(DemandForecasts)
    newer = Serving("demand-daily", 4, "cd34" * 16, trained.folder.with_name("newer"), None)
    replace(load(trained.folder), trained_until=DAYS[9]).save(newer.folder)
    with (
        mock.patch.object(models, "champion_in_force", return_value=newer),
        mock.patch.object(models, "serving_of", return_value=trained),
        kept(4, 3),
    ):
        assert line.run(DAYS[8], DAYS[9], only=LINE).success
    assert line.lake.partitions(DemandForecasts) == before


def test_a_model_folder_that_is_none_stops_no_day(line: Line, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    broken = Serving("demand-daily", 3, "ab12" * 16, tmp_path / "model", None)
    with mock.patch.object(models, "champion_in_force", return_value=broken), kept(3):
        assert line.run(LAST, only=LINE).success
    rows = line.lake.read(DemandForecasts).filter(pl.col("frequency") == "D")
    assert rows["fallback_reason"].unique().to_list() == ["demand-daily/3 is unreadable"]


def test_methods_are_told_by_their_causes_and_not_by_the_figures_of_each_series() -> None:
    from pricing_assets.defs.forecasts import _expected

    whole = "the model cannot forecast this panel: history: no rows"
    reasons = ["new: 9 days observed, a model needs 42", "new: 3 days observed, a model needs 42", whole, None]
    rows = pl.DataFrame({"fallback_reason": reasons, "sku": list("ABCD")}).with_columns(
        date=pl.lit(LAST), target_date=pl.lit(LAST), frequency=pl.lit("D"), method=pl.lit("rate"), market=pl.lit("DE"),
        mean=pl.lit(1.0),
    )  # fmt: skip
    told = _expected(rows, {})["methods"].records
    assert {(each.data["fallback_reason"], each.data["SKU-markets"]) for each in told} == {
        ("new", 2),
        (whole, 1),
        ("", 1),
    }
