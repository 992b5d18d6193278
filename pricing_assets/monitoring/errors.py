"""Forecast errors by segment and day: what they say about demand and nothing else.

Here: which forecasts are judged, what a sold-out day says, and a segment's sums. Not here: whether they drift.

- A forecast is of demand at a price. Where another price was asked, the day says nothing about the forecast and is left
  out: our own price changes are not drift.
- A sold-out day says only that demand was at least what was sold. It counts as what the forecast itself expects of such
  a day (Buckley & James, 1979): no error where little was sold, a small one where more than forecast was. Leaving such
  days out would make demand look weak, as it is high demand that sells out.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.monitoring.plan import Incumbent, Plan

COLUMNS = {
    "date": pl.Date,
    "sku": pl.String,
    "market": pl.String,
    "segment": pl.String,
    "origin": pl.Date,
    "mean": pl.Float64,
    "q10": pl.Float64,
    "q90": pl.Float64,
    "y": pl.Float64,
    "censored": pl.Boolean,
    "conditioning_price": pl.Float64,
    "actual_price": pl.Float64,
}
"""Forecasts beside realised sales, a row per SKU, market, target date and origin. Demand in units; null = not known."""

DECILES = 2.5631  # standard deviations between the deciles of a normal distribution
_KEY = ["date", "sku", "market"]


def checked(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The columns of COLUMNS in their types, what is not finite as null.

    Raises PricingError for a column that is missing or of another kind, and for a forecast that is there twice.
    """
    missing = [name for name in COLUMNS if name not in forecasts.columns]
    if missing:
        raise PricingError(f"forecasts: no column {', '.join(missing)}", f"expected {', '.join(COLUMNS)}")
    try:
        rows = forecasts.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    except pl.exceptions.PolarsError as error:
        what = str(error).splitlines()[0]
        kinds = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        raise PricingError(f"forecasts: {what}", f"expected {kinds}") from error
    keys = (*_KEY, "segment", "origin")
    if nulls := [name for name in keys if rows[name].null_count()]:
        raise PricingError(f"forecasts: {', '.join(nulls)} is null in a row", f"give every row its {', '.join(keys)}")
    twice = rows.filter(pl.struct(*_KEY, "origin").is_duplicated()).sort(*_KEY, "origin")
    if twice.height:
        where = ", ".join(f"{name} {twice[name][0]}" for name in (*_KEY, "origin"))
        raise PricingError(f"forecasts: {where} is there more than once", "give each forecast once")
    return rows.with_columns(pl.col(pl.Float64).replace([np.inf, -np.inf, np.nan], None))


def segment_errors(forecasts: pl.DataFrame, day: date, champion: Incumbent, plan: Plan) -> pl.DataFrame:
    """Per segment and day from the first of the reference to `day`, every day of it:

    `bias` (Σ demand − Σ forecast) ÷ Σ forecast, `scaled_error` Σ |error| ÷ Σ standard deviation forecast (sold-out days
    left out), both null where nothing can be judged; `judged`, `sold_out`, `other_price`, `unknown` count SKU-markets.
    """
    first = champion.reference_from
    rows = judged_forecasts(checked(forecasts), plan).filter(pl.col("date").is_between(first, day))
    rows = rows.with_columns(demand=_demand(rows))
    counts = rows.with_columns(counts=pl.col("state").is_in(["judged", "sold_out"]), open=pl.col("state") == "judged")
    error, deviation = (pl.col("y") - pl.col("mean")).abs(), _deviation()
    sums = (
        counts.sort("segment", *_KEY)
        .group_by("segment", "date", maintain_order=True)
        .agg(
            demand=pl.col("demand").filter("counts").sum(),
            forecast=pl.col("mean").filter("counts").sum(),
            errors=error.filter(pl.col("open") & deviation.is_not_null()).sum(),
            deviations=deviation.filter("open").sum(),
            judged=pl.col("counts").sum().cast(pl.Int64),
            **{name: (pl.col("state") == name).sum().cast(pl.Int64) for name in ("sold_out", "other_price", "unknown")},
        )
    )
    positive = {name: pl.col(name) > 0 for name in ("forecast", "deviations")}
    sums = sums.with_columns(
        bias=pl.when(positive["forecast"]).then((pl.col("demand") - pl.col("forecast")) / pl.col("forecast")),
        scaled_error=pl.when(positive["deviations"]).then(pl.col("errors") / pl.col("deviations")),
    ).drop("demand", "forecast", "errors", "deviations")
    return _every_day(sums, first, day)


def judged_forecasts(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """One forecast per SKU, market and date, the newest made `least_lead` days before or earlier, with its `state`:

    judged, sold_out, other_price (asked another price than the forecast is of), or unknown (a number is missing).
    """
    newest = (
        rows.filter(pl.col("origin") <= pl.col("date") - pl.duration(days=plan.least_lead))
        .sort(*_KEY, "origin")
        .unique(_KEY, keep="last", maintain_order=True)
    )
    asked, forecast = pl.col("actual_price"), pl.col("conditioning_price")
    moved = (asked - forecast).abs() > plan.price_tolerance * forecast
    unknown = pl.any_horizontal(pl.col("y", "mean", "conditioning_price", "actual_price").is_null()) | (
        pl.col("mean") <= 0
    )
    state = (
        pl.when(unknown)
        .then(pl.lit("unknown"))
        .when(moved)
        .then(pl.lit("other_price"))
        .when(pl.col("censored").fill_null(False))
        .then(pl.lit("sold_out"))
        .otherwise(pl.lit("judged"))
    )
    return newest.with_columns(state=state)


def _deviation() -> pl.Expr:
    """The standard deviation a likely range says; null where it says none."""
    spread = (pl.col("q90") - pl.col("q10")) / pl.lit(DECILES)
    return pl.when(spread > 0).then(spread)


def _demand(rows: pl.DataFrame) -> pl.Series:
    """Units demanded: sold, or of a sold-out day the mean of the forecast's normal distribution above what was sold."""
    from scipy.special import log_ndtr  # type: ignore[import-untyped]

    told = rows.select("y", "mean", deviation=_deviation())
    sold, mean, deviation = (told[name].to_numpy() for name in ("y", "mean", "deviation"))
    with np.errstate(invalid="ignore"):
        away = (sold - mean) / deviation
        above = mean + deviation * np.exp(-0.5 * away**2 - log_ndtr(-away)) / np.sqrt(2 * np.pi)
    least = np.where(np.isnan(above), np.fmax(sold, mean), np.fmax(sold, above))
    return pl.Series(np.where((rows["state"] == "sold_out").to_numpy(), least, sold), nan_to_null=True)


def _every_day(sums: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """With a row for each day of each segment."""
    days = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})
    calendar = sums.select(pl.col("segment").unique().sort()).join(days, how="cross")
    filled = calendar.join(sums, on=["segment", "date"], how="left", maintain_order="left")
    return filled.with_columns(pl.col("judged", "sold_out", "other_price", "unknown").fill_null(0))
