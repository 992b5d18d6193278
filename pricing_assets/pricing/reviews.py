"""Answers of people that a run obeys: an approved price is made the final one, a refused one is not proposed again.

Here: which answers count on a day, and what a row comes to by them. Not here: answering (governance/), which prices are
put to people (queue), prices approved after the run (approved).

An answer counts on the days after the one it was given for, until the last effective day it binds, and an approved
price until it was charged once. Floors are checked again: where the approved price lies below one, it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from pricing_assets.lake import Lake
from pricing_assets.pricing import law as laws
from pricing_assets.pricing.constraints import FLOORS, described, interval, needs_cost
from pricing_assets.pricing.law import NO_LAW, Law
from pricing_assets.strategies import Constraint
from pricing_assets.tables import money
from pricing_assets.tables.decisions import Autonomy, Reviews
from pricing_assets.tables.features import FeatureSnapshots

KEY = ["date", "sku", "market"]
MAP = Constraint("map", "required", Decimal(1), "map: required")
RECORDED = pl.col("review_id").str.extract(r"(\d+)$").cast(pl.Int64)
"""The order answers were recorded in, whatever the clock said: ids count."""
COST = Constraint("min_price", "cost_times", Decimal(1), "min_price: {cost_times: 1}")


def no_answers() -> pl.DataFrame:
    """Answers where nobody gave any: the columns of decisions.reviews but date."""
    return Reviews.create_empty().drop("date")


def nothing_tightened() -> pl.DataFrame:
    """Autonomy where nobody tightened it: the columns of decisions.autonomy but date."""
    return Autonomy.create_empty().drop("date")


def in_force(lake: Lake, known: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Rows of decisions.reviews: of the `known` (its columns but date) what counts on each day.

    An approved price that was charged since counts no longer; what it refuses beside does.
    """
    rows = pl.DataFrame({"date": days}, schema={"date": pl.Date}).join(known, how="cross")
    effective = pl.col("date").dt.offset_by("1d")
    rows = rows.filter((pl.col("date") > pl.col("decided_on")) & (effective <= pl.col("expires")))
    if rows.height:
        spent = rows.join(_charged(lake, rows), on=["date", "review_id"], how="semi").select("date", "review_id")
        rows = rows.join(spent.with_columns(spent=True), on=["date", "review_id"], how="left", maintain_order="left")
        rows = rows.with_columns(price=pl.when(pl.col("spent").is_null()).then("price"))
        rows = rows.filter(pl.col("price").is_not_null() | pl.col("refused_price").is_not_null())
    return Reviews.cast(rows.select(Reviews.column_names())).sort(Reviews.order())


def _charged(lake: Lake, rows: pl.DataFrame) -> pl.DataFrame:
    """date, review_id of the answers whose price was in force on some day after theirs, up to that date."""
    first, last = rows["decided_on"].min(), rows["date"].max()
    assert isinstance(first, date) and isinstance(last, date)
    known = lake.partitions(FeatureSnapshots)
    charged = lake.read_files(
        FeatureSnapshots,
        [file for day, file in known.items() if first < day <= last],
        [*KEY, "current_price"],
        where=pl.col("sku").is_in(rows["sku"].unique().to_list()),
    ).rename({"date": "charged_on"})
    paired = rows.join(charged, left_on=["sku", "market", "price"], right_on=["sku", "market", "current_price"])
    since = pl.col("charged_on").is_between("decided_on", "date", closed="right")
    return paired.filter(since).select("date", "review_id")


def tightened(known: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Rows of decisions.autonomy: what is `known` (its columns but date) counts on every day."""
    rows = pl.DataFrame({"date": days}, schema={"date": pl.Date}).join(known, how="cross")
    return Autonomy.cast(rows.select(Autonomy.column_names())).sort(Autonomy.order())


def terms(rows: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    """What identifies rows of one day, by their key."""
    return [
        {name: str(value) if isinstance(value, (date, datetime, Decimal)) else value for name, value in row.items()}
        for row in rows.drop("date").sort(key).to_dicts()
    ]


def about(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The positions, `row`, that some answer is about."""
    return frame.select("row", *KEY).join(rows.select(KEY).unique(), on=KEY, how="semi").select("row")


def obey(
    frame: pl.DataFrame, rows: pl.DataFrame, bounds: Sequence[Constraint] | None, law: Law = NO_LAW
) -> pl.DataFrame:
    """The frame with what answers make of `price` and `hold`; adds `reviewed`, the sentence, and `review_id`.

    `bounds` are the constraints of the strategy, None where none covers the rows. What holds a price before the
    strategies (a freeze, a severe anomaly, no price known) holds an approved one too. What a model expects of its
    price counts only where the approved one is the same.
    """
    frame = _with_bound(frame, rows)
    frame = frame.with_columns(broken(frame.with_columns(price="bound"), bounds, law).alias("broken"))
    stopped = [pl.col(name).is_not_null() for name in ("frozen", "alarmed")]
    approved = pl.col("bound").is_not_null() & ~pl.any_horizontal(*stopped, pl.col("current").is_null())
    refuted = pl.format("{}, but {}", "bound_by", "broken")
    frame = frame.with_columns(
        binds=approved & pl.col("broken").is_null(),
        held=pl.when(approved & pl.col("broken").is_not_null()).then(refuted),
    )
    frame = _with_refusal(frame, rows)
    refused = (
        pl.col("hold").is_null() & pl.col("held").is_null() & ~pl.col("binds") & pl.col("refused_by").is_not_null()
    )
    frame = frame.with_columns(
        held=pl.when(refused).then("refused_by").otherwise("held"),
        review_id=pl.when(refused).then("refusal").otherwise("review_id"),
    )
    return _as_answered(frame).drop("bound", "bound_by", "broken", "binds", "held", "refused_by", "refusal", "answer")


def _as_answered(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with the price that `binds`, or `held` with the sentence why."""
    binds, held = pl.col("binds"), pl.col("held")
    other = held.is_not_null() | (binds & (pl.col("bound") != pl.col("ml")).fill_null(False))
    return frame.with_columns(
        price=pl.when(binds).then("bound").otherwise("price"),
        hold=pl.when(~binds).then(pl.coalesce("held", "hold")),
        method=pl.when(binds & (pl.col("answer") == "amended")).then(pl.lit("static")).otherwise("method"),
        reviewed=pl.when(binds).then("bound_by").otherwise("held"),
        confidence=pl.when(~other | pl.col("ml").is_null()).then("confidence"),
        **{name: pl.when(~other).then(name) for name in ("expected_gain", "gain_low")},
    )


def _with_bound(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds review_id, answer, `bound` (the price approved last, in minor units) and `bound_by`, the sentence."""
    approved = rows.filter(pl.col("price").is_not_null()).sort(RECORDED)
    last = approved.group_by(KEY, maintain_order=True).last()
    last = last.select(*KEY, "currency", "review_id", "expires", pl.col("answer").cast(pl.String), approved="price")
    frame = frame.join(last, on=[*KEY, "currency"], how="left", maintain_order="left")
    sentence = pl.format("{} by {} until {}", "answer", "review_id", pl.col("expires").dt.to_string("%Y-%m-%d"))
    return frame.with_columns(bound=money.to_minor(pl.col("approved"), pl.col("scale")), bound_by=sentence).drop(
        "approved", "expires"
    )


def _with_refusal(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `refused_by`, the sentence, and `refusal`, the answer's id, where just this price is refused."""
    refusals = rows.filter(pl.col("refused_price").is_not_null()).sort(RECORDED)
    pairs = frame.select("row", *KEY, "currency", "price", "scale").join(
        refusals.select(*KEY, "currency", "refused_price", "review_id", "expires"), on=[*KEY, "currency"]
    )
    pairs = pairs.filter(money.to_minor(pl.col("refused_price"), pl.col("scale")) == pl.col("price")).sort(RECORDED)
    said = pl.format("this price is refused by {} until {}", "review_id", pl.col("expires").dt.to_string("%Y-%m-%d"))
    found = pairs.select("row", refused_by=said, refusal="review_id").unique("row", keep="last", maintain_order=True)
    return frame.join(found, on="row", how="left", maintain_order="left")


def broken(frame: pl.DataFrame, bounds: Sequence[Constraint] | None, law: Law = NO_LAW) -> pl.Series:
    """What a `price` (minor units) may not be for, and by how much, in words; null where it is admissible.

    `bounds` are the strategy's constraints, of which floors must hold whatever a person says, and so must the law of
    the market; where no strategy covers a row, its cost and the minimum advertised price. Reads `scale` and the
    features constraints and law name.
    """
    found = pl.repeat(None, frame.height, dtype=pl.String, eager=True).alias("broken")
    rows = frame["price"].is_not_null().arg_true()
    if not rows.len():
        return found
    floors = [MAP, COST] if bounds is None else [each for each in bounds if each.kind in FLOORS]
    said = [*_against(law), *_below(floors), pl.lit(None, dtype=pl.String)]
    words = frame[rows].select(words=pl.concat_str(said, separator=", ", ignore_nulls=True)).to_series()
    return found.scatter(rows, words.replace("", None))


def _against(law: Law) -> list[pl.Expr]:
    """What each rule of the law says of a price; null where nothing."""
    price = pl.col("price")
    said: list[pl.Expr] = []
    for bound in laws.bounds(law):
        said.append(pl.when(price < bound.floor).then(_apart(bound.floor - price, "below", bound.label)))
        said.append(pl.when(price > bound.cap).then(_apart(price - bound.cap, "above", bound.label)))
    if law:
        unknown = pl.lit(f"no cost known, so law: {laws.BELOW_COST} cannot be checked")
        said.append(pl.when(laws.cost_unknown(law)).then(unknown))
    return said


def _below(floors: Sequence[Constraint]) -> list[pl.Expr]:
    """What each floor says of a price; null where nothing."""
    said: list[pl.Expr] = []
    for floor in floors:
        low, _ = interval(floor)
        words = "the minimum advertised price" if floor.kind == "map" else described(floor)
        below: pl.Expr = pl.when(pl.col("price") < low).then(_apart(low - pl.col("price"), "below", words))
        if needs_cost(floor) and floor is not COST:
            unknown = pl.lit(f"no cost known, so {described(floor)} cannot be checked")
            below = pl.when(pl.col("cost").is_null()).then(unknown).otherwise(below)
        said.append(below)
    return said


def _apart(minor: pl.Expr, side: str, words: str) -> pl.Expr:
    """An amount in major units, and what a price is that much below or above."""
    amount = money.to_major(minor, pl.col("scale")).cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return pl.concat_str(amount, pl.lit(f" {side} {words}"))


def entered(decisions: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market, review_id of the decisions that publish what an answer approved."""
    approved = rows.filter(pl.col("price").is_not_null()).sort(RECORDED).unique(KEY, keep="last")
    published = decisions.filter(pl.col("action") == "publish").select(*KEY, "final_price")
    found = published.join(approved, left_on=[*KEY, "final_price"], right_on=[*KEY, "price"])
    return found.select(*KEY, "review_id").sort(KEY)
