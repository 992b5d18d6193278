"""What a validation measures of a model beside its errors: how long a forecast takes, and what a higher price does."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

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
