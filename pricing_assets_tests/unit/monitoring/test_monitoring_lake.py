"""What drift is read from in the lake: a champion's folds, then its own forecasts beside what a day sees of sales."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pricing_assets import governance, models
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake, Provenance
from pricing_assets.monitoring import Plan, Watched, day_of, events_to_open, metrics_of
from pricing_assets.tables import Table, raw
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts

FIRST, TRAINED = date(2026, 1, 1), date(2026, 4, 9)
DAYS = [TRAINED + timedelta(days=number) for number in range(1, 43)]
CALENDAR = Calendar("Europe/London", {"UK": "GB"})
SKUS = ("A", "B")
Change = Callable[[date], float]


def full(table: type[Table], rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with a harmless value in every column that must have one."""
    schema = table.create_empty().schema
    filler = {pl.String: "0", pl.Int64: 1, pl.Float64: 1.0, pl.Boolean: True}
    columns = table.columns().items()
    constant = {name: filler.get(type(schema[name])) for name, column in columns if not column.nullable}
    return pl.DataFrame([{**dict.fromkeys(schema), **constant, **row} for row in rows], schema=schema)


def sold(number: int, sku: str) -> int:
    return int(np.random.default_rng([number, ord(sku)]).poisson(100))


def folds() -> pl.DataFrame:
    """98 days, forecast a week ahead at 100 units."""
    days = [FIRST + timedelta(days=number) for number in range(99)]
    rows = [
        (f"UK/{sku}", day, day - timedelta(days=7), float(sold(day.toordinal(), sku))) for sku in SKUS for day in days
    ]
    frame = pl.DataFrame(rows, schema=["unique_id", "ds", "cutoff", "y"], orient="row")
    return frame.with_columns(
        mean=pl.lit(100.0),
        q10=pl.lit(87.0),
        q90=pl.lit(113.0),
        conditioning_price=pl.lit(5.0),
        actual_price=pl.lit(5.0),
        censored=pl.lit(value=False),
        segment=pl.lit("TEA · UK"),
    )


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake in which nothing moves. Not to be changed."""
    return lake_of(tmp_path_factory.mktemp("quiet"))


def lake_of(folder: Path, demand: Change = lambda day: 1.0, price: Change = lambda day: 5.0) -> Lake:
    """A lake in which the champion forecasts 100 units of each day at a price of 5, and `demand` times that is sold."""
    lake, tables = Lake(folder), {}
    each = [(day, sku) for day in [TRAINED, *DAYS] for sku in SKUS]
    keys = [
        {"date": day, "sku": sku, "market": "UK", "known_at": datetime(*day.timetuple()[:3], 12, tzinfo=UTC)}
        for day, sku in each
    ]
    tables[raw.Listings] = [{**key, "on_sale": True} for key in keys]
    tables[raw.Sales] = [
        {
            **key,
            "units": round(demand(key["date"]) * sold(key["date"].toordinal(), key["sku"])),
            "currency": "GBP",
            "revenue": Decimal(1),
        }
        for key in keys
    ]
    tables[raw.Prices] = [
        {
            **key,
            "price_type": "current",
            "price": Decimal(str(price(key["date"]))),
            "currency": "GBP",
            "tax_basis": "gross",
            "price_kind": "posted",
        }
        for key in keys
    ]
    tables[FeatureSnapshots] = [
        {
            **key,
            "category": "TEA",
            "currency": "GBP",
            "current_price": Decimal("5.00"),
            "list_price": Decimal("5.00"),
            "inputs_hash": "0" * 64,
            "inputs": "[]",
        }
        for key in keys
    ]
    figures = {"mean": 100.0, "q10": 87.0, "q90": 113.0, "sum_mean": 100.0, "sum_q10": 87.0, "sum_q90": 113.0}
    tables[DemandForecasts] = [
        {
            **key,
            **figures,
            "target_date": key["date"] + timedelta(days=7),
            "frequency": "D",
            "model": "demand-daily",
            "method": "blend",
            "model_version": 3,
            "conditioning_price": Decimal("5.00"),
        }
        for key in keys
    ]
    for table, rows in tables.items():
        names = list(table.columns())
        frame = full(table, [{name: value for name, value in row.items() if name in names} for row in rows])
        lake.commit(table, frame, [TRAINED, *DAYS], Provenance("test"))
    return lake


def judged(lake: Lake, days: list[date], folds_of: pl.DataFrame | None = None, **rules: Any) -> pl.DataFrame:
    watched = Watched("demand-daily", rules.pop("version", 3), TRAINED, folds() if folds_of is None else folds_of)
    return metrics_of(lake, days, CALENDAR, watched, Plan(**rules))


def bias(found: pl.DataFrame) -> dict[str, Any]:
    return found.filter(metric="bias").sort("date").row(-1, named=True)


def test_demand_that_moves_calls_a_person_once(tmp_path: Path) -> None:
    moved = lake_of(tmp_path, demand=lambda day: 1.25 if day >= DAYS[14] else 1.0)
    found = judged(moved, DAYS[-2:])
    row = bias(found)
    assert row["drifted"] and row["model_version"] == "demand-daily/3" and row["segment"] == "TEA · UK"
    assert abs((row["shifted_since"] - DAYS[14]).days) <= 2
    events = events_to_open(found, Watched("demand-daily", 3, TRAINED, None).champion(Plan()))
    assert ("bias", "TEA · UK") in [(event.metric, event.segment) for event in events]
    assert len({(event.metric, event.segment) for event in events}) == len(events)


def test_quiet_demand_and_our_own_prices_call_nobody(quiet: Lake, tmp_path: Path) -> None:
    assert not judged(quiet, DAYS[-1:])["drifted"].any()
    cut = lake_of(
        tmp_path,
        demand=lambda day: 2.0 if DAYS[20] <= day < DAYS[30] else 1.0,
        price=lambda day: 4.0 if DAYS[20] <= day < DAYS[30] else 5.0,
    )
    assert not judged(cut, DAYS[-1:])["drifted"].any(), "days at another price than forecast say nothing"


def test_a_range_gives_what_its_days_give(quiet: Lake) -> None:
    whole = judged(quiet, DAYS[-2:])
    assert whole.equals(pl.concat([judged(quiet, [day]) for day in DAYS[-2:]]))


@pytest.mark.parametrize(
    ("version", "days", "why"), [(2, 42, "0 of the last 28 days can be judged"), (3, 10, "days can be judged")]
)
def test_what_the_champion_did_not_forecast_is_not_judged(quiet: Lake, version: int, days: int, why: str) -> None:
    row = bias(judged(quiet, [DAYS[days - 1]], version=version))
    assert row["value"] is None and not row["drifted"] and why in row["explanation"]


def test_snapshots_between_the_windows_that_are_compared_are_not_read(quiet: Lake, tmp_path: Path) -> None:
    expected, lake = judged(quiet, DAYS[-2:]), lake_of(tmp_path)
    window = Plan().current_days + 1  # of the earlier of both days
    for day in DAYS[:-window]:
        lake.path(FeatureSnapshots, lake.partitions(FeatureSnapshots)[day]).unlink()
    assert judged(lake, DAYS[-2:]).equals(expected)
    lake.path(FeatureSnapshots, lake.partitions(FeatureSnapshots)[DAYS[-window]]).unlink()
    with pytest.raises(PricingError, match=r"features\.feature_snapshots: its files cannot be read"):
        judged(lake, DAYS[-2:])


def test_days_before_its_training_are_not_judged(quiet: Lake) -> None:
    assert judged(quiet, [TRAINED, TRAINED - timedelta(days=1)]).is_empty()


def test_a_short_reference_says_so(quiet: Lake) -> None:
    short = folds().filter(pl.col("ds") > TRAINED - timedelta(days=40))
    row = bias(judged(quiet, DAYS[-1:], short))
    assert row["value"] is None and "days with forecasts to judge, and 56 are needed" in row["explanation"]


def test_a_chart_starts_anew_after_an_answer_but_not_on_days_before_it(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, demand=lambda day: 1.3 if DAYS[10] <= day < DAYS[20] else 1.0)
    assert bias(judged(lake, DAYS[-1:]))["drifted"]
    restarts = {("bias", "TEA · UK"): DAYS[24]}
    assert not bias(judged(lake, DAYS[-1:], restarts=restarts))["drifted"]
    assert bias(judged(lake, [DAYS[23]], restarts=restarts))["drifted"]


def test_a_rejected_drift_of_days_run_later_starts_its_chart_anew(tmp_path: Path) -> None:
    from pricing_assets.defs.monitoring import _restarts

    lake = lake_of(tmp_path / "lake", demand=lambda day: 1.3 if DAYS[10] <= day < DAYS[20] else 1.0)
    watched = Watched("demand-daily", 3, TRAINED, folds())
    found = judged(lake, DAYS[-15:])
    events = [each for each in events_to_open(found, watched.champion(Plan())) if each.metric == "bias"]
    with governance.open_store(f"sqlite:///{tmp_path / 'governance.db'}") as store:
        opened = models.ask(store.gate, watched.model, watched.version, events, timedelta(days=3))[0].event
        assert opened.drift.evidence["day"] == found.filter("drifted", metric="bias")["date"].min().isoformat()  # type: ignore[union-attr]
        assert not _restarts(store.gate, [watched])
        store.decide("ann", opened.subject, "reject", "a trade fair", "key")
        restarts = _restarts(store.gate, [watched])
        assert not _restarts(store.gate, [Watched("demand-daily", 4, TRAINED, None)])
    assert restarts == {("bias", "TEA · UK"): DAYS[-15]}, "not the day of the answer, which lies behind all days"
    assert not judged(lake, DAYS[-15:], restarts=restarts).filter(metric="bias")["drifted"].any()
    assert bias(judged(lake, [DAYS[-16]], restarts=restarts))["drifted"], "what was known before stays"


@pytest.mark.parametrize(
    ("evidence", "day"),
    [
        ({"day": "2026-04-20", "noticed": "2026-04-18"}, date(2026, 4, 20)),
        ({"noticed": "2026-04-18"}, date(2026, 4, 18)),
        ({"noticed": None}, None),
        ({}, None),
    ],
)
def test_the_day_of_an_event_is_the_one_it_was_judged_on(evidence: dict[str, Any], day: date | None) -> None:
    assert day_of(evidence) == day


def test_an_old_champion_asks_to_be_looked_at(tmp_path: Path) -> None:
    watched = Watched("demand-weekly", 1, TRAINED, None)
    days = [TRAINED + timedelta(days=number) for number in (89, 90)]
    found = metrics_of(Lake(tmp_path), days, CALENDAR, watched, Plan())
    assert found.select("date", "metric", "segment", "drifted").rows() == [
        (days[1], "retraining_due", "demand-weekly", True)
    ]
