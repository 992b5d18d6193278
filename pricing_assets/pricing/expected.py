"""What a day expects to sell at its final prices: the forecast at the planned price × what demand answers.

Here: units at final prices, from what is known of demand. Not here: reading that (outlook), how forecasts and
elasticities are made (demand/, its stations), which price is final (decision).

Units are of the 28 days after the day. A move is split at the list price: above it the SKU's base elasticity answers,
below it that of promotions, so that units never rise with the price. A forecast rests on a planned price; where none
was assumed (a shop that has realised prices only) it is taken as made at the current one. Where a plan gives dates
other prices, each date answers from its own.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.demand.response import answered, respond
from pricing_assets.pricing.outlook import KEY, MADE_BY, Outlook
from pricing_assets.tables import money

NO_FORECAST = "no forecast for it"
_EXACT = 4  # decimals of units kept: what mathematical libraries of two machines differ in is far behind them
_DECISION = [*KEY, "category", "current_price", "list_price", "final_price", "cost", "method"]


def expected(decisions: pl.DataFrame, known: Outlook) -> pl.DataFrame:
    """expected_units, expected_profit, model_hashes and model_fallback of each decision, in the order of `decisions`.

    `decisions` have date, sku, market (in canonical order it is quickest), category, current_price, list_price,
    final_price, cost and method. Units are null without a forecast or a price, profit also without a cost.
    """
    current, final = (pl.col(name).cast(pl.Float64) for name in ("current_price", "final_price"))
    rows = _beside(decisions.select(_DECISION), known.forecasts).select(
        *KEY,
        "category",
        *MADE_BY,
        "fallback_reason",
        pl.col("sum_mean").alias("units"),
        pl.coalesce(pl.col("conditioning_price").cast(pl.Float64), current).alias("planned_price"),
        final.alias("candidate"),
        # a model moves the base price itself, and the list price with it
        listed=pl.when(pl.col("method") != "ml").then(pl.col("list_price").cast(pl.Float64)),
        margin=(pl.col("final_price") - pl.col("cost")).to_physical(),
    )
    why = pl.when(pl.col("units").is_null()).then(pl.lit(NO_FORECAST)).otherwise("fallback_reason")
    units = _units(rows, known).round(_EXACT)
    return rows.select(
        units.alias("expected_units"),
        _profit(units, rows["margin"]).alias("expected_profit"),
        _made_by(rows).alias("model_hashes"),
        why.alias("model_fallback"),
    )


def _profit(units: pl.Series, margin: pl.Series) -> pl.Series:
    """Units (to their last digit kept) × margin in ten-thousandths, as Decimal(18,4); exact, rounded down."""
    whole = (units * 10**_EXACT).round().cast(pl.Int128)
    profit = pl.Series((whole * margin.cast(pl.Int128)) // 10**_EXACT, dtype=pl.Int128).cast(pl.Int64)
    return pl.select(money.to_major(pl.lit(profit), pl.lit(10_000, dtype=pl.Int64))).to_series()


def _made_by(rows: pl.DataFrame) -> pl.Expr:
    """The model of each row, as name/version@hash. Nearly all rows share one, so its text is put together once."""
    found = rows.select(MADE_BY)
    changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in MADE_BY)
    text = pl.lit(None, dtype=pl.String)
    for model, version, artifact in found.filter(changes).drop_nulls().unique().sort(MADE_BY).iter_rows():
        mine = (pl.col("model_hash") == artifact) & (pl.col("model_version") == version) & (pl.col("model") == model)
        text = pl.when(mine).then(pl.lit(f"{model}/{version}@{artifact}")).otherwise(text)
    return text


def _units(rows: pl.DataFrame, known: Outlook) -> pl.Series:
    """Units at the candidate price: as demand.response says, without its care for what a lake already promises."""
    rows = _with_elasticity(rows, known)
    units = rows.select(KEY).with_columns(_answered(rows, "units").alias("answered"))
    if known.plans.is_empty():
        return units["answered"]
    dates = rows.drop("units", "planned_price").join(known.plans, on=KEY, how="inner", maintain_order="right")
    dates = dates.with_columns(planned_price=pl.col("conditioning_price").cast(pl.Float64))
    of_date = dates.select(KEY).with_columns(_answered(dates, "mean").alias("of_date"))
    along = of_date.group_by(KEY, maintain_order=True).agg(
        along=pl.when(pl.col("of_date").is_not_null().all()).then(pl.col("of_date").sum())
    )
    return _beside(units, along).select(pl.coalesce("along", "answered")).to_series()


def _answered(rows: pl.DataFrame, units: str) -> pl.Series:
    """The units at the candidate price instead of the planned one; null where either is not known."""
    is_priced = (pl.col("candidate") > 0) & (pl.col("planned_price") > 0)
    return rows.select(pl.when(is_priced).then(pl.lit(answered(rows, units)))).to_series()


def _with_elasticity(rows: pl.DataFrame, known: Outlook) -> pl.DataFrame:
    """The rows with the elasticities `base` (and its `curvature`) and `promotion`: their own, else of others."""
    rows = _beside(rows, _by_kind(known.elasticities))
    priced = (pl.col("candidate") > 0) & (pl.col("planned_price") > 0) & pl.col("units").is_not_null()
    lowest, highest = (each("candidate", "planned_price") for each in (pl.min_horizontal, pl.max_horizontal))
    above, below = (highest > pl.col("listed")).fill_null(True), (lowest < pl.col("listed")).fill_null(False)
    if not known.plans.is_empty():  # prices planned for single dates may be on the other side
        above = below = pl.lit(True)
    wants = (above & pl.col("base").is_null()) | (below & pl.col("promotion").is_null())
    lacks = (priced & wants).fill_null(False)
    if not rows.select(lacks.any()).item():
        return rows
    rows = rows.with_row_index("place")
    asked = rows.filter(priced).filter(lacks.any().over("date", "category"))
    borrowed = [_borrowed(part, known) for part in asked.partition_by("date", maintain_order=True)]
    rows = rows.join(pl.concat(borrowed), on="place", how="left", maintain_order="left")
    found = [pl.coalesce(kind, f"{kind}_of_others").alias(kind) for kind in ("base", "promotion")]
    return rows.with_columns(found).drop("place", "base_of_others", "promotion_of_others")


def _by_kind(elasticities: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market, base, curvature, promotion; of rows in canonical order the two kinds are neighbours."""
    base, promotion = elasticities.gather_every(2), elasticities.gather_every(2, 1)
    wanted = [pl.col("elasticity").alias("base"), pl.col("curvature")]
    paired = base.height == promotion.height and all((base[name] == promotion[name]).all() for name in reversed(KEY))
    if paired and (base["kind"] == "base").all():
        return base.select(*KEY, *wanted).with_columns(promotion=promotion["elasticity"])
    base, promotion = (elasticities.filter(pl.col("kind") == kind) for kind in ("base", "promotion"))
    beside = promotion.select(*KEY, promotion="elasticity")
    return base.select(*KEY, *wanted).join(beside, on=KEY, how="full", coalesce=True, maintain_order="left_right")


def _borrowed(rows: pl.DataFrame, known: Outlook) -> pl.DataFrame:
    """place, base_of_others, promotion_of_others: what demand.response finds for one day, whole categories of it."""
    of_day = known.elasticities.filter(date=rows["date"][0])
    plan = rows.drop("base", "promotion", "curvature", "listed")
    answers = {
        f"{kind}_of_others": respond(plan, of_day, rows.select("sku", "market", "candidate", kind=pl.lit(kind)))
        for kind in ("base", "promotion")
    }
    return rows.select("place", **{name: answer["elasticity"] for name, answer in answers.items()})


def _beside(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The columns of `others` beside the rows of the same date, SKU and market; null where there is none."""
    if rows.height == others.height and all((rows[name] == others[name]).all() for name in reversed(KEY)):
        return rows.hstack(others.drop(KEY))  # both in canonical order: as a rule every SKU on sale has its row
    return rows.join(others, on=KEY, how="left", validate="m:1", maintain_order="left")
