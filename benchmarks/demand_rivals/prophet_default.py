"""Prophet as its first page shows it: default options, one model per series, 1,000 uncertainty samples."""

from __future__ import annotations

import os

import polars as pl

from pricing_assets.demand.seasonality import quiet


def cost(panel: pl.DataFrame, horizon: int, step: int) -> tuple[float, float]:
    """Seconds of CPU per series for training, and for forecasting the horizon; Stan's child processes count."""
    quiet()
    from prophet import Prophet

    training, forecasting, series = 0.0, 0.0, 0
    for _, part in panel.drop_nulls("y").sort("unique_id", "ds").group_by("unique_id", maintain_order=True):
        frame = part.select("ds", "y").to_pandas()
        start = _cpu()
        model = Prophet().fit(frame)
        between = _cpu()
        model.predict(model.make_future_dataframe(horizon, freq=f"{step}D", include_history=False))
        training, forecasting, series = training + between - start, forecasting + _cpu() - between, series + 1
    return training / series, forecasting / series


def _cpu() -> float:
    """CPU of this process and of the children it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
