"""The isolation forest: how odd a SKU's day is beside those of its market, whatever the reason.

Here: what it looks at, training on the past, scores of flagged rows. Not here: where the past comes from (inputs). It
flags nothing by itself: a score tells people which of two alarms is odder.

A forest is a pure function of the rows it is given, what it looks at in them, its parameters and the library's version:
it is trained again where it is needed, and its hash says by what.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

PAST_DAYS = 56
EVERY = 4  # a day in so many is read: all weekdays come in, at a quarter of the reading
LEAST_DAYS = 4
"""Days read below which nothing is trained: two weeks of past."""
LEAST_ROWS, MOST_ROWS = 200, 4_096
"""Rows of a market: below the least nothing is trained; of more than the most, evenly spaced ones count."""

PARAMETERS: dict[str, int] = {"n_estimators": 100, "max_samples": 256, "random_state": 3}
DIGITS = 6
COLUMNS = (
    *("date", "sku", "market", "current_price", "usual_price", "margin_pct", "usual_margin_pct"),
    *("competitor_delta_pct", "usual_competitor_delta_pct", "price_change_1d_pct", "price_change_28d_pct"),
    *("promotion_depth_pct", "units_trend_pct", "days_of_cover"),
)
"""The columns of features.feature_snapshots that the forest reads."""
MATRIX_VERSION = 1
"""Of what `_matrix` makes of them. It goes up with every change there, so that a hash never names two forests."""


class Past(NamedTuple):
    """What one week's forests are trained on: some days of the past, and the content hash of each day's snapshot."""

    rows: pl.DataFrame
    hashes: dict[date, str]


def past_days(start: date, known: Sequence[date]) -> list[date]:
    """The days of those known that the forests of the week from `start` are trained on."""
    wanted = {start - timedelta(days=back) for back in range(1, PAST_DAYS + 1, EVERY)}
    return sorted(wanted & set(known))


def scores(rows: pl.DataFrame, past: Past) -> pl.DataFrame:
    """`rows` (COLUMNS, of one week, any markets) as date, sku, market, ml_score and model_hash.

    A market with too little past is left out.
    """
    scored = [_scored(part, market, past) for (market,), part in rows.group_by("market", maintain_order=True)]
    schema = {"date": pl.Date, "sku": pl.String, "market": pl.String, "ml_score": pl.Float64, "model_hash": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *(part for part in scored if part is not None)])


def _scored(rows: pl.DataFrame, market: object, past: Past) -> pl.DataFrame | None:
    seen = past.rows.filter(pl.col("market") == market)
    if len(past.hashes) < LEAST_DAYS or seen.height < LEAST_ROWS:
        return None
    from sklearn import __version__ as version  # type: ignore[import-untyped]
    from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]

    seen = seen.gather_every(-(-seen.height // MOST_ROWS))
    forest = IsolationForest(**PARAMETERS, n_jobs=1).fit(_matrix(seen).to_numpy())
    score = -forest.score_samples(_matrix(rows).to_numpy())
    return rows.select("date", "sku", "market").with_columns(
        ml_score=pl.Series(score).round(DIGITS), model_hash=pl.lit(_hash(str(market), past, version))
    )


def _hash(market: str, past: Past, version: str) -> str:
    """Identity of a market's forest."""
    from pricing_assets.lake.hashing import combine

    days = [text for day, digest in sorted(past.hashes.items()) for text in (day.isoformat(), digest)]
    parameters = [f"{name}={value}" for name, value in sorted(PARAMETERS.items())]
    looked_at = [f"matrix {MATRIX_VERSION}", *COLUMNS]
    return combine("isolation forest", version, *looked_at, *parameters, str(MOST_ROWS), market, *days)


def _matrix(rows: pl.DataFrame) -> pl.DataFrame:
    """What the forest looks at, without units of money; 0 where it is not known, and bounded."""

    def number(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Float64)

    looked_at = {
        "price": 100 * (number("current_price") - number("usual_price")) / number("usual_price"),
        "margin": pl.col("margin_pct") - pl.col("usual_margin_pct"),
        "gap": pl.col("competitor_delta_pct") - pl.col("usual_competitor_delta_pct"),
        **{name: number(name) for name in COLUMNS[-5:]},
    }
    return rows.select(value.fill_null(0.0).clip(-1000.0, 1000.0).alias(name) for name, value in looked_at.items())
