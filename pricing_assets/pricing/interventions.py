"""What goes before the strategies: the override a row obeys, and anomalies; each with its sentence.

Here: which rows an override is about, which of several a row obeys, what each is identified by. Not here: what a row
then comes to (decision, and reviews where a person answered), who set an override and why (governance/).

Of several overrides a row obeys one: a freeze before forced rules; then the narrower scope, in the order of SCOPES;
then the one set last. Where an override and an anomaly both hold a price, both are named, the override first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from pricing_assets.pricing import reviews
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Autonomy, Overrides, Reviews

SCOPES: tuple[tuple[str, ...], ...] = (
    ("sku", "market"),
    ("sku",),
    ("category", "market"),
    ("category",),
    ("market",),
    (),
)
"""What an override may name, narrowest first; the last is every SKU."""

ALARM = "look into it: `pricing anomalies` says what was found"
_NAMES = ("sku", "category", "market")
_ALARM_KEY = ["date", "sku", "market"]
_STALE = "STALE_PRICE"


@dataclass(frozen=True)
class Interventions:
    """Overrides in force, as decisions.overrides, and severe anomalies: date, sku, market, reason; of some days.

    With them people's answers, as decisions.reviews, the autonomy governance leaves, as decisions.autonomy, and what is
    `odd`: anomalies short of severe that make a model doubt what it is told.
    """

    overrides: pl.DataFrame
    severe: pl.DataFrame
    reviews: pl.DataFrame = field(default_factory=Reviews.create_empty)
    autonomy: pl.DataFrame = field(default_factory=Autonomy.create_empty)
    odd: pl.DataFrame = field(default_factory=lambda: odd(PriceAnomalies.create_empty()))


def in_force(known: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Rows of decisions.overrides: of the `known` (its columns but date) those in force when a day takes effect."""
    effective = pl.col("date").dt.offset_by("1d")
    rows = pl.DataFrame({"date": days}, schema={"date": pl.Date}).join(known, how="cross")
    rows = rows.filter((effective >= pl.col("active_from")) & (effective <= pl.col("active_until")))
    return Overrides.cast(rows.select(Overrides.column_names())).sort(Overrides.order())


def severe(anomalies: pl.DataFrame) -> pl.DataFrame:
    """What decisions obey of anomalies.price_anomalies: which SKU and market has which severe reason, and no score."""
    return _reasons(anomalies, pl.col("severity").cast(pl.String) == "severe")


def odd(anomalies: pl.DataFrame) -> pl.DataFrame:
    """The same of those short of severe that say a figure may be wrong: prices, costs, rivals' prices, missing data.

    They follow from the snapshot, which identifies them. That a price is stale says nothing of the kind.
    """
    lesser = (pl.col("severity").cast(pl.String) != "severe") & (pl.col("reason").cast(pl.String) != _STALE)
    return _reasons(anomalies, lesser)


def _reasons(anomalies: pl.DataFrame, wanted: pl.Expr) -> pl.DataFrame:
    rows = anomalies.filter(wanted)
    return rows.select(*_ALARM_KEY, pl.col("reason").cast(pl.String)).sort(*_ALARM_KEY, "reason")


def with_odd(frame: pl.DataFrame, found: Interventions | None) -> pl.DataFrame:
    """The rows with `odd`: what makes a model doubt what it is told of them, in one text; null where nothing does."""
    if found is None:
        return frame.with_columns(odd=pl.lit(None, pl.String))
    named = _named(found.odd).rename({"reason": "odd"})
    return frame.join(named, on=_ALARM_KEY, how="left", maintain_order="left")


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market and the reasons of each, in one text."""
    return rows.group_by(_ALARM_KEY).agg(pl.col("reason").sort().str.join(", "))


def override_terms(overrides: pl.DataFrame) -> list[dict[str, Any]]:
    """What identifies the overrides of one day, by id."""
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        for row in overrides.drop("date").sort("override_id").to_dicts()
    ]


def anomaly_terms(rows: pl.DataFrame) -> dict[str, str]:
    """What identifies the severe anomalies of one day, as an input; none where there is none."""
    if not rows.height:
        return {}
    text = json.dumps(rows.sort("sku", "market", "reason").select("sku", "market", "reason").rows())
    return {PriceAnomalies.table_name(): hashlib.sha256(text.encode()).hexdigest()}


def touched(frame: pl.DataFrame, found: Interventions) -> pl.DataFrame | None:
    """The rows of `frame` that something goes before, and its words; None where nothing does.

    `frame` has row, date, sku, market, category. The result has row (ascending), override_id, and three sentences that
    are null where they do not apply: `frozen`, `forced` (rules only) and `alarmed`.
    """
    if not found.overrides.height and not found.severe.height and not found.reviews.height:
        return None
    rows = _obeyed(frame, found.overrides).join(_alarmed(frame, found.severe), on="row", how="full", coalesce=True)
    rows = rows.join(reviews.about(frame, found.reviews), on="row", how="full", coalesce=True)
    until = pl.format("{} until {}", pl.col("override_id"), pl.col("active_until").dt.to_string("%Y-%m-%d"))
    kind = pl.col("kind").cast(pl.String)
    return rows.sort("row").select(
        "row",
        "override_id",
        pl.when(kind == "PRICE_FREEZE").then(pl.format("frozen by {}", until)).alias("frozen"),
        pl.when(kind == "FORCE_RULE_BASED").then(pl.format("rules only by {}", until)).alias("forced"),
        "alarmed",
    )


def suspect(decisions: pl.DataFrame, found: Interventions) -> pl.DataFrame:
    """Date, sku and market of the decisions a severe anomaly holds, and no freeze: their current price may be wrong."""
    obeying = decisions.select(*_ALARM_KEY, pl.col("override_id").cast(pl.String)).drop_nulls("override_id")
    freezes = found.overrides.filter(pl.col("kind").cast(pl.String) == "PRICE_FREEZE")
    frozen = obeying.join(freezes, on=["date", "override_id"], how="semi")
    alarmed = found.severe.select(_ALARM_KEY).unique().sort(_ALARM_KEY)
    return alarmed.join(frozen, on=_ALARM_KEY, how="anti", maintain_order="left")


def _obeyed(frame: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    """Row, and the id, kind and last day of the override it obeys, for every row that some override is about."""
    ranked = _ranked(overrides)
    pairs = [pl.DataFrame(schema={"row": frame.schema["row"], "rank": ranked.schema["rank"]})]
    for number, scope in enumerate(SCOPES):
        key = ["date", *scope]
        # of overrides about the same rows only the first counts, so a row meets at most one for each scope
        about = ranked.filter(pl.col("scope") == number).unique(key, keep="first", maintain_order=True)
        if about.height:
            pairs.append(frame.select("row", *key).join(about.select("rank", *key), on=key).select("row", "rank"))
    first = pl.concat(pairs).group_by("row").agg(pl.col("rank").min())
    return first.join(ranked.select("rank", "override_id", "kind", "active_until"), on="rank").drop("rank")


def _ranked(overrides: pl.DataFrame) -> pl.DataFrame:
    """The overrides, the one to obey first: `rank`, and the number of its scope."""
    named = [pl.col(name).is_not_null() for name in _NAMES]
    scope = pl.lit(None, dtype=pl.Int32)
    for number, names in enumerate(SCOPES):
        same = pl.all_horizontal(is_named == (name in names) for name, is_named in zip(_NAMES, named, strict=True))
        scope = pl.when(same).then(pl.lit(number, dtype=pl.Int32)).otherwise(scope)
    # ids count up with a fixed number of digits until there are more: a longer one was set later
    order = ["kind", "scope", pl.col("override_id").str.len_bytes(), "override_id"]
    ranked = overrides.with_columns(scope=scope).sort(order, descending=[False, False, True, True])
    return ranked.with_row_index("rank")


def _alarmed(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Row, and the sentence of its severe anomalies."""
    found = frame.select("row", *_ALARM_KEY).join(_named(rows), on=_ALARM_KEY)
    return found.select("row", alarmed=pl.format("severe anomaly {}: {}", "reason", pl.lit(ALARM)))
