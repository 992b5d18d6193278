"""The fault each dbt test is there to find, planted in rows that are sound.

Here: how a fault is planted, kind by kind, and for each condition that `holds` the values that break it. A new dbt test
of another kind, or a new condition, needs an entry here. Not here: running dbt's tests over them (test_dbt_faults).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# mart → condition of a `holds` or `holds_all` test → what every row is set to, so that the condition breaks
BROKEN: Mapping[str, Mapping[str, str]] = {
    "price_history": {
        "length(currency) = 3": "currency = 'POUND'",
        "current_price > 0": "current_price = 0",
        "list_price > 0": "list_price = -1",
        "cost >= 0": "cost = -1",
        "units >= 0": "units = -1",
        "returned_units >= 0": "returned_units = -1",
        "revenue >= 0": "revenue = -1",
        "decided_price > 0": "decided_price = 0",
    },
    "current_prices": {
        "(next_price is null) = (effective_from is null)": "next_price = 1, effective_from = null",
        "length(currency) = 3": "currency = ''",
        "current_price > 0": "current_price = 0",
        "list_price > 0": "list_price = 0",
        "cost >= 0": "cost = -1",
        "decided_price > 0": "decided_price = 0",
        "next_price > 0": "next_price = 0",
        "effective_from > date": "effective_from = date - 1",
    },
    "margins": {
        "length(currency) = 3": "currency = 'GB'",
        "cost >= 0": "cost = -1",
        "current_price > 0": "current_price = 0",
        "current_margin + cost = current_price": "current_margin = 5, cost = 5, current_price = 9",
        "current_margin_pct <= 100": "current_margin_pct = 100.1",
        "decided_price > 0": "decided_price = 0",
        "decided_margin + cost = decided_price": "decided_margin = 5, cost = 5, decided_price = 9",
        "decided_margin_pct <= 100": "decided_margin_pct = 100.1",
    },
    "decision_summary": {
        "decisions > 0": "decisions = 0",
        "changed between 0 and decisions": "changed = decisions + 1",
        "isfinite(mean_change_pct)": "mean_change_pct = 'inf'",
        "lowest_change_pct >= -100": "lowest_change_pct = -100.1",
        "highest_change_pct >= lowest_change_pct": "highest_change_pct = 1, lowest_change_pct = 2",
        "mean_confidence between 0 and 1": "mean_confidence = 1.1",
    },
    "pricing_effectiveness": {
        "units >= 0": "units = -1",
        "revenue >= 0": "revenue = -1",
        "(held is null) = (period is null)": "held = null, period = 1",
        "coalesce(date between period_from and period_until, true)": "period_from = date + 1, period_until = date + 2",
    },
    "shadow_comparison": {
        "greatest(live_changes, shadow_changes, differing, judged) <= decisions": "live_changes = decisions + 1",
        "expected_profit_difference = shadow_expected_profit - live_expected_profit": (
            "expected_profit_difference = 1, shadow_expected_profit = 1, live_expected_profit = 1"
        ),
        "(judged = 0) = (expected_profit_difference is null)": "judged = 0, expected_profit_difference = 1",
    },
    "run_summary": {
        "published + held <= decided": "held = decided + 1",
        "commits >= 1": "commits = 0",
        "failed_executions <= executions": "failed_executions = executions + 1",
        "effective_from > date": "effective_from = date",
    },
    "inventory_ageing": {
        "least(units_0_30, units_31_60, units_61_90, units_91_180, units_over_180, units_unknown) >= 0": (
            "units_61_90 = -1"
        ),
        "coalesce(units_0_30 + units_31_60 + units_61_90 + units_91_180 + units_over_180 + units_unknown = on_hand, false)": (  # noqa: E501
            "units_31_60 = null"
        ),
        "value_0_30 + value_31_60 + value_61_90 + value_91_180 + value_over_180 + value_unknown = on_hand * cost": (
            "value_0_30 = 99, value_31_60 = 0, value_61_90 = 0, value_91_180 = 0, value_over_180 = 0, "
            "value_unknown = 0, cost = 1"
        ),
        "length(currency) = 3": "currency = 'euro'",
        "cost >= 0": "cost = -0.01",
    },
    "competitor_position": {
        "competitor_min > 0 and competitor_min <= competitor_median and competitor_median <= competitor_max": (
            "competitor_min = 3, competitor_median = 2, competitor_max = 4"
        ),
        "(our_rank is null) = (gap_to_lowest is null)": "our_rank = 1, gap_to_lowest = null",
        "length(currency) = 3": "currency = '€'",
        "current_price > 0": "current_price = 0",
        "our_rank between 1 and competitor_count + 1": "our_rank = 4, competitor_count = 2",
        "gap_to_lowest + competitor_min = current_price": "gap_to_lowest = 1, competitor_min = 3, current_price = 5",
        "sign(gap_to_lowest_pct) = sign(gap_to_lowest)": "gap_to_lowest_pct = -1, gap_to_lowest = 1",
        "captured_on <= date": "captured_on = date + 1",
        "lowest_change_7d_pct > -100": "lowest_change_7d_pct = -100",
    },
    "anomalies_daily": {
        "new_alarms + continuing_alarms = alarms": "new_alarms = alarms + 1, continuing_alarms = 0",
        "alarms > 0": "alarms = 0",
        "skus > 0": "skus = 0",
        "market_wide_skus between 0 and skus": "market_wide_skus = skus + 1",
        "at_stake >= 0": "at_stake = -1",
        "largest_effect >= 1": "largest_effect = 0.9",
    },
    "data_quality": {
        "accepted + quarantined = received": "accepted = 2, quarantined = 1, received = 4",
        "(failures is null) = (failed_checks = 0)": "failures = null, failed_checks = 1",
        "quarantined_pct between 0 and 100": "quarantined_pct = 101",
        "most_frequent_rule_rows > 0": "most_frequent_rule_rows = 0",
        "failed_checks between 0 and checks": "failed_checks = checks + 1",
        "usual_rows > 0": "usual_rows = 0",
    },
    "override_history": {
        "(ended_by is null) = (ended_at is null) and (ended_by is null) = (state <> 'ended')": "ended_by = null",
        "(decisions = 0) = (first_applied_on is null)": "decisions = 1, first_applied_on = null",
        "sku is null or category is null": "sku = 'A', category = 'HOME'",
        "active_until >= active_from": "active_until = active_from - 1",
        "trim(reason) <> ''": "reason = ' '",
        "ended_at >= set_at": "ended_at = set_at - interval 1 hour",
        "decisions_held between 0 and decisions": "decisions_held = decisions + 1",
        "first_applied_on >= active_from": "first_applied_on = active_from - 1",
        "last_applied_on <= active_until and last_applied_on >= first_applied_on": "last_applied_on = active_until + 1",
    },
    "price_changes": {
        "old_price > 0 and new_price > 0 and new_price <> old_price": "new_price = old_price",
        "coalesce(old_price + change = new_price and sign(change_pct) = sign(change), false)": "change_pct = -change",
        "(strategy is null) = (activated_by is null)": "strategy = 's', activated_by = null",
        "effective_from > date": "effective_from = date",
        "length(currency) = 3": "currency = 'GBPS'",
        "cost >= 0": "cost = -1",
        "new_margin_pct <= 100": "new_margin_pct = 101",
        "strategy_version >= 1": "strategy_version = 0",
    },
}


class Fault(NamedTuple):
    """SQL that plants it, and the condition the test must name of it, where the test has several."""

    sql: str
    condition: str | None = None


def faults(test: Mapping[str, Any], model: str, types: Mapping[str, str]) -> list[Fault]:
    """The faults a dbt test, a node of dbt's manifest, is to find in the rows of `model` (`schema.table`).

    `types` are the model's column types. Raises KeyError for a test that has no fault yet.
    """
    kind, arguments = test["test_metadata"]["name"], test["test_metadata"]["kwargs"]
    column = str(arguments.get("column_name", "")).strip('"')
    change = f"update {model} set"
    if kind in ("unique", "unique_combination"):
        return [Fault(f"insert into {model} from {model}")]
    if kind == "not_null":
        return [Fault(f'{change} "{column}" = null')]
    if kind == "present":
        return [Fault(f"{change} {name} = null") for name in arguments["columns"]]
    if kind in ("accepted_values", "relationships"):
        unknown = "date '1900-01-01'" if types[column] == "DATE" else "'nobody'"
        return [Fault(f'{change} "{column}" = {unknown}')]
    broken = BROKEN[model.partition(".")[2]]
    if kind == "holds":
        return [Fault(f"{change} {broken[arguments['condition']]}")]
    if kind == "holds_all":
        return [Fault(f"{change} {broken[condition]}", condition) for condition in arguments["conditions"]]
    raise KeyError(kind)
