"""Accuracy of forecasts in the lake, against a slow count in plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl
import pytest
from demand_shop import CALENDAR, PAIRS, DemandShop, on, units

from pricing_assets.demand.accuracy import ORIGINS, accuracy_of, known_of, scored
from pricing_assets.demand.forecasts import Served, forecasts_of
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import Accuracy, DemandForecasts

DAYS = 50
LAST = on(DAYS - 1)
SOLD_OUT, DELISTED = (45, 2), (46, 1)
CATEGORY = {"A": "TEA", "B": "POT", "C": "POT"}


def shop() -> DemandShop:
    made = DemandShop(DAYS)
    made.find(raw.Stock, *SOLD_OUT)["on_hand"] = 0
    made.drop(raw.Listings, *DELISTED)
    return made


def forecast(origin: int, step: int, pair: int) -> float:
    return 0.5 * ((origin + 3 * step + pair) % 13)


def made(frequency: str = "D") -> pl.DataFrame:
    """Forecasts of all days, with whole and half units; the range is 2 either side."""
    step = 1 if frequency == "D" else 7
    rows = []
    for origin, (pair, (sku, market)) in product(range(DAYS), enumerate(PAIRS)):
        total = 0.0
        for number in range(1, 29 if step == 1 else 9):
            mean = forecast(origin, number, pair) * step
            total += mean
            rows.append(
                {
                    **{"date": on(origin), "target_date": on(origin + step * number), "sku": sku, "market": market},
                    **{
                        "frequency": frequency,
                        "model": f"demand-{frequency}",
                        "model_hash": "a" * 64,
                        "mean": mean,
                        "q10": mean - 2,
                        "q90": mean + 2,
                    },
                    **{"sum_mean": total, "sum_q10": total - 9, "sum_q90": total + 9},
                    "method": "blend" if pair else "rate",
                }
            )
    return pl.DataFrame(rows).with_columns(pl.col("frequency").cast(DemandForecasts.create_empty().schema["frequency"]))


def actual(number: int, pair: int) -> int | None:
    return None if number < 0 or (number, pair) == DELISTED else units(number, pair)


def slowly(origin: int, pairs: list[int], simple: bool = False) -> dict[str, Any]:
    """What daily forecasts of an origin came to, for some pairs."""
    errors, inside, sums, squares = [], [], [], defaultdict(list)
    for pair in pairs:
        known = [actual(day, pair) for day in range(origin + 1, DAYS)]
        scored = [day for day in range(origin + 1, DAYS) if actual(day, pair) is not None and (day, pair) != SOLD_OUT]
        for day in scored:
            sold, mean = units(day, pair), forecast(origin, day - origin, pair)
            if simple:
                back = actual(day - 7 * -(-(day - origin) // 7), pair)
                if back is None:
                    continue
                mean = back
            errors.append((sold, mean - sold))
            squares[pair].append((mean - sold) ** 2)
            inside.append(mean - 2 <= sold <= mean + 2)
        if len(scored) == len(known):
            total = sum(forecast(origin, day - origin, pair) for day in range(origin + 1, DAYS))
            sums.append(total - 9 <= sum(unit for unit in known if unit is not None) <= total + 9)
    units_sold = sum(sold for sold, _ in errors)
    return {
        "n_dates": len(errors),
        "units": units_sold,
        "wape": sum(abs(error) for _, error in errors) / units_sold,
        "bias": sum(error for _, error in errors) / units_sold,
        "rmsse": fmean((fmean(found) / scale(pair)) ** 0.5 for pair, found in squares.items()),
        "coverage": None if simple else fmean(inside),
        "sum_coverage": None if simple or not sums else fmean(sums),
    }


def scale(pair: int) -> float:
    weeks = [(actual(day, pair), actual(day - 7, pair)) for day in range(7, DAYS)]
    return fmean((now - then) ** 2 for now, then in weeks if now is not None and then is not None)


def score(made: pl.DataFrame, shop: DemandShop) -> pl.DataFrame:
    """Accuracy on the last day."""
    raws = shop.read()
    return scored(made, [known_of(raws.seen(LAST), raws.pairs, LAST)])


@pytest.fixture(scope="module")
def figures() -> pl.DataFrame:
    return Accuracy.validate(score(made(), shop()))


SEGMENTS = {
    "all": [0, 1, 2, 3],
    "market: UK": [0, 2],
    "market: DE": [1, 3],
    "category: TEA": [0, 1],
    "category: POT": [2, 3],
    "method: rate": [0],
    "method: blend": [1, 2, 3],
}


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("simple", [False, True])
def test_figures_are_those_of_a_slow_count(figures: pl.DataFrame, segment: str, simple: bool) -> None:
    model = "seasonal naive" if simple else "demand-D"
    rows = figures.filter((pl.col("segment") == segment) & (pl.col("model") == model)).sort("origin")
    assert rows["origin"].to_list() == [LAST - timedelta(days=back) for back in range(ORIGINS, 0, -1)]
    for row in rows.iter_rows(named=True):
        expected = slowly((row["origin"] - on(0)).days, SEGMENTS[segment], simple)
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=2e-6), row["origin"]


def test_what_no_model_forecast_is_scored_as_the_rate() -> None:
    first = LAST - timedelta(days=ORIGINS)
    without = pl.when(pl.col("date") > first).then("model_hash")
    rows = score(made().filter(frequency="D").with_columns(model_hash=without), shop())
    models = dict(rows.group_by("origin").agg(pl.col("model").unique().sort()).iter_rows())
    assert models[first] == ["rate", "seasonal naive"]
    assert models[first + timedelta(days=1)] == ["demand-D", "seasonal naive"]


def test_series_a_model_could_not_forecast_count_as_the_models_where_it_was_asked() -> None:
    some = pl.when(pl.col("sku") != "A").then("model_hash")
    daily = made().filter(frequency="D")
    rows, expected = (score(each, shop()) for each in (daily.with_columns(model_hash=some), daily))
    assert rows.sort(Accuracy.order()).equals(expected.sort(Accuracy.order()))


def test_forecasts_of_what_was_never_listed_do_not_count(figures: pl.DataFrame) -> None:
    strange = made().with_columns(sku=pl.lit("GONE"))
    assert score(strange, shop()).height == 0
    assert score(pl.concat([made(), strange]), shop()).sort(Accuracy.order()).equals(figures.sort(Accuracy.order()))


def test_an_error_too_large_to_be_squared_is_refused_by_name() -> None:
    with pytest.raises(PricingError, match="too many to be added up exactly"):
        score(made().with_columns(mean=pl.lit(4e6)), shop())


def test_origins_read_together_or_alone_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, days = shop().lake(tmp_path), [on(40), on(44), on(48)]
    none = Served(None, reason="no model yet")
    rows = forecasts_of(lake, days, CALENDAR, {"D": [none], "W": [none]})
    lake.commit(DemandForecasts, rows, days, Provenance("test"))
    together = accuracy_of(lake, [LAST], CALENDAR)
    monkeypatch.setattr("pricing_assets.demand.accuracy.AT_ONCE", 1)
    assert together.height and accuracy_of(lake, [LAST], CALENDAR).equals(together)


def test_segments_are_those_of_the_shop(figures: pl.DataFrame) -> None:
    assert set(figures["segment"]) == set(SEGMENTS)
    assert figures["date"].unique().to_list() == [LAST]


def test_weeks_are_scored_once_they_are_over(figures: pl.DataFrame) -> None:
    rows = score(made("W"), DemandShop(DAYS)).filter(pl.col("segment") == "all")
    weekly = rows.filter(pl.col("model") == "demand-W").sort("origin")
    assert weekly["origin"].max() == LAST - timedelta(days=7)
    origin = DAYS - 1 - 14
    errors = []
    for week, pair in product((1, 2), range(len(PAIRS))):
        sold = sum(units(day, pair) for day in range(origin + 7 * week - 6, origin + 7 * week + 1))
        errors.append((sold, abs(7 * forecast(origin, week, pair) - sold)))
    wape = sum(error for _, error in errors) / sum(sold for sold, _ in errors)
    assert weekly.filter(pl.col("origin") == on(origin))["wape"].item() == pytest.approx(wape, abs=2e-6)


def test_a_range_gives_what_its_days_give_and_only_what_a_day_sees(tmp_path: Path) -> None:
    late = shop()
    late.correct(raw.Sales, 44, 3, DAYS - 1, units=90)
    lake = late.lake(tmp_path)
    days = [on(number) for number in range(DAYS - 3, DAYS)]
    none = Served(None, reason="no model yet")
    earlier = [on(43), on(46)]
    rows = forecasts_of(lake, earlier, CALENDAR, {"D": [none], "W": [none]})
    lake.commit(DemandForecasts, rows, earlier, Provenance("test"))
    whole = accuracy_of(lake, days, CALENDAR)
    alone = pl.concat([accuracy_of(lake, [day], CALENDAR) for day in days])
    assert whole.equals(alone.sort(Accuracy.order()))
    units_of = dict(all_of(whole, on(43)).select("date", "units").iter_rows())
    assert units_of[LAST] - units_of[days[-2]] > 80


def all_of(rows: pl.DataFrame, origin: date) -> pl.DataFrame:
    of_all = (pl.col("segment") == "all") & (pl.col("origin") == origin) & (pl.col("model") == "rate")
    return rows.filter(of_all)


def test_without_forecasts_there_is_nothing_to_score(tmp_path: Path) -> None:
    assert accuracy_of(Lake(tmp_path), [LAST], CALENDAR).height == 0
