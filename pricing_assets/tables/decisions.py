"""What was decided: overrides, answers and autonomy in force, decisions, what explains them, and the price book, the
only output.

Decisions, what explains them and the price book are append-only; what experiments add is made of decisions that stand
already. A decision stands while its `basis` is the basis of its day's last row in runs.days.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, currency, day, identifier, label, moment, money
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

METHODS = ["ml", "rules", "static"]
OVERRIDE_KINDS = ["PRICE_FREEZE", "FORCE_RULE_BASED"]
ARMS = ["up", "down"]
ACTIONS = ["publish", "review", "recommend", "hold"]
ANSWERS = ["approved", "rejected", "amended"]
MODES = ["manual", "semi-auto", "full-auto"]
ABOUT = ["units", "elasticity", "gain"]


def _snapshot(*names: str) -> dict[str, Any]:
    return {"from": [f"{FeatureSnapshots.table_name()}.{name}" for name in names]}


def _decision(*names: str) -> dict[str, Any]:
    return {"from": [f"decisions.price_decisions.{name}" for name in names]}


# What a strategy may name, so what a proposal may read.
_NAMED = [
    name
    for name in FeatureSnapshots.columns()
    if name not in ("date", "price_kind", "cost_source", "absent_tables", "inputs_hash", "inputs")
]


# What goes before the strategy.
_OVERRIDE = [f"decisions.overrides.{name}" for name in ("kind", "sku", "category", "market")]
_REVIEW = [f"decisions.reviews.{name}" for name in ("answer", "price", "refused_price")]
_AUTONOMY = [f"decisions.autonomy.{name}" for name in ("category", "market", "mode", "threshold")]
_BEFORE = [
    *(*_OVERRIDE, "anomalies.price_anomalies.severity", "anomalies.price_anomalies.reason"),
    *(*_REVIEW, *_AUTONOMY),
]


def _made() -> dict[str, Any]:
    return {"from": [*_snapshot(*_NAMED)["from"], *_BEFORE]}


def _forecast(*names: str) -> dict[str, Any]:
    return {"from": [f"{DemandForecasts.table_name()}.{name}" for name in names]}


_ASKED = ("kind", "elasticity", "std_error", "spec_low", "spec_high", "curvature", "cross", "cross_error")
# What is sold at the final price: the forecast, what demand answers, and the price itself.
_EXPECTED = [
    *_forecast("sum_mean", "conditioning_price")["from"],
    *(f"{Elasticities.table_name()}.{name}" for name in _ASKED),
    *_made()["from"],
]


def _step(*names: str) -> dict[str, Any]:
    return {"from": [f"decisions.price_steps.{name}" for name in names]}


def _units(description: str) -> dy.Float64:
    return dy.Float64(
        nullable=True, min=0, allow_inf=False, allow_nan=False, description=description, metadata={"from": _EXPECTED}
    )


class Overrides(Table):
    """One row per day and override in force on its effective day, as known when the run executed.

    Who set it and why is kept in the governance store, where a name can be erased.
    """

    kept = "audit"

    date = day()
    override_id = identifier("override, as governance names it")
    kind = dy.Enum(
        OVERRIDE_KINDS, description="PRICE_FREEZE keeps the current price, FORCE_RULE_BASED shuts models out"
    )
    sku = dy.String(nullable=True, description="only this SKU; null for any")
    category = dy.String(nullable=True, description="only SKUs of this category; null for any")
    market = dy.String(nullable=True, description="only this market; null for any")
    active_from = dy.Date(description="first effective day")
    active_until = dy.Date(description="last effective day")


class Reviews(Table):
    """One row per day and person's answer that it obeys, as known when the run executed.

    Who answered and why is kept in the governance store, where a name can be erased.
    """

    kept = "audit"

    date = day()
    review_id = identifier("answer, as governance names it")
    decision_id = identifier("decision that was answered", key=False)
    decided_on = dy.Date(description="day of that decision; the answer counts on later ones")
    sku = identifier("stock keeping unit", key=False)
    market = identifier("market", key=False)
    answer = dy.Enum(ANSWERS, description="approved, rejected, or amended: another price approved instead")
    price = money("price it binds; null where rejected", nullable=True, min_exclusive=0)
    refused_price = money("price it refuses; null where approved", nullable=True)
    currency = currency()
    answered_at = moment("when it was answered, UTC")
    expires = dy.Date(description="last effective day it counts on")


class Autonomy(Table):
    """One row per day and scope that governance tightens, as known when the run executed."""

    kept = "audit"

    date = day()
    autonomy_id = identifier("the word that tightens it, as governance names it")
    category = dy.String(nullable=True, description="only SKUs of this category, empty: of none; null for any")
    market = dy.String(nullable=True, description="only this market; null for any")
    mode = dy.Enum(MODES, nullable=True, description="the loosest mode left; null where it leaves each")
    threshold = dy.Float64(
        nullable=True,
        min=0,
        max=1,
        allow_inf=False,
        allow_nan=False,
        description="the lowest threshold left; null where it leaves each",
    )


class PriceDecisions(Table):
    """One row per decision: the price of one SKU in one market, decided from the facts of day D."""

    kept = "decisions"

    date = day()
    sku = identifier("stock keeping unit", metadata=_snapshot("sku"))
    market = identifier("market", metadata=_snapshot("market"))
    decision_id = identifier("first 32 hex digits of SHA-256 over basis, SKU and market")
    basis = identifier(
        "hash of all the day was decided from: late, inputs, strategies, models, overrides, verdicts, settings",
        key=False,
    )
    currency = currency(nullable=True, metadata=_snapshot("currency"))
    current_price = money("price in force on D, null where unknown", nullable=True, metadata=_snapshot("current_price"))
    list_price = money("list price the rules started from", nullable=True, metadata=_snapshot("list_price"))
    proposed_price = money(
        "price after the strategy, before constraints and endings", nullable=True, metadata=_snapshot(*_NAMED)
    )
    final_price = money("decided price; the current price where held", nullable=True, metadata=_made())
    cost = money("cost per unit on D", nullable=True, metadata=_snapshot("cost"))
    method = dy.Enum(
        METHODS,
        description="what made the price: static where it was set by hand or frozen",
        metadata=_snapshot("sku", "market", "category", "brand"),
    )
    action = dy.Enum(ACTIONS, description="publish, review, recommend (too late to publish) or hold", metadata=_made())
    reason = label("why this action: the rules and constraints that made the price, or what holds it", metadata=_made())
    confidence = dy.Float64(
        nullable=True,
        min=0,
        max=1,
        description="where a model priced: probability that the category earns more over 28 days than by holding; "
        "else the share of the features the strategy looks at that were present",
        metadata={"from": _EXPECTED},
    )
    expected_units = dy.Float64(
        nullable=True,
        min=0,
        allow_inf=False,
        allow_nan=False,
        description="units expected at the final price over the 28 days after D; null without a forecast or a price",
        metadata={"from": _EXPECTED},
    )
    expected_profit = money(
        "profit expected at the final price over the 28 days after D; null without units or a cost",
        nullable=True,
        metadata={"from": _EXPECTED},
    )
    expected_gain = money(
        "what the category is expected to earn more by this change over the 28 days than by holding, with what its "
        "other SKUs win or lose; null where no model chose the price, 0 where it chose to hold",
        nullable=True,
        metadata={"from": _EXPECTED},
    )
    gain_low = money(
        "what it earns more at least, with the probability the strategy asks for (bound_level)",
        nullable=True,
        metadata={"from": _EXPECTED},
    )
    strategy = label("name of the strategy that claimed the SKU; null where none did", nullable=True)
    strategy_hash = label("SHA-256 of the strategy's text", nullable=True)
    # text, as the first release wrote it: its days stay readable
    model_hashes = dy.String(
        nullable=True,
        description="model in force asked for the units: name/version@artifact hash; null without one",
        metadata=_forecast("model", "model_version", "model_hash"),
    )
    model_fallback = label(
        "why no model made the expectation; null where one did",
        nullable=True,
        metadata=_forecast("fallback_reason"),
    )
    override_id = label(
        "override it obeyed, the first of those in force on it; null where none was",
        nullable=True,
        metadata={
            "from": ["decisions.overrides.override_id", *_OVERRIDE, *_snapshot("sku", "category", "market")["from"]]
        },
    )


class PriceSteps(Table):
    """One row per step of an explanation. after − before of all steps adds up to the final price, to the cent."""

    kept = "decisions"

    date = day()
    sku = identifier("stock keeping unit", metadata=_decision("sku"))
    market = identifier("market", metadata=_decision("market"))
    decision_id = identifier("decision explained", metadata=_decision("decision_id"))
    step_no = dy.Int64(primary_key=True, min=1, description="1 is the start: the list price, from 0")
    step = label("start, rule:<name>, constraint:<name>, ending, test, review, override, anomaly or hold")
    before = money("cumulative price before the step, rounded to the minor unit", metadata=_snapshot(*_NAMED))
    after = money("cumulative price after the step, rounded to the minor unit", metadata=_snapshot(*_NAMED))
    reason = label("what the step did, in a manager's words")
    reference = label("what it rests on: strategy@hash#rule, a constraint, an override, a feature", nullable=True)


class LinkedGoals(Table):
    """One row per day, strategy and goal over several SKUs: whether it is met, at what price, how near to the best."""

    kept = "decisions"

    date = day()
    strategy = identifier("strategy whose goal it is")
    goal = identifier("the goal as written; of lines, families and clearances with the market or SKU it is about")
    met = dy.Bool(description="whether it is met; where it is not, its rows hold at their current prices")
    needed = dy.Float64(nullable=True, description="what it asks for, in its own unit; null for a line or a family")
    reached = dy.Float64(
        nullable=True, description="what the chosen prices reach; of a goal not met, the best possible"
    )
    worth = dy.Float64(
        nullable=True, description="value a unit of the goal costs (its multiplier), 0 where it does not bind"
    )
    clash = dy.String(nullable=True, description="what it clashes with and by how much; null where it is met")
    method = dy.String(description="what chose the prices it hangs together with, e.g. exact")
    value = dy.Float64(
        nullable=True, description="value over holding of the prices it hangs together with, major units"
    )
    bound = dy.Float64(nullable=True, description="no prices that meet the goals are worth more than this")
    lagrangian = dy.Float64(nullable=True, description="value multipliers alone came to; null where they met not all")


class PriceSentences(Table):
    """One row per sentence on what a model's price rests on, of each decision of a strategy with a model that changes
    its price or waits for a person.

    They follow from the day's forecasts, elasticities and decisions: replay makes them again.
    """

    kept = "decisions"

    date = day()
    sku = identifier("stock keeping unit", metadata=_decision("sku"))
    market = identifier("market", metadata=_decision("market"))
    decision_id = identifier("decision explained", metadata=_decision("decision_id"))
    about = dy.Enum(ABOUT, primary_key=True, description="units expected, how they answer the price, or what is gained")
    sentence = dy.String(
        description="in a manager's words",
        metadata={
            "from": [
                *_forecast("sum_mean", "sum_q10", "sum_q90", "conditioning_price")["from"],
                *(f"{Elasticities.table_name()}.{name}" for name in ("kind", "elasticity", "std_error")),
                *(f"{Elasticities.table_name()}.{name}" for name in ("spec_low", "spec_high", "fallback_reason")),
                *_decision("final_price", "expected_gain", "gain_low", "confidence")["from"],
                *("anomalies.price_anomalies.severity", "anomalies.price_anomalies.reason"),
            ]
        },
    )


class DemandDrivers(Table):
    """One row per driver of the demand estimate behind the decisions that decisions.price_sentences is about.

    Of at most 1,000 a day, those that gain most first (of the others `pricing explain --drivers` tells). Asked of the
    model that made the forecast, whose files are kept elsewhere: recorded, and not made again by replay.
    """

    kept = "decisions"

    date = day()
    sku = identifier("stock keeping unit", metadata=_decision("sku"))
    market = identifier("market", metadata=_decision("market"))
    decision_id = identifier("decision explained", metadata=_decision("decision_id"))
    driver_no = dy.Int64(primary_key=True, min=1, description="1 is the largest")
    driver = label("what drives it: a group of the model's features, e.g. recent sales", metadata=_forecast("mean"))
    effect_pct = dy.Float64(
        allow_inf=False,
        allow_nan=False,
        description="what it adds to or takes from the units of 28 days, in % of what they would be on average",
        metadata=_forecast("mean"),
    )
    sentence = dy.String(description="in a manager's words", metadata=_forecast("mean"))


class PriceBook(Table):
    """One row per price to publish. The highest entry_no of a SKU, market and effective_from stands."""

    kept = "audit"

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    effective_from = dy.Datetime(
        primary_key=True, time_unit="us", time_zone="UTC", description="when the price takes effect, UTC"
    )
    entry_no = dy.Int64(
        primary_key=True,
        min=1,
        description="1 for the first price of this moment, counting up as prices are superseded",
    )
    price = money("price to publish", min_exclusive=0, metadata=_decision("final_price"))
    currency = currency()
    decision_id = identifier("decision that made it", key=False, metadata=_decision("decision_id"))
    review_id = dy.String(
        nullable=True,
        description="answer that approved it, where one was needed",
        metadata={"from": ["decisions.reviews.review_id"]},
    )
    supersedes = dy.String(nullable=True, description="decision_id of the entry this one replaces")
    recorded_at = moment("when it was written", provenance=True)


class Holdouts(Table):
    """One row per day and cluster (category × market) that strategies with a model price: whether it is held out.

    Held-out prices stay for a period, so that the others can be judged against them; chance alone draws them.
    """

    date = day()
    category = identifier("category, `none` for SKUs without one", metadata=_snapshot("category"))
    market = identifier("market", metadata=_snapshot("market"))
    period = dy.Int64(description="number of the period in which the day's prices take effect, counted from 1970")
    period_from = dy.Date(description="first effective day of the period")
    period_until = dy.Date(description="last effective day of the period")
    held = dy.Bool(description="whether its prices stay until then")
    skus = dy.Int64(min=1, description="SKUs of it that strategies with a model claim", metadata=_snapshot("sku"))


class PriceTests(Table):
    """One row per price moved to learn what units answer: as many up as down in every category and market."""

    kept = "decisions"

    date = day()
    sku = identifier("stock keeping unit", metadata=_decision("sku"))
    market = identifier("market", metadata=_decision("market"))
    category = identifier("category, `none` for SKUs without one", key=False, metadata=_snapshot("category"))
    decision_id = identifier("decision that made the move", key=False, metadata=_decision("decision_id"))
    strategy = label("strategy that asks for tests", metadata=_decision("strategy"))
    arm = dy.Enum(ARMS, description="up or down, drawn", metadata=_step("before", "after"))
    size = dy.Float64(min=0, max=1, description="size of the move asked for, as a share")
    period = dy.Int64(description="number of the period as the cluster counts it, counted from 1970")
    until = dy.Date(description="last effective day of the period; the next one moves it back")
    base_price = money("price that would have stayed", metadata=_step("before"))
    test_price = money("price tested", metadata=_step("after"))


class ShadowDecisions(Table):
    """One row per day, shadow, SKU and market: what a draft, a challenger or nobody held out would have decided.

    Never published. Both sides' units and profit are expected under the forecasts of the live decisions.
    """

    kept = "decisions"

    date = day()
    shadow = identifier(
        "name of the draft strategy; challenger NAME/VERSION; `hold-out`: the live strategies themselves"
    )
    sku = identifier("stock keeping unit", metadata=_snapshot("sku"))
    market = identifier("market", metadata=_snapshot("market"))
    category = identifier("category, `none` for SKUs without one", key=False, metadata=_snapshot("category"))
    text_hash = label("SHA-256 of the draft's text, or of the challenger's files; of `hold-out` the live strategy's")
    basis = label("basis of the live decisions it was compared with", metadata=_decision("basis"))
    currency = currency(nullable=True, metadata=_snapshot("currency"))
    current_price = money("price in force on D", nullable=True, metadata=_snapshot("current_price"))
    live_price = money("price decided live", nullable=True, metadata=_decision("final_price"))
    live_action = dy.Enum(ACTIONS, description="action of the live decision", metadata=_decision("action"))
    final_price = money("price the shadow decided; the current price where it holds", nullable=True, metadata=_made())
    action = dy.Enum(ACTIONS, description="action it would have had", metadata=_made())
    reason = label("why that action", metadata=_made())
    method = dy.Enum(METHODS, description="what made its price", metadata=_made())
    confidence = dy.Float64(nullable=True, min=0, max=1, description="its confidence", metadata={"from": _EXPECTED})
    expected_units = _units("units expected at its price over the 28 days after D")
    live_expected_units = _units("units expected at the live price")
    expected_profit = money("profit of these units at its price", nullable=True, metadata={"from": _EXPECTED})
    live_expected_profit = money("profit at the live price", nullable=True, metadata={"from": _EXPECTED})
    expected_gain = money(
        "what it expects the category to earn more than by holding; null where no model chose its price",
        nullable=True,
        metadata={"from": _EXPECTED},
    )
