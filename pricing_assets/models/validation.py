"""Measuring a challenger against the champion: the same series, days and cutoffs, overall and per segment.

Here: pure figures over scored forecasts. Not here: making the forecasts (demand/), the verdict (promotion.py).
"""

from __future__ import annotations

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.models.report import EVERYTHING, Accuracy, Compared, Contestant, ValidationReport

SCORED = ("unique_id", "ds", "cutoff", "model", "yhat", "yhat_lo", "yhat_hi", "y", "segment")
"""The columns of scored forecasts; yhat_lo and yhat_hi are q10 and q90."""
_KEY = ["unique_id", "ds", "cutoff"]
_NUMBERS = ("yhat", "yhat_lo", "yhat_hi", "y")
_MISSED = 2 / 0.2  # what a unit outside an 80 % interval costs in the interval score
_DIGITS = 9
_RISE = 1.01


def validation_report(
    model: str, scored: pl.DataFrame, challenger: Contestant, champion: Contestant
) -> ValidationReport:
    """Compares two contestants by their scored forecasts (SCORED; `model` holds the contestants' names).

    Rows whose y is null, not observed, count for neither. Raises PricingError for missing columns, a contestant without
    rows, values that are no numbers, doubled rows, and where the two were not scored on the same rows.
    """
    _refuse_unreadable(scored)
    if challenger.name == champion.name:
        raise PricingError(f"validation: {champion.name} is compared with itself", "name two contestants")
    sides = {side.name: _side(scored, side.name) for side in (challenger, champion)}
    ours, theirs = sides[challenger.name], sides[champion.name]
    _refuse_other_folds(ours, theirs, challenger.name, champion.name)
    both = ours.join(theirs.drop("y", "segment"), on=_KEY, suffix="_champion").sort(_KEY)
    parts = both.with_columns(pl.col("segment").fill_null("none")).partition_by("segment", as_dict=True)
    segments = sorted((str(key[0]), part) for key, part in parts.items())
    return ValidationReport(
        model=model,
        challenger=challenger,
        champion=champion,
        cutoffs=tuple(str(cutoff) for cutoff in both["cutoff"].unique().sort()),
        overall=_compared(EVERYTHING, both),
        segments=tuple(_compared(name, part) for name, part in segments),
    )


def rising(sums: pl.DataFrame) -> tuple[int, int]:
    """Of how many series more is forecast at higher prices (mean_dearer) than at those planned (mean), of how many.

    A rise of less than one per cent is noise, and nothing can be said of a series that does not sell.
    """
    known = sums.filter(pl.col("mean") > 0)
    return known.filter(pl.col("mean_dearer") > _RISE * pl.col("mean")).height, known.height


def _refuse_unreadable(scored: pl.DataFrame) -> None:
    if missing := [name for name in SCORED if name not in scored.columns]:
        raise PricingError(f"scored forecasts: column {missing[0]} is missing", f"give {', '.join(SCORED)}")
    for name in _NUMBERS:
        odd = scored.filter(~pl.col(name).cast(pl.Float64).is_finite() | (pl.col(name).is_null() & (name != "y")))
        if odd.height:
            row = odd.row(0, named=True)
            raise PricingError(
                f"scored forecasts: {name} of {row['unique_id']} on {row['ds']}, {row['model']}, is {row[name]}",
                "give a number for each forecast; y alone may be null, where nothing was observed",
            )


def _side(scored: pl.DataFrame, name: str) -> pl.DataFrame:
    found = scored.filter((pl.col("model") == name) & pl.col("y").is_not_null()).select(
        *_KEY, "segment", *(pl.col(number).cast(pl.Float64) for number in _NUMBERS)
    )
    if not found.height:
        raise PricingError(f"scored forecasts: none of {name}", "score both on the same folds")
    doubled = found.filter(pl.struct(_KEY).is_duplicated())
    if doubled.height:
        row = doubled.row(0, named=True)
        raise PricingError(
            f"scored forecasts: {name} has {row['unique_id']} on {row['ds']} from {row['cutoff']} twice",
            "score it once",
        )
    return found


def _refuse_other_folds(ours: pl.DataFrame, theirs: pl.DataFrame, challenger: str, champion: str) -> None:
    """Refuses a comparison of what is not the same."""
    keyed = [*_KEY, "y"]
    for here, there, name, other in ((ours, theirs, challenger, champion), (theirs, ours, champion, challenger)):
        alone = here.join(there, on=keyed, how="anti")
        if alone.height:
            row = alone.sort(_KEY).row(0, named=True)
            raise PricingError(
                f"scored forecasts: {counted(alone.height, 'row')} of {name} that {other} does not have, first"
                f" {row['unique_id']} on {row['ds']} from {row['cutoff']}",
                "score both on the same folds",
            )


def _compared(segment: str, both: pl.DataFrame) -> Compared:
    return Compared(segment, both.height, _accuracy(both, ""), _accuracy(both, "_champion"))


def _accuracy(rows: pl.DataFrame, side: str) -> Accuracy:
    y, mean, low, high = (pl.col(name) for name in ("y", f"yhat{side}", f"yhat_lo{side}", f"yhat_hi{side}"))
    outside = pl.max_horizontal(low - y, y - high, pl.lit(0.0))
    found = rows.select(
        size=y.abs().sum(),
        error=(mean - y).abs().sum(),
        over=(mean - y).sum(),
        inside=((y >= low) & (y <= high)).sum(),
        score=(high - low + _MISSED * outside).sum(),
    ).row(0, named=True)
    size = found["size"]

    def share(part: float) -> float | None:
        return round(part / size, _DIGITS) if size else None

    return Accuracy(
        wape=share(found["error"]),
        bias=share(found["over"]),
        coverage=round(found["inside"] / rows.height, _DIGITS),
        interval_score=share(found["score"]),
    )
