"""The referee: what two sets of prices earn, against plain Python row by row, and which elasticities it takes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import DAY, SCALES, day, features
from pricing_outlooks import elasticity, forecast, typed

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import referee
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.pricing.referee import Referee, judge, published
from pricing_assets.tables import money
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.runs import Days

Row = dict[str, Any]
_CURRENCIES = {"UK": "GBP", "JP": "JPY"}
_SCHEMA: dict[str, Any] = {
    **{"date": pl.Date, "sku": pl.String, "market": pl.String, "category": pl.String, "currency": pl.String},
    **dict.fromkeys(("current_price", "cost", "live_price", "draft_price"), money.AT_REST),
}


def known(rows: Sequence[Row]) -> Outlook:
    """Forecasts of the rows that have units, at the price planned for them."""
    made = [
        each
        for row in rows
        if row["units"] is not None
        for each in forecast(row["date"], row["sku"], row["market"], row["units"] / 28, conditioning_price=row["plan"])
    ]
    return outlook(typed(DemandForecasts, made), Elasticities.create_empty(), {}, learned=True)


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in rows], schema=_SCHEMA)


def chosen(row: Row, judge_by: Referee) -> Row:
    """The figures for a row: of its category and market, else of its category, else of all."""
    for market, category in ((row["market"], row["category"]), (None, row["category"]), (None, None)):
        for each in judge_by.elasticities.to_dicts():
            if (each["market"], each["category"]) == (market, category) and (category or not market):
                return each
    raise AssertionError("there is always one of all")


def slow(row: Row, rows: Sequence[Row], judge_by: Referee, side: str) -> tuple[float, float, float]:
    """What a side earns, by how much more if the elasticity were an error higher, and so of the others' answer."""
    means, price, cost = chosen(row, judge_by), float(row[side]), float(row["cost"])
    planned = float(row["plan"] or row["current_price"])

    def own(value: float) -> float:
        return float(row["units"] * (max(price, planned / 2) / planned) ** value * (price - cost))

    step = 1e-5
    slope = (own(means["elasticity"] + step) - own(means["elasticity"] - step)) / (2 * step)
    others, doubt = _others(row, rows, means, planned)
    earned = own(means["elasticity"]) + others * math.log(price / planned)
    return earned, slope * means["error"], doubt * math.log(price / planned)


def _others(row: Row, rows: Sequence[Row], means: Row, planned: float) -> tuple[float, float]:
    """What the others of the category earn more per unit of log price, and its standard error."""
    group = [each for each in rows if all(each[name] == row[name] for name in ("date", "market", "category"))]
    others = [each for each in group if each["sku"] != row["sku"]]
    if row["category"] is None or not others:
        return 0.0, 0.0
    margin = revenue = 0.0
    for each in others:
        at = float(each["plan"] or each["current_price"])
        if each["units"] is not None:
            revenue += each["units"] * at
            margin += each["units"] * (at - float(each["cost"])) if each["cost"] is not None else 0.0
    if means["cross"] is not None:
        sizes = [
            abs(each["units"] * (float(each["plan"] or each["current_price"]) - float(each["cost"])))
            for each in others
            if each["units"] is not None and each["cost"] is not None
        ]
        return margin * means["cross"] / len(others), sum(sizes) * means["cross_error"] / len(others)
    if revenue == 0:
        return 0.0, 0.0
    declared = -0.25 * means["elasticity"] * planned * row["units"] * margin / revenue
    return declared, abs(declared) / 2


def prices(market: str) -> st.SearchStrategy[Decimal]:
    scale = SCALES[_CURRENCIES[market]]
    return st.integers(2 * scale, 40 * scale).map(lambda minor: Decimal(minor) / scale)


@st.composite
def shops(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(1, 6))):
        market = draw(st.sampled_from(sorted(_CURRENCIES)))
        of = prices(market)
        rows.append(
            {
                "date": DAY,
                "sku": f"S{number}",
                "market": market,
                "category": draw(st.sampled_from(["A", "B", None])),
                "currency": _CURRENCIES[market],
                "current_price": draw(of),
                "cost": draw(st.one_of(st.none(), of)),
                "live_price": draw(of),
                "draft_price": draw(of),
                "plan": draw(st.one_of(st.none(), of)),
                "units": draw(st.one_of(st.none(), st.floats(0.5, 500))),
            }
        )
    return rows


def referee_of(crossed: bool) -> Referee:
    nowhere = {"cross": None, "cross_error": None, "skus": 3}
    crossing = {"cross": 0.4, "cross_error": 0.15} if crossed else {}
    means = [
        {"market": "UK", "category": "A", "elasticity": -2.0, "error": 0.5, **nowhere, **crossing},
        {"market": None, "category": "A", "elasticity": -1.5, "error": 0.7, **nowhere},
        {"market": None, "category": None, "elasticity": -1.2, "error": 0.9, **nowhere},
    ]
    return Referee(DAY, pl.DataFrame(means, schema=published().elasticities.schema))


@settings(max_examples=40)
@given(shops(), st.booleans())
def test_what_prices_earn_is_what_plain_python_says(rows: list[Row], crossed: bool) -> None:
    judge_by = referee_of(crossed)
    found = judge(frame(rows), known(rows), judge_by)
    for number, row in enumerate(rows):
        if row["units"] is None or row["cost"] is None:
            assert (found.live[number], found.draft[number]) == (None, None)
            continue
        live, draft = (slow(row, rows, judge_by, side) for side in ("live_price", "draft_price"))
        near = 0.01 + 1e-6 * abs(live[0])
        assert found.live[number] == pytest.approx(live[0], rel=1e-6, abs=near)
        assert found.draft[number] == pytest.approx(draft[0], rel=1e-6, abs=near)
        assert found.by_elasticity[number] == pytest.approx(draft[1] - live[1], rel=1e-4, abs=near)
        assert found.by_others[number] == pytest.approx(draft[2] - live[2], rel=1e-4, abs=near)


def test_equal_prices_earn_exactly_the_same() -> None:
    row = {"date": DAY, "sku": "S", "market": "UK", "category": "A", "currency": "GBP", "plan": None, "units": 31.7}
    row |= {"current_price": Decimal("9.99"), "cost": Decimal("3.33"), "live_price": Decimal("7.77")}
    found = judge(frame([row | {"draft_price": row["live_price"]}]), known([row]), published())
    assert (found.draft - found.live)[0] == 0.0
    assert (found.by_elasticity[0], found.by_others[0]) == (0.0, 0.0)


def stand(lake: Lake, on: Any, answers: Sequence[Row], categories: Sequence[tuple[str, str | None]]) -> None:
    """A day in force with elasticities, and the categories of its SKUs."""
    snapshot = features(*({"date": on, "sku": sku, "category": category} for sku, category in categories))
    files = [
        file
        for table, rows in ((Elasticities, typed(Elasticities, answers)), (FeatureSnapshots, snapshot))
        for file in lake.commit(table, rows, [on], Provenance("r"))
    ]
    row = dict.fromkeys(Days.columns()) | {
        **{"date": on, "run_id": "r", "status": "priced", "late": False, "settings": "{}", "code_version": "1"},
        **{"decided": 1, "published": 0, "held": 0, "quarantined": 0, "lock_hash": "", "inputs": []},
        **dict.fromkeys(("as_of", "effective_from", "committed_at"), "2024-03-01T00:00:00Z"),
        "tables": [vars(file) for file in files],
    }
    schema: dict[str, Any] = {name: dtype for name, dtype in Days.create_empty().schema.items() if name != "sequence"}
    moments = [pl.col(name).str.to_datetime(time_zone="UTC") for name in ("as_of", "effective_from", "committed_at")]
    texts = {name: pl.String if dtype == pl.Datetime("us", "UTC") else dtype for name, dtype in schema.items()}
    made = pl.DataFrame([{name: row[name] for name in schema}], schema=texts).with_columns(moments)
    manifests.commit_days(lake, made.cast(schema), Provenance("r"))


def test_the_newest_estimate_counts_and_its_mean_is_of_category_and_market(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    stand(lake, DAY, [elasticity(-9.0)], [("S", "A")])
    newest = [
        elasticity(-1.0, day(7), "S", std_error=0.3),
        elasticity(-2.0, day(7), "T", std_error=0.4, spec_low=-2.6, spec_high=-1.4),
        elasticity(-3.0, day(7), "U", std_error=0.1),
        elasticity(-4.0, day(7), "U", kind="promotion"),
        elasticity(-0.5, day(7), "V", std_error=0.2),
    ]
    stand(lake, day(7), newest, [("S", "A"), ("T", "A"), ("U", "B"), ("V", None)])
    found = referee.referee(lake)
    assert found.estimated_on == day(7)
    of = {(row["market"], row["category"]): row for row in found.elasticities.to_dicts()}
    assert set(of) == {("UK", "A"), ("UK", "B"), (None, "A"), (None, "B"), (None, None)}
    assert of["UK", "A"]["elasticity"] == -1.5
    errors = [0.3**2, 0.4**2]  # specifications of the second differ by less than its error
    assert of["UK", "A"]["error"] == pytest.approx(math.sqrt(statistics.variance([-1, -2]) + statistics.mean(errors)))
    assert (of["UK", "B"]["elasticity"], of["UK", "B"]["error"]) == (-3.0, pytest.approx(0.1))
    assert of[None, None]["elasticity"] == statistics.mean([-1, -2, -3, -0.5])


def test_a_lake_without_elasticities_has_what_is_published(tmp_path: Path) -> None:
    found = referee.referee(Lake(tmp_path / "lake"))
    assert found.estimated_on is None
    assert found.elasticities.select("elasticity", "error").rows() == [(-2.62, 2.21)]
