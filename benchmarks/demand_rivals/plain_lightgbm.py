"""One LightGBM over all series as most people write it: lags, rolling means, the regressors as they are, log target."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

LAGS = {"W": (0, 1, 2, 3, 4, 8, 12, 25, 48), "D": (0, 1, 2, 3, 4, 5, 6, 7, 13, 20, 27)}
WINDOWS = {"W": (4, 8, 13, 26), "D": (7, 14, 28, 56)}
PARAMETERS = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS = 500


def forecasts(  # noqa: PLR0917
    panel: pl.DataFrame, cutoff: date, horizon: int, frequency: str, known: tuple[str, ...], static: tuple[str, ...]
) -> pl.DataFrame:
    """unique_id, ds, cutoff, model, yhat for the horizon after the cutoff, which the panel covers."""
    import lightgbm

    step = 7 if frequency == "W" else 1
    end = cutoff + timedelta(days=step * horizon)
    frame = _featured(_on_grid(panel, end, step, known, static), cutoff, horizon, frequency)
    frame = frame.with_columns(pl.col(static).cast(pl.Categorical).to_physical())
    features = [name for name in frame.columns if name not in {"unique_id", "ds", "y"}]
    train = frame.filter((pl.col("ds") <= cutoff) & pl.col("y").is_not_null() & pl.col("lag_0").is_not_null())
    ahead = frame.filter(pl.col("ds") > cutoff)
    data = lightgbm.Dataset(
        train.select(features).cast(pl.Float64).to_numpy(),
        train["y"].log1p().to_numpy(),
        feature_name=features,
        categorical_feature=list(static),
    )
    booster = lightgbm.train(PARAMETERS, data, ROUNDS)
    guess = pl.Series(booster.predict(ahead.select(features).cast(pl.Float64).to_numpy())).exp() - 1
    return ahead.select("unique_id", "ds", cutoff=pl.lit(cutoff), model=pl.lit("plain LightGBM"), yhat=guess)


def _on_grid(
    panel: pl.DataFrame, end: date, step: int, known: tuple[str, ...], static: tuple[str, ...]
) -> pl.DataFrame:
    spans = panel.group_by("unique_id").agg(pl.date_ranges(pl.col("ds").min(), pl.lit(end), f"{step}d").first())
    frame = spans.explode("ds").join(panel, on=["unique_id", "ds"], how="left").sort("unique_id", "ds")
    held = pl.col(*known, *static) if known or static else pl.col("y")
    if not (known or static):
        return frame
    return frame.with_columns(held.forward_fill().over("unique_id"))


def _featured(frame: pl.DataFrame, cutoff: date, horizon: int, frequency: str) -> pl.DataFrame:
    """Lags and rolling means of what is known `horizon` steps before, and the calendar."""
    past = pl.when(pl.col("ds") <= cutoff).then(pl.col("y").log1p())
    made = [past.shift(horizon + lag).over("unique_id").alias(f"lag_{lag}") for lag in LAGS[frequency]]
    made += [
        past.shift(horizon).rolling_mean(k, min_samples=1).over("unique_id").alias(f"mean_{k}")
        for k in WINDOWS[frequency]
    ]
    calendar = [pl.col("ds").dt.week().alias("week"), pl.col("ds").dt.month().alias("month")]
    if frequency == "D":
        calendar.append(pl.col("ds").dt.weekday().alias("weekday"))
    return frame.with_columns(*made, *calendar)
