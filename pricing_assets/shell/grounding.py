"""What `pricing explain` says of a model's step: what its price rests on, and what drives the demand it expects.

Here: what is kept of one decision, worked out where nothing is, and its words. Not here: the sentences themselves
(pricing/grounds), asking a model (pricing/drivers).
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import Shell
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import DemandDrivers, PriceDecisions, PriceSentences
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

if TYPE_CHECKING:
    from pricing_assets.demand import DemandModel

Row = dict[str, Any]
_SHOWN = 6
_LEAST = 0.1
"""Drivers shown to people, and the effect in % from which."""


def of_model(shell: Shell, decision: Row, *, ask: bool) -> Row:
    """`sentences` on what a model went by, none without a model; `drivers` of demand as kept, or asked for.

    Raises PricingError where drivers are asked for and no model can tell them.
    """
    kept = _kept(shell, DemandDrivers, decision)
    drivers = kept if kept.height or not ask else _asked(shell, decision)
    told = drivers.sort("driver_no").select("driver_no", "driver", "effect_pct", "sentence").to_dicts()
    return {"sentences": _sentences(shell, decision), "drivers": told, "can_ask": _forecast_by_model(decision)}


def in_words(told: Row) -> list[str]:
    """The same in lines: the largest drivers alone."""
    shown = [each["sentence"] for each in told["drivers"] if abs(each["effect_pct"]) >= _LEAST][:_SHOWN]
    lines = [*told["sentences"]]
    if shown:
        lines += ["what drives the units expected:", *(f"  {each}" for each in shown)]
    if told["sentences"] and told["can_ask"] and not told["drivers"]:
        lines.append("`pricing explain … --drivers` asks the model what drives the units expected")
    return lines


def _forecast_by_model(decision: Row) -> bool:
    return decision["model_hashes"] is not None and decision["model_fallback"] is None


def _sentences(shell: Shell, decision: Row) -> list[str]:
    """As kept with the decision; of one that is not told of, put together now from the same records."""
    from pricing_assets.pricing.grounds import of_each
    from pricing_assets.pricing.outlook import outlook
    from pricing_assets.pricing.queue import strategies_of

    rows = _kept(shell, PriceSentences, decision)
    if not rows.height:
        strategies = strategies_of(shell.lake, decision["date"])
        strategy = strategies.get(decision["strategy_hash"])
        if strategy is None or strategy.ml is None or decision["final_price"] is None:
            return []
        forecasts, answers = (_of_pair(shell, table, decision) for table in (DemandForecasts, Elasticities))
        known = outlook(forecasts, answers, {}, learned=True)
        rows = of_each(_kept(shell, PriceDecisions, decision), [strategy], known)
    return rows.sort("about")["sentence"].to_list()


def _asked(shell: Shell, decision: Row) -> pl.DataFrame:
    """Rows of decisions.demand_drivers, by the model that made the forecast."""
    from pricing_assets.features import Calendar
    from pricing_assets.pricing.drivers import drivers

    if not _forecast_by_model(decision):
        why = decision["model_fallback"] or "it was decided without a forecast"
        what = f"{decision['sku']} in {decision['market']} on {decision['date']}: no model can be asked for drivers"
        raise PricingError(f"{what}: {why}", "drivers are of forecasts that a model made")
    row = manifests.standing(shell.lake).filter(pl.col("date") == decision["date"]).row(0, named=True)
    settings = json.loads(row["settings"])
    calendar = Calendar(settings["time_zone"], settings["countries"])
    files = manifests.manifested(shell.lake, DemandForecasts)
    found = drivers(shell.lake, _kept(shell, PriceDecisions, decision), files, calendar, lambda by: _model(shell, by))
    if found.notes:
        raise PricingError(found.notes[0], "`pricing models list` shows what there is")
    return found.rows


def _model(shell: Shell, made_by: str) -> DemandModel:
    from pricing_assets import demand, models

    registry = models.open_registry(shell.settings.registry, shell.settings.home)
    with TemporaryDirectory() as folder:
        return demand.load(models.recorded(registry, made_by, Path(folder)))


def _kept(shell: Shell, table: type[Table], decision: Row) -> pl.DataFrame:
    """A decision's rows of a table, as the manifest has them in force."""
    return _rows(shell, table, decision, pl.col("decision_id") == decision["decision_id"])


def _of_pair(shell: Shell, table: type[Table], decision: Row) -> pl.DataFrame:
    mine = (pl.col("sku") == decision["sku"]) & (pl.col("market") == decision["market"])
    return _rows(shell, table, decision, mine)


def _rows(shell: Shell, table: type[Table], decision: Row, where: pl.Expr) -> pl.DataFrame:
    file = manifests.manifested(shell.lake, table).get(decision["date"])
    return shell.lake.read_files(table, [file] if file else [], where=where)
