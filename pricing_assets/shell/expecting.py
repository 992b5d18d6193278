"""What `pricing explain` says of units: how many at the decided price, how sure that is, which model says so.

Here: the recorded forecast and elasticity of one decision, in words. Not here: the units themselves, which are the
decision's own (pricing/expected.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pricing_assets.counting import counted_units
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import Shell
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

Row = dict[str, Any]
_AMOUNTS = ("current_price", "list_price", "final_price", "conditioning_price")
_DECISION = ("sku", "market", "method", *_AMOUNTS[:3])
_FORECAST = ("sum_mean", "sum_q10", "sum_q90", "conditioning_price")


def expectation(shell: Shell, decision: Row) -> Row:
    """What a decision's expected units rest on; of what is not known, None.

    units, units_lo, units_hi (ten and ninety in a hundred) over `days` at the final price; planned_price, at which they
    were forecast; kind, elasticity, std_error, curvature, borrowed (why it is not the SKU's own); also, the
    same five of the other kind where the move crosses the list price. Where dates of the
    horizon have planned prices of their own (`dates_apart`), each answers from its own, and no one range is told.
    """
    from pricing_assets.pricing.outlook import DAYS, outlook, whole_horizon

    forecasts, elasticities = (_rows(shell, table, decision) for table in (DemandForecasts, Elasticities))
    found: Row = {"days": DAYS, "units": decision["expected_units"], "dates_apart": False}
    found |= dict.fromkeys(
        ("units_lo", "units_hi", "planned_price", "kind", "elasticity", "std_error", "curvature", "borrowed", "also")
    )
    if decision["expected_units"] is None:
        return found
    found["dates_apart"] = not outlook(forecasts, elasticities, {}).plans.is_empty()
    if found["dates_apart"]:
        return found
    return found | _answered(decision, whole_horizon(forecasts).row(0, named=True), elasticities)


def _answered(decision: Row, forecast: Row, elasticities: pl.DataFrame) -> Row:
    """Range and elasticity at the final price, which a model moves by the base elasticity alone."""
    from pricing_assets.pricing.grounds import answer

    planned, final, listed = forecast["conditioning_price"], decision["final_price"], decision["list_price"]
    planned = decision["current_price"] if planned is None else planned
    row = {name: decision[name] for name in _DECISION} | {name: forecast[name] for name in _FORECAST}
    rows = pl.DataFrame([row], schema_overrides=dict.fromkeys(_AMOUNTS, pl.Decimal(18, 4)))
    found = answer(rows, elasticities).row(0, named=True)
    told = {"planned_price": planned} | {name: found[name] for name in ("units_lo", "units_hi")}
    splits = listed is not None and decision["method"] != "ml"
    crosses = splits and min(planned, final) < listed < max(planned, final)
    other = "base" if found["kind"] == "promotion" else "promotion"
    return told | _own(elasticities, found["kind"]) | {"also": _own(elasticities, other) if crosses else None}


def _own(elasticities: pl.DataFrame, kind: str) -> Row:
    """The recorded elasticity of a kind; None where there is none."""
    rows = elasticities.filter(pl.col("kind").cast(pl.String) == kind).to_dicts()
    figures = ("elasticity", "std_error", "curvature")
    row = rows[0] if rows else dict.fromkeys((*figures, "fallback_reason"))
    return {"kind": kind, "borrowed": row["fallback_reason"]} | {name: row.get(name) for name in figures}


def _rows(shell: Shell, table: type[DemandForecasts | Elasticities], decision: Row) -> pl.DataFrame:
    """A decision's rows of a table, as the manifest has them in force."""
    file = manifests.manifested(shell.lake, table).get(decision["date"])
    mine = (pl.col("sku") == decision["sku"]) & (pl.col("market") == decision["market"])
    return shell.lake.read_files(table, [file] if file else [], where=mine)


def sentences(decision: Row, told: Row, places: int) -> list[str]:
    """The same in words; amounts with the decimals of their currency."""
    by, why = decision["model_hashes"], decision["model_fallback"]
    if told["units"] is None:
        unsaid = "its price is not known" if by else "it was decided before forecasts joined the line"
        return [f"units expected: unknown, {why or unsaid}"]
    low, high = told["units_lo"], told["units_hi"]
    sure = "" if low is None else f" (likely {counted_units(low)} to {counted_units(high)})"
    source = f"by a simple method: {why}" if why else f"from {_short(by)}"
    said = [f"expected {counted_units(told['units'])} units in {told['days']} days at this price{sure}, {source}"]
    if told["dates_apart"]:
        return [*said, "prices are planned to change meanwhile: each date answers from the one planned for it"]
    if told["planned_price"] is None or told["planned_price"] == decision["final_price"]:
        return said
    planned = f"forecast at {told['planned_price']:.{places}f}"
    if told["also"] is None:
        return [*said, f"{planned}; {_elasticity(told)}"]
    at = f"list price {decision['list_price']:.{places}f}"
    down, up = sorted((told, told["also"]), key=lambda each: each["kind"] == "base")
    return [*said, f"{planned}; below the {at}: {_elasticity(down)}; above it: {_elasticity(up)}"]


def _short(model: str) -> str:
    """A model as people tell it from others: name/version@first digits of its hash."""
    name, _, artifact = model.partition("@")
    return f"{name}@{artifact[:12]}"


def _elasticity(told: Row) -> str:
    if told["elasticity"] is None:
        return "no elasticity of its own: that of its category, of all, or as published"
    kind = f"{told['kind']} elasticity {told['elasticity']:.2f} ± {told['std_error']:.2f}"
    if told["curvature"]:
        kind += f", growing with the price to the power of {told['curvature']:.2f}"
    return kind + (f", borrowed: {told['borrowed']}" if told["borrowed"] else "")
