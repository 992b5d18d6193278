"""Methods a model must beat: naive, seasonal naive, and AutoETS, each with a conformal range.

Here: their forecasts of a panel's horizon, as a backtest asks for them. Not here: what the model falls back on.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.intervals import HIGH, LOW
from pricing_assets.demand.panel import DATE, ID, Y, gridded
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.simple import NAIVE, SEASONAL

AUTO_ETS = "AutoETS"
WINDOWS = 2
"""Earlier origins whose errors AutoETS takes its range from: as few as statsforecast allows, each refits all series."""
LEAST_SEEN = 3


def simple_forecasts(history: pl.DataFrame, plan: Plan, origin: date) -> pl.DataFrame:
    """unique_id, ds, model, yhat, yhat_lo, yhat_hi by naive and seasonal naive for the horizon after the origin.

    The ranges are quantiles of the series' own errors a horizon (a season) ahead.
    """
    grid = gridded(history, plan, origin).select(ID, DATE, pl.col(Y).forward_fill().over(ID))
    parts = []
    for name, season in ((NAIVE, 1), (SEASONAL, plan.season)):
        back = max(season * -(-plan.horizon // season), plan.horizon)
        error = pl.col(Y) - pl.col(Y).shift(back).over(ID)
        errors = grid.with_columns(error=error).group_by(ID, maintain_order=True)
        bounds = errors.agg(low=pl.col("error").quantile(LOW), high=pl.col("error").quantile(HIGH))
        parts.append(_repeated(grid, plan, season).join(bounds, on=ID).with_columns(model=pl.lit(name)))
    bounded = [(pl.col("yhat") + pl.col(side).fill_null(0.0)).clip(lower_bound=0.0) for side in ("low", "high")]
    return pl.concat(parts).select(ID, DATE, "model", "yhat", yhat_lo=bounded[0], yhat_hi=bounded[1])


def _repeated(grid: pl.DataFrame, plan: Plan, season: int) -> pl.DataFrame:
    """The last season repeated; the last value where a series is shorter."""
    last = grid.group_by(ID, maintain_order=True).agg(pl.col(Y), pl.col(DATE).last())
    parts = []
    for step in range(1, plan.horizon + 1):
        place = (step - 1) % season - season
        value = pl.coalesce(pl.col(Y).list.get(place, null_on_oob=True), pl.col(Y).list.get(-1, null_on_oob=True))
        parts.append(last.select(ID, pl.col(DATE) + timedelta(days=plan.step * step), yhat=value.fill_null(0.0)))
    return pl.concat(parts)


def auto_ets(history: pl.DataFrame, plan: Plan, origin: date) -> pl.DataFrame:
    """unique_id, ds, yhat, yhat_lo, yhat_hi by statsforecast's AutoETS; gaps hold the value before them.

    A season of a week on days; on weeks none, for ETS has no season longer than 24. Series shorter than LEAST_SEEN
    rows are left out.
    """

    grid = gridded(history, plan, origin).select(ID, DATE, pl.col(Y).forward_fill().over(ID)).drop_nulls(Y)
    length = pl.len().over(ID)
    ranged = grid.filter(length >= WINDOWS * plan.horizon + LEAST_SEEN)
    short = grid.filter((length < WINDOWS * plan.horizon + LEAST_SEEN) & (length >= LEAST_SEEN))
    parts = [_fitted(part, plan, with_range=part is ranged) for part in (ranged, short) if part.height]
    schema = {ID: pl.String, DATE: pl.Date, "yhat": pl.Float64, "yhat_lo": pl.Float64, "yhat_hi": pl.Float64}
    made = pl.concat([pl.DataFrame(schema=schema), *parts])
    return made.select(
        ID, DATE, pl.lit(AUTO_ETS).alias("model"), pl.col("yhat", "yhat_lo", "yhat_hi").clip(lower_bound=0.0)
    )


def _fitted(grid: pl.DataFrame, plan: Plan, *, with_range: bool) -> pl.DataFrame:
    import pandas as pd  # type: ignore[import-untyped]
    from statsforecast import StatsForecast  # type: ignore[import-untyped]
    from statsforecast.models import AutoETS, Naive  # type: ignore[import-untyped]
    from statsforecast.utils import ConformalIntervals  # type: ignore[import-untyped]

    frame = pd.DataFrame({ID: grid[ID].to_list(), DATE: grid[DATE].to_numpy().astype("M8[ns]"), Y: grid[Y].to_numpy()})
    models = [AutoETS(season_length=7 if plan.frequency == "D" else 1)]
    engine = StatsForecast(models=models, freq=f"{plan.step}D", n_jobs=1, fallback_model=Naive())
    wanted = {"level": [80], "prediction_intervals": ConformalIntervals(n_windows=WINDOWS, h=plan.horizon)}
    made = pl.from_pandas(
        engine.forecast(df=frame, h=plan.horizon, **(wanted if with_range else {})).reset_index(drop=True)
    )
    low, high = (f"{AUTO_ETS}-{side}-80" if with_range else AUTO_ETS for side in ("lo", "hi"))
    return made.select(ID, pl.col(DATE).cast(pl.Date), yhat=AUTO_ETS, yhat_lo=low, yhat_hi=high)
