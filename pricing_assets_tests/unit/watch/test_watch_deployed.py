"""Dashboards, alert rules and provisioning in deploy/: they parse, and ask for nothing that nobody writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from tiny_shop import Shop

from pricing_assets.lake import Lake
from pricing_assets.publishing import WRONG
from pricing_assets.settings import Settings
from pricing_assets.watch import metrics, situation
from pricing_assets.watch.outgoing import OTHERWISE

DEPLOY = Path(__file__).parents[3] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
ALERTS = DEPLOY / "grafana" / "provisioning" / "alerting" / "pricing.yml"
BOARD = DEPLOY / "grafana" / "dashboards" / "pricing.json"
ADDED = {"job", "instance"}  # labels Prometheus adds
OWN = {"up": set[str]()}  # metrics it writes itself


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    found = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    return {rule["title"]: rule for rule in found}


def panels() -> list[dict[str, Any]]:
    return json.loads(BOARD.read_text())["panels"]  # type: ignore[no-any-return]


def asked() -> Iterator[tuple[str, str]]:
    """Where, and the expression."""
    yield from ((f"rule {rule['alert']}", rule["expr"]) for rule in rules())
    yield from ((f"alert {name}", alert["data"][0]["model"]["expr"]) for name, alert in alerts().items())
    for panel in panels():
        yield from ((f"panel {panel['title']}", target["expr"]) for target in panel["targets"])


def selectors(expression: Any) -> Iterator[Any]:
    """Every selector of a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        part = getattr(expression, name, None)
        if isinstance(part, promql_parser.Expr):
            yield from selectors(part)
    for part in getattr(expression, "args", None) or []:
        yield from selectors(part)


def labelled(expression: Any, written: dict[str, set[str]]) -> set[str] | None:
    """The labels of what a parsed expression yields, those Prometheus adds too; None for a number.

    Two vectors match only where all their labels do, or those `on` names: else the comparison is never true.
    """
    if isinstance(expression, promql_parser.VectorSelector):
        return written[str(expression.name)] | ADDED
    if isinstance(expression, promql_parser.ParenExpr):
        return labelled(expression.expr, written)
    if isinstance(expression, promql_parser.Call) and expression.func.name == "absent":
        return set()
    if isinstance(expression, promql_parser.AggregateExpr):
        inner, modifier = labelled(expression.expr, written) or set(), expression.modifier
        assert modifier is None or modifier.type == promql_parser.AggModifierType.By, expression.prettify()
        of_no_shop = inner <= ADDED
        assert of_no_shop or set(modifier.labels if modifier else ()) <= inner, expression.prettify()
        return set(modifier.labels) if modifier else set()
    if not isinstance(expression, promql_parser.BinaryExpr):
        assert isinstance(expression, promql_parser.NumberLiteral) or expression.prettify() == "time()"
        return None
    left, right = labelled(expression.lhs, written), labelled(expression.rhs, written)
    return matched(expression, left, right) if left is not None and right is not None else left or right


def matched(expression: Any, left: set[str], right: set[str]) -> set[str]:
    """The labels by which two vectors match."""
    matching = expression.modifier.matching if expression.modifier else None
    if matching is None:
        assert left == right, f"never true: {left} against {right} in {expression.prettify()}"
        return left
    assert matching.type == promql_parser.LabelModifierType.Include and set(matching.labels) <= left & right
    return set(matching.labels)


@pytest.fixture
def written(home: Path, tmp_path: Path) -> dict[str, set[str]]:
    """Metric → its labels, of those the platform writes."""
    shop = Shop(tmp_path / "shop").write()
    source, lake = shop.load(), Lake(home / "lake")
    found = situation.look(lake, source, Settings(), datetime(2026, 3, 4, tzinfo=UTC))
    known = {"pricing_day_rows": {"table"}, "pricing_publications": {"state"}, "pricing_run_success": {"dagster_job"}}
    known |= {"pricing_charged_otherwise": {"kind"}}
    return OWN | {
        metric.name: {"shop", *known.get(metric.name, ()), *(name for labels in metric.values for name, _ in labels)}
        for metric in metrics.measured(lake, source, found, {})
    }


def test_every_expression_parses_and_asks_for_metrics_that_are_written(written: dict[str, set[str]]) -> None:
    seen: set[str] = set()
    for where, expression in asked():
        found = list(selectors(promql_parser.parse(expression)))
        assert found, where
        for selector in found:
            assert selector.name in written, f"{where}: nobody writes {selector.name}"
            labels = {matcher.name for matcher in selector.matchers.matchers} - ADDED
            assert labels <= written[selector.name], f"{where}: {selector.name} has no label {labels}"
            seen.add(selector.name)
    shown = {name for name in written.keys() - OWN if not name.endswith(("_bytes", "_info", "_seconds"))}
    assert shown <= seen, "what is counted is shown"


def test_whatever_is_compared_has_the_same_labels(written: dict[str, set[str]]) -> None:
    for _, expression in asked():
        assert labelled(promql_parser.parse(expression), written) is not None
    lost = "pricing_day_quarantined > 0.02 * sum by (shop, instance) (pricing_day_rows)"
    with pytest.raises(AssertionError, match="never true"):
        labelled(promql_parser.parse(lost), written)


def test_lateness_failures_disk_quarantine_prices_and_open_events_wake_somebody() -> None:
    said = " ".join(rule["expr"] for rule in rules())
    for name in ("next_day_due", "run_success", "disk_free", "day_quarantined", "waiting", "metrics_timestamp"):
        assert f"pricing_{name}" in said
    assert "time() - pricing_next_price_due_timestamp_seconds" in said and "pricing_charged_otherwise" in said
    (states,) = re.findall(r'pricing_publications\{state=~"([^"]+)"', said)
    assert states.split("|") == WRONG
    (kinds,) = re.findall(r'pricing_charged_otherwise\{kind=~"([^"]+)"', said)
    assert tuple(kinds.split("|")) == OTHERWISE


def test_silence_itself_wakes_somebody() -> None:
    expressions = {rule["expr"] for rule in rules()}
    assert {"absent(pricing_metrics_timestamp_seconds)", 'up{job="pricing"} == 0'} <= expressions
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert [each["job_name"] for each in scraped["scrape_configs"]] == ["pricing"]


def test_every_rule_says_what_to_do() -> None:
    assert all(rule["annotations"].keys() == {"summary", "remedy"} for rule in rules())


def test_grafana_alerts_by_the_same_rules() -> None:
    assert {rule["alert"]: f"count by (shop) ({rule['expr']})" for rule in rules()} == {
        name: alert["data"][0]["model"]["expr"] for name, alert in alerts().items()
    }
    for alert in alerts().values():
        assert alert["condition"] in {part["refId"] for part in alert["data"]}
    assert len({alert["uid"] for alert in alerts().values()}) == len(alerts())


def test_panels_have_ids_places_and_a_data_source_that_is_provisioned() -> None:
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    known = {source["uid"] for source in sources}
    assert {panel["datasource"]["uid"] for panel in panels()} == known
    assert {part["datasourceUid"] for alert in alerts().values() for part in alert["data"]} <= known | {"__expr__"}
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


def test_the_examples_parse_and_name_each_other() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert all((DEPLOY / "prometheus" / name).exists() for name in scraped["rule_files"])
    provided = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/pricing.yml").read_text())["providers"]
    assert [each["type"] for each in provided] == ["file"]
