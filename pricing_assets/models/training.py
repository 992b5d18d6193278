"""How a demand model is trained and scored for a retraining: the same folds for challenger, champion and simple method.

Here: training with forecasts of past origins kept beside the model, validation on those origins. Not here: how a model
learns (demand/), what is made of the report (promotion.py), in which order (retraining.py).

A fold is an origin in the past and what was known then. The challenger's training is done again on some of them, and
asked on those that follow, so that it is judged on days it has not seen, as a model that serves for some weeks. The
champion is asked as it is, on origins after its own training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.demand import DemandModel, fit, load
from pricing_assets.demand.forecasts import CANNOT, Served, forecast_panels
from pricing_assets.demand.panels import HORIZONS, PRICE, Panels
from pricing_assets.demand.plan import STEP_DAYS, Frequency
from pricing_assets.demand.simple import LEAST_SEEN
from pricing_assets.errors import PricingError
from pricing_assets.models import pictures
from pricing_assets.models.inputs import Data
from pricing_assets.models.records import Fetched, Signature, TrainingRecord
from pricing_assets.models.report import Contestant, Identity
from pricing_assets.models.retraining import Validation
from pricing_assets.models.validation import rising, validation_report

FOLDS = "folds/forecasts.parquet"
"""Below a model's folder: its forecasts of past origins, beside what was sold."""
SIMPLE = "simple method"
_KEY = ["unique_id", "ds"]
_FOLD = [*_KEY, "cutoff"]
_WHOLE = {"D": 6, "W": 3}
_RECENT = {"D": (21, 14, 7), "W": (6, 4, 2)}
_TRAINED_AT_FIRST = {"D": (84,), "W": (8,)}
_TRAINED_LATER = {"D": (84, 28, 14), "W": (8,)}
"""Steps back of the origins the training is done again on; the first fold is one too. A challenger of days is judged on
those since its champion was trained: what it has learnt of a market that moved a few weeks ago shows there alone, and
no fold of them may be forecast by a training much older than the champion's."""
_SHARING = 50
_TIMES = 3
_DEARER = 1.1
_TYPES = {pl.String: "string", pl.Float64: "double"}


def train(data: Data, folder: Path, code_version: str, *, first: bool = False) -> TrainingRecord:
    """A model trained on the panel of `data.day`, saved into a folder with its folds. The `first` has no champion.

    Raises PricingError where the history is too short for one fold.
    """
    panels = data.panels(data.day)
    cuts = origins(panels)
    steps = (_TRAINED_AT_FIRST if first else _TRAINED_LATER)[panels.plan.frequency]
    folds = _beside_sales(_forecasts(data, cuts, _trained_again(data, cuts, steps), must=True), panels)
    model = fit(panels.history, panels.plan, seasons=data.seasons(data.day))
    saved = folder / "model"
    model.save(saved)
    (saved / FOLDS).parent.mkdir()
    folds.write_parquet(saved / FOLDS, statistics=False)
    plot = folder / "folds.png"
    plot.write_bytes(pictures.of_folds(folds))
    return TrainingRecord(
        folder=saved,
        signature=_signature(panels),
        inputs=data.inputs,
        metrics=_figures(folds),
        rows=panels.history["y"].count(),
        code_version=code_version,
        parameters=_parameters(model, cuts),
        plots=(plot,),
    )


def validate(data: Data, challenger: Fetched, champion: Fetched | None) -> Validation:
    """Both on the challenger's folds, or those of them that begin after the champion was trained.

    `data.day` is the day the challenger was trained until. Without a champion, and for one whose files this version
    cannot read, the simple method is compared with: it is what serves then. Raises PricingError where the champion is
    too young for a fold, and where the challenger cannot be asked: its fallback is not what is judged.
    """
    panels, model = data.panels(data.day), load(challenger.folder)
    serving, note = _serving(champion)
    ours = folds_of(challenger.folder)
    if serving.model:
        ours = _since(ours, serving.model.trained_until, data.day)
    cuts = sorted(ours["cutoff"].unique().to_list())
    theirs = _beside_sales(_forecasts(data, cuts, lambda each: serving), panels)
    names = challenger.version.label, champion.version.label + note if champion else SIMPLE
    both = ours.select(_FOLD).join(theirs.select(_FOLD), on=_FOLD, how="semi")
    scored = [
        _scored(side.join(both, on=_FOLD, how="semi"), name) for side, name in zip((ours, theirs), names, strict=True)
    ]
    sides = (
        _contestant(names[0], challenger, panels, Served(model), must=True),
        _contestant(names[1], champion, panels, serving),
    )
    report = validation_report(challenger.version.model, pl.concat(scored), *sides)
    plot = challenger.folder.parent / "validation.png"
    plot.write_bytes(pictures.of_report(report))
    return Validation(report, (plot,))


def trained_until(fetched: Fetched) -> date:
    """The last day a model was trained on. Raises PricingError where its files cannot be read."""
    return load(fetched.folder).trained_until


def folds_of(folder: Path) -> pl.DataFrame:
    """The folds in a model's folder: unique_id, ds, cutoff, mean, q10, q90 of each past origin, conditioning_price it
    was forecast at, y (null: not observed), censored, actual_price, segment.

    Raises PricingError where they cannot be read.
    """
    try:
        return pl.read_parquet(folder / FOLDS)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PricingError(f"{folder}: its folds cannot be read: {error}", "train the model again") from error


def origins(panels: Panels) -> list[date]:
    """The days folds begin after: whole horizons one after the other, and some so late that their horizon is not over,
    which tell what has been learnt of the last weeks.

    Raises PricingError where the history is too short for one.
    """
    plan, day = panels.plan, panels.day
    first = panels.history["ds"].min()
    if not isinstance(first, date):
        raise PricingError(f"{day}: nothing is on sale, so there is nothing to train on", "run days with listings")
    needed = LEAST_SEEN[plan.frequency] + plan.horizon
    back = [plan.horizon * number for number in range(_WHOLE[plan.frequency], 0, -1)] + [*_RECENT[plan.frequency]]
    found = [day - timedelta(days=plan.step * steps) for steps in back]
    found = [cut for cut in found if (cut - first).days // plan.step + 1 >= needed]
    if day - timedelta(days=plan.step * plan.horizon) not in found:
        unit = "day" if plan.frequency == "D" else "week"
        seen = (day - first).days // plan.step + 1
        raise PricingError(
            f"{counted(seen, unit)} of history up to {day}: a model needs {needed + plan.horizon} to be judged",
            f"wait, or run earlier days, so that the lake has {needed + plan.horizon} {unit}s of sales",
        )
    return sorted(found)


def least_history(frequency: Frequency) -> int:
    """Days of history below which no model can be trained and judged."""
    return STEP_DAYS[frequency] * (LEAST_SEEN[frequency] + 2 * HORIZONS[frequency])


def _trained_again(data: Data, cuts: Sequence[date], steps_back: Sequence[int]) -> Callable[[Panels], Served]:
    """What serves an origin: a model trained on the last of the origins for that up to it."""
    plan = data.panels(data.day).plan
    again = [data.day - timedelta(days=plan.step * steps) for steps in steps_back]
    trained = cache(lambda cut: fit((panels := data.panels(cut)).history, panels.plan, seasons=data.seasons(cut)))
    starts = sorted({cuts[0], *(cut for cut in again if cut in cuts)})
    return lambda panels: Served(trained(max(start for start in starts if start <= panels.day)))


def _serving(champion: Fetched | None) -> tuple[Served, str]:
    """The champion as it serves, and what to say beside its name."""
    if champion is None:
        return Served(None), ""
    try:
        return Served(load(champion.folder)), ""
    except PricingError:
        return Served(None), f" (unreadable: the {SIMPLE})"


def _since(folds: pl.DataFrame, trained_until: date, day: date) -> pl.DataFrame:
    found = folds.filter(pl.col("cutoff") >= trained_until)
    if found.is_empty():
        raise PricingError(
            f"the champion was trained until {trained_until}, and the challenger until {day}: too little has happened"
            " since to compare them",
            "the champion stays; if it still drifts, an event says so in the weeks to come",
        )
    return found


def _forecasts(
    data: Data, cuts: Sequence[date], served: Callable[[Panels], Served], *, must: bool = False
) -> pl.DataFrame:
    """Forecasts of each origin, from what was known then: the same code that forecasts every day.

    Where what serves `must` answer, a fault raises PricingError instead of falling back.
    """
    made = []
    for cut in cuts:
        panels = data.panels(cut)
        if panels.keys.height:
            rows = forecast_panels(panels, served(panels))
            if must:
                _require_answers(rows, f"the training on {cut}")
            rows = rows.select(*_KEY, "mean", "q10", "q90")
            made.append(_priced(rows, panels).with_columns(cutoff=pl.lit(cut)))
    return pl.concat(made)


def _require_answers(made: pl.DataFrame, who: str) -> None:
    """Refuses a challenger that falls back to a rate where it is asked: what serves a day must not pass for learnt."""
    failed = made.filter(pl.col("fallback_reason").str.starts_with(CANNOT))
    if failed.height:
        raise PricingError(f"{who}: {failed['fallback_reason'][0]}", "the champion stays; train again")


def _priced(rows: pl.DataFrame, panels: Panels) -> pl.DataFrame:
    price = pl.col(PRICE) if PRICE in panels.plan.known else pl.lit(None, pl.Float64)
    prices = panels.future.select(*_KEY, conditioning_price=price)
    return rows.join(prices, on=_KEY, how="left", maintain_order="left")


def _beside_sales(forecasts: pl.DataFrame, panels: Panels) -> pl.DataFrame:
    """The forecasts of dates that are over, with what is known of them now."""
    price = pl.col(PRICE) if PRICE in panels.plan.known else pl.lit(None, pl.Float64)
    segment = pl.concat_str("category", "market", separator=" · ").alias("segment")
    known = panels.history.select(*_KEY, "y", "censored", segment, actual_price=price)
    return forecasts.join(known, on=_KEY, how="inner").sort("cutoff", *_KEY)


def _scored(folds: pl.DataFrame, name: str) -> pl.DataFrame:
    """As validation_report has them. A sold-out date says too little to be scored by."""
    return folds.select(
        *_KEY,
        "cutoff",
        pl.lit(name).alias("model"),
        yhat="mean",
        yhat_lo="q10",
        yhat_hi="q90",
        y=pl.when(~pl.col("censored")).then("y"),
        segment="segment",
    )


def _figures(folds: pl.DataFrame) -> dict[str, float]:
    """How the folds were forecast, all together; nothing where nothing was sold."""
    rows = folds.filter(pl.col("y").is_not_null() & ~pl.col("censored"))
    size = float(rows["y"].sum())
    if not size:
        return {}
    inside = pl.col("y").is_between(pl.col("q10"), pl.col("q90"))
    error = (pl.col("mean") - pl.col("y")).sort_by("cutoff", *_KEY)
    found = rows.select(wape=error.abs().sum() / size, bias=error.sum() / size, coverage=inside.mean())
    return {f"folds_{name}": float(value) for name, value in found.row(0, named=True).items()}


def _parameters(model: DemandModel, cuts: Sequence[date]) -> dict[str, str | int | float]:
    plan = model.plan
    return {
        "frequency": plan.frequency,
        "horizon": plan.horizon,
        "known": ", ".join(plan.known),
        "static": ", ".join(plan.static),
        "seed": plan.seed,
        "trained_until": model.trained_until.isoformat(),
        "folds": ", ".join(map(str, cuts)),
    }


def _signature(panels: Panels) -> Signature:
    columns = {name: dtype for name, dtype in panels.history.schema.items() if name != "y"}
    kinds: dict[Any, str] = {**_TYPES, pl.Date: "datetime", pl.Boolean: "boolean"}
    figures = ("mean", "q10", "q90", "sum_mean", "sum_q10", "sum_q90")
    outputs = {"unique_id": "string", "ds": "datetime", **dict.fromkeys(figures, "double")}
    return Signature({name: kinds[type(dtype)] for name, dtype in columns.items()}, outputs)


def _contestant(
    name: str, fetched: Fetched | None, panels: Panels, served: Served, *, must: bool = False
) -> Contestant:
    """What is measured of one side beside its errors; a side that `must` answer is refused where it falls back."""
    made, latency = _timed(panels, served)
    if must:
        _require_answers(made, name)
    violations, checked = _rising(made, panels, served)
    identity, rows = (_identity(fetched), fetched.version.rows) if fetched else (None, None)
    return Contestant(name, identity, rows, latency, violations, checked)


def _timed(panels: Panels, served: Served) -> tuple[pl.DataFrame, float]:
    """The forecasts of a day, and the CPU milliseconds each series took.

    The first forecast of a process loads libraries and is not timed; the least of `_TIMES` counts, as whatever else the
    process does only adds to it. What a forecast costs however few series there are is shared by `_SHARING` at least.
    """
    made, took = forecast_panels(panels, served), []
    for _ in range(_TIMES):
        began = time.process_time()
        forecast_panels(panels, served)
        took.append(time.process_time() - began)
    return made, 1000 * min(took) / max(panels.keys.height, _SHARING)


def _rising(made: pl.DataFrame, panels: Panels, served: Served) -> tuple[int, int]:
    """Of how many series more is forecast over the horizon where every price to come is dearer, of how many.

    What the model itself has learnt of prices; none are checked without posted prices, or where no model serves.
    """
    if PRICE not in panels.plan.known:
        return 0, 0
    dearer = replace(panels, future=panels.future.with_columns(pl.col(PRICE) * _DEARER))
    sums = [
        each.filter("by_model").sort(*_KEY).group_by("unique_id", maintain_order=True).agg(pl.col("mean").sum())
        for each in (made, forecast_panels(dearer, served))
    ]
    return rising(sums[0].join(sums[1], on="unique_id", suffix="_dearer"))


def _identity(fetched: Fetched) -> Identity:
    return Identity(fetched.version.version, fetched.version.artifact_hash)
