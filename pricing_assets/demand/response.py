"""Demand response: what units become at another price than the planned one.

Here: forecast × one elasticity ratio, and how sure that is, alone and when prices of a category move together. Not
here: forecasts, elasticities (elasticity/), what prices of others do (substitutes), which price is best.

The forecast is made at the planned price; it and the ratio are all that says anything about price. Units fall, or stay,
as the own price rises, whatever the inputs. Where the list price is known a move is split at it: promotions answer for
the part below, base prices for the part above, so that units do not jump where one elasticity gives way to the other.
"""

from __future__ import annotations

import sys

import polars as pl

from pricing_assets.demand.substitutes import NO_DIVERSION, Diversion, Plan, diverted, gained, moved, planned
from pricing_assets.errors import PricingError

PUBLISHED, PUBLISHED_SPREAD = -2.62, 2.21
"""Mean and standard deviation of published price elasticities (Bijmolt, van Heerde and Pieters 2005)."""
DEEPEST = 0.5
"""Share of the planned price below which a cut brings no more: no panel says what happens there."""
FLAT, FURTHEST = 1e-6, 20.0
"""Curvature below which an elasticity is constant; log move beyond which nothing is left to lose."""
_Z = 1.2815515655446004  # of the 10 % and 90 % quantiles, as forecasts have them
_KEY = ["sku", "market"]


def respond(
    forecasts: pl.DataFrame,
    elasticities: pl.DataFrame,
    candidates: pl.DataFrame,
    diversion: Diversion = NO_DIVERSION,
) -> pl.DataFrame:
    """Units at each candidate price while all others keep theirs, one row per row of `candidates`, in its order.

    `forecasts`: sku, market, units, planned_price, and optionally units_lo, units_hi (q10, q90), category,
    list_price (where it is known, and not null, a move is split at it and `kind` says nothing).
    `elasticities`: sku, market, kind, elasticity, std_error, and optionally spec_low, spec_high, and of base curvature
    (the power of the price with which it grows), cross, cross_error (what others' prices do; else `diversion` says it).
    `candidates`: sku, market, candidate (a price), and optionally kind: base (default) or promotion.

    Returns sku, market, candidate, kind, units, units_lo, units_hi (80 %, by the delta method), diverted (units the
    rest of the category gains by it, below 0 where it loses), elasticity, fallback_reason. With a list price kind,
    elasticity and its reason are of the candidate's side of it. An elasticity that is
    missing is the mean of its category, else of all, else of what is published. Without a forecast units are null.
    Raises PricingError for missing columns, prices or units that are none, two forecasts or elasticities of one SKU.
    """
    rows = _rows(forecasts, elasticities, candidates)
    return _respond(rows, planned(forecasts, elasticities, diversion)).select(_ANSWER)


def respond_together(
    forecasts: pl.DataFrame,
    elasticities: pl.DataFrame,
    prices: pl.DataFrame,
    diversion: Diversion = NO_DIVERSION,
) -> pl.DataFrame:
    """Units of each SKU when all of `prices` (sku, market, candidate; one row each) hold at once.

    As `respond`, with what the prices of the category's other SKUs do to it in `units`, `units_lo` and `units_hi`,
    never below 0. A SKU of `forecasts` without a price keeps its planned one and is in the answer.
    """
    if prices.select(pl.struct(_KEY).is_duplicated().any()).item():
        raise PricingError("prices: two of one SKU and market", "give one price each")
    every = forecasts.select(*_KEY, pl.col("planned_price").cast(pl.Float64).alias("candidate"))
    kind = [pl.col("kind")] if "kind" in prices.columns else []
    every = every.join(prices.select(*_KEY, "candidate", *kind), on=_KEY, how="left", maintain_order="left")
    every = every.with_columns(candidate=pl.coalesce(pl.col("candidate_right").cast(pl.Float64), "candidate"))
    if kind:
        every = every.with_columns(pl.col("kind").fill_null("base"))
    every = every.drop("candidate_right")
    rows, plan = _rows(forecasts, elasticities, every), planned(forecasts, elasticities, diversion)
    alone = _respond(rows, plan)
    return alone.hstack(gained(alone, plan)).with_columns(_together()).select(_ANSWER)


def _respond(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """The answer of `respond`, with the log `move` of each price that others mind, and the units `lost` by it."""
    answer = rows.with_columns(answered(rows, "units"), **_range(rows), move=moved())
    answer = answer.with_columns(lost=rows["units"] - answer["units"])
    return answer.with_columns(diverted(answer, plan))


def _together() -> list[pl.Expr]:
    """units and its range with what others' prices do; the doubt about that is one more of the range's."""
    made = [pl.col("units")]
    for name, sign in (("units_lo", -1.0), ("units_hi", 1.0)):
        away = (sign * (pl.col(name) / pl.col("units")).log()).fill_nan(0.0).clip(lower_bound=0.0)
        made.append(pl.col("units") * (sign * (away**2 + (_Z * pl.col("doubt")) ** 2).sqrt()).exp())
    names = ("units", "units_lo", "units_hi")
    return [
        (each * pl.col("times") + pl.col("more")).clip(lower_bound=0.0).alias(name)
        for name, each in zip(names, made, strict=True)
    ]


def answered(rows: pl.DataFrame, units: str) -> pl.Series:
    """Units at `candidate` instead of `planned_price`, by the columns `base`, `promotion` (elasticities), `curvature`.

    Prices are floats above 0. Without a list price (`listed` is null) the base elasticity answers for the whole move.
    """
    moved = _moved(rows)
    return moved.select(pl.lit(rows[units]) * _log_ratio().exp()).to_series().alias("units")


def _log_ratio() -> pl.Expr:
    """Log of the units' ratio; an elasticity that is not known is no matter where nothing moves on its side."""
    parts = [
        pl.when(pl.col(move) == 0).then(0.0).otherwise(pl.col(kind).clip(upper_bound=0.0) * pl.col(move))
        for kind, move in (("promotion", "below"), ("base", "above"))
    ]
    return parts[0] + parts[1]


def _moved(rows: pl.DataFrame) -> pl.DataFrame:
    """base, promotion, and the logs of the price ratio `below` and `above` the list price, the latter curved.

    Step by step: as one expression Polars would work out the same parts four times.
    """
    candidate, planned, listed = (pl.col(name) for name in ("candidate", "planned_price", "listed"))
    reached = pl.col("reached")
    prices = rows.select(
        "base", "promotion", "curvature", planned, listed, reached=_larger(candidate, DEEPEST * planned)
    )
    whole, above = (reached / planned).log(), (_larger(reached, listed) / _larger(planned, listed)).log()
    moves = prices.select("base", "promotion", "curvature", below=whole, above=above)
    moves = moves.with_columns(below=pl.col("below") - pl.col("above"))
    return moves.with_columns(above=_curved(pl.col("above"), pl.col("curvature"))).drop("curvature")


def _curved(move: pl.Expr, curvature: pl.Expr) -> pl.Expr:
    """The log move that a constant elasticity would have to make for the same answer (Box and Cox 1964)."""
    curved = (((move * curvature).exp() - 1) / curvature).clip(upper_bound=FURTHEST)
    return pl.when(curvature > FLAT).then(curved).otherwise(move)


def _larger(price: pl.Expr, other: pl.Expr) -> pl.Expr:
    """The larger of two, `price` where the other is null."""
    return pl.when(other > price).then(other).otherwise(price)


_FORECAST = [*_KEY, "units", "planned_price", "units_lo", "units_hi", "category", "list_price"]
_ANSWER = [*_KEY, "candidate", "kind", "units", "units_lo", "units_hi", "diverted", "elasticity", "fallback_reason"]


def _rows(forecasts: pl.DataFrame, elasticities: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """The checked candidates beside their forecast and elasticities, with the moves on both sides of the list price."""
    rows = _checked(forecasts, elasticities, candidates)
    plan = forecasts.select([name for name in forecasts.columns if name in _FORECAST])
    rows = rows.join(plan, on=_KEY, how="left", maintain_order="left")
    rows = _with_both(_sided(rows), elasticities)
    reached = _larger(pl.col("candidate"), DEEPEST * pl.col("planned_price")).alias("reached")
    return rows.hstack(_moved(rows).select("below", "above")).with_columns(reached)


def _sided(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `listed`, where their move is split, and the kind of the side on which the candidate is."""
    given = pl.col("list_price").cast(pl.Float64) if "list_price" in rows.columns else pl.lit(None, pl.Float64)
    rows = rows.with_columns(pl.col("planned_price").cast(pl.Float64), listed=given)
    side = pl.when(pl.col("candidate") < pl.col("listed")).then(pl.lit("promotion")).otherwise(pl.lit("base"))
    kind = pl.when(pl.col("listed").is_null()).then("kind").otherwise(side)
    # without a list price all of a promotion's move is below it, all of another's above
    everywhere = pl.when(pl.col("kind") == "promotion").then(pl.lit(sys.float_info.max))
    return rows.with_columns(kind=kind, listed=pl.coalesce("listed", everywhere))


def _with_both(rows: pl.DataFrame, elasticities: pl.DataFrame) -> pl.DataFrame:
    """The rows with the elasticities `base` and `promotion`, their errors, and that of their own kind."""
    for kind in ("base", "promotion"):
        found = _with_elasticity(rows.with_columns(kind=pl.lit(kind)), elasticities)
        names = {"elasticity": kind, "error": f"{kind}_error", "fallback_reason": f"{kind}_reason"}
        rows = rows.hstack(found.select(list(names)).rename(names))
    rows = _with_curvature(rows, elasticities)
    mine = pl.col("kind") == "promotion"
    return rows.with_columns(
        elasticity=pl.when(mine).then("promotion").otherwise("base"),
        fallback_reason=pl.when(mine).then("promotion_reason").otherwise("base_reason"),
    )


def _with_curvature(rows: pl.DataFrame, elasticities: pl.DataFrame) -> pl.DataFrame:
    """The rows with how their base elasticity grows with the price; null where nothing is known."""
    if "curvature" not in elasticities.columns:
        return rows.with_columns(curvature=pl.lit(None, pl.Float64))
    base = elasticities.filter(pl.col("kind").cast(pl.String) == "base")
    return rows.join(base.select(*_KEY, "curvature"), on=_KEY, how="left", maintain_order="left")


def _with_elasticity(rows: pl.DataFrame, elasticities: pl.DataFrame) -> pl.DataFrame:
    """Each row's elasticity, its error, and why it is another's."""
    known = elasticities.select(
        *_KEY,
        pl.col("kind").cast(pl.String),
        pl.col("elasticity").cast(pl.Float64).alias("own"),
        _error(elasticities).alias("own_error"),
    )
    reason = "fallback_reason" if "fallback_reason" in elasticities.columns else None
    known = known.with_columns(borrowed=elasticities[reason] if reason else pl.lit(None, pl.String))
    rows = rows.join(known, on=[*_KEY, "kind"], how="left", maintain_order="left")
    kinds = known.drop_nulls("own")
    if "category" in rows.columns:
        of = rows.select(*_KEY, "category").unique(maintain_order=True)
        means = _means(kinds.join(of, on=_KEY), ["category", "kind"], "category")
        rows = rows.join(means, on=["category", "kind"], how="left", maintain_order="left")
    else:
        rows = rows.with_columns(category_mean=pl.lit(None, pl.Float64), category_error=pl.lit(None, pl.Float64))
    rows = rows.join(_means(kinds, ["kind"], "all"), on="kind", how="left", maintain_order="left")
    missing = pl.col("own").is_null()
    return rows.with_columns(
        elasticity=pl.coalesce("own", "category_mean", "all_mean", pl.lit(PUBLISHED)).clip(upper_bound=0.0),
        error=pl.when(missing)
        .then(pl.coalesce("category_error", "all_error", pl.lit(PUBLISHED_SPREAD)))
        .otherwise(pl.col("own_error").fill_null(PUBLISHED_SPREAD)),
        fallback_reason=pl.when(~missing)
        .then("borrowed")
        .when(pl.col("category_mean").is_not_null())
        .then(pl.lit("no elasticity: the mean of its category"))
        .when(pl.col("all_mean").is_not_null())
        .then(pl.lit("no elasticity: the mean of all"))
        .otherwise(pl.lit("no elasticity: what is published")),
    )


def _error(elasticities: pl.DataFrame) -> pl.Expr:
    """Standard error, with the range over specifications as one more source of doubt, evenly spread over it."""
    error = pl.col("std_error").cast(pl.Float64)
    if not {"spec_low", "spec_high"} <= set(elasticities.columns):
        return error
    return (error**2 + (pl.col("spec_high") - pl.col("spec_low")) ** 2 / 12).sqrt()


def _means(known: pl.DataFrame, keys: list[str], name: str) -> pl.DataFrame:
    """Mean of others' elasticities, and how far one more may be from it."""
    spread = (pl.col("own").var().fill_null(0.0) + (pl.col("own_error") ** 2).mean()).sqrt()
    means = known.sort(_KEY).group_by(keys, maintain_order=True)
    return means.agg(pl.col("own").mean().alias(f"{name}_mean"), spread.alias(f"{name}_error"))


def _range(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """The 80 % range: the forecast's own, widened by the doubt about either elasticity; all in logs, independent."""
    ratio = _log_ratio().exp()
    doubt = (_Z * pl.col("promotion_error") * pl.col("below")) ** 2 + (_Z * pl.col("base_error") * pl.col("above")) ** 2
    made = {}
    for name, sign in (("units_lo", -1.0), ("units_hi", 1.0)):
        away = sign * (pl.col(name) / pl.col("units")).log() if name in rows.columns else pl.lit(0.0)
        away = pl.max_horizontal(away.fill_nan(0.0), pl.lit(0.0))
        made[name] = pl.col("units") * ratio * (sign * (away**2 + doubt).sqrt()).exp()
    return made


def _checked(forecasts: pl.DataFrame, elasticities: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """The candidates, typed, with their kind."""
    wanted = {
        "forecasts": (forecasts, [*_KEY, "units", "planned_price"]),
        "elasticities": (elasticities, [*_KEY, "kind", "elasticity", "std_error"]),
        "candidates": (candidates, [*_KEY, "candidate"]),
    }
    for name, (frame, columns) in wanted.items():
        if missing := [column for column in columns if column not in frame.columns]:
            raise PricingError(f"{name}: no column {missing[0]}", f"give {', '.join(columns)}")
    for name, frame, keys in (("forecasts", forecasts, _KEY), ("elasticities", elasticities, [*_KEY, "kind"])):
        twice = frame.filter(pl.struct(keys).is_duplicated())
        if twice.height:
            raise PricingError(f"{name}: two rows of {twice['sku'][0]} in {twice['market'][0]}", "give one each")
    _require_positive(forecasts, "forecasts", "planned_price")
    _require_positive(candidates, "candidates", "candidate")
    wrong = forecasts.filter(~(pl.col("units") >= 0) | ~pl.col("units").cast(pl.Float64).is_finite())
    if wrong.height:
        raise PricingError(f"forecasts: units of {wrong['sku'][0]} are {wrong['units'][0]}", "give 0 or more")
    kind = pl.col("kind").cast(pl.String) if "kind" in candidates.columns else pl.lit("base")
    return candidates.select(*_KEY, pl.col("candidate").cast(pl.Float64), kind.alias("kind"))


def _require_positive(frame: pl.DataFrame, name: str, column: str) -> None:
    price = pl.col(column).cast(pl.Float64)
    wrong = frame.filter((price.is_not_null() & price.is_finite() & (price > 0)).not_())
    if wrong.height:
        row = wrong.row(0, named=True)
        what = f"{name}: {column} of {row['sku']} in {row['market']} is {row[column]}"
        raise PricingError(what, "give a price above 0")
