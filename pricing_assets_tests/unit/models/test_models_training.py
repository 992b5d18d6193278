"""What a validation measures of a model beside its errors: how long a forecast takes, and what a higher price does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pricing_assets.demand.forecasts import Served
from pricing_assets.demand.panels import Panels
from pricing_assets.errors import PricingError
from pricing_assets.models import training


def test_a_forecast_takes_what_it_took_when_least_else_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter([0.0, 0.9, 10.0, 10.2, 20.0, 20.5])
    calls: list[Any] = []

    def forecast(panels: Any, served: Any) -> int:
        calls.append(served)
        return len(calls)

    monkeypatch.setattr(training, "forecast_panels", forecast)
    monkeypatch.setattr(training.time, "process_time", lambda: next(clock))
    panels: Any = SimpleNamespace(keys=pl.DataFrame({"unique_id": [str(number) for number in range(100)]}))
    made, latency = training._timed(panels, "served")  # type: ignore[arg-type]
    assert (made, latency) == (1, pytest.approx(2.0)) and calls == ["served"] * 4


def test_a_model_is_asked_what_it_forecasts_at_higher_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    future = pl.DataFrame({"unique_id": ["A", "A", "B", "C"], "ds": [1, 2, 1, 1], "price": [10.0, 20.0, 10.0, 10.0]})

    def forecast(panels: Any, served: Any) -> pl.DataFrame:
        """A sells more the dearer it is, B less; C is not forecast by the model."""
        units = pl.when(pl.col("unique_id") == "A").then(pl.col("price")).otherwise(100 / pl.col("price"))
        return panels.future.with_columns(mean=units, by_model=pl.col("unique_id") != "C")

    monkeypatch.setattr(training, "forecast_panels", forecast)
    plan: Any = SimpleNamespace(known=("price",))
    panels: Any = Panels(date(2026, 1, 1), plan, pl.DataFrame(), pl.DataFrame(), future)
    made = forecast(panels, None)
    assert training._rising(made, panels, Served(None)) == (1, 2)
    assert training._rising(made, replace(panels, plan=SimpleNamespace(known=())), Served(None)) == (0, 0)


def test_a_challenger_that_cannot_be_asked_is_refused_and_a_champion_is_judged_as_it_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reason = "the model cannot forecast this panel: LightGBM: no trees"
    made = pl.DataFrame(
        {"unique_id": ["A"], "ds": [1], "mean": [1.0], "by_model": [False], "fallback_reason": [reason]}
    )
    monkeypatch.setattr(training, "forecast_panels", lambda panels, served: made)
    plan: Any = SimpleNamespace(known=())
    panels: Any = Panels(date(2026, 1, 1), plan, made.select("unique_id"), pl.DataFrame(), pl.DataFrame())
    with pytest.raises(PricingError, match=f"demand/2: {reason}"):
        training._contestant("demand/2", None, panels, Served(None), must=True)
    assert training._contestant("demand/1", None, panels, Served(None)).checked == 0
