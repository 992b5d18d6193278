"""What `pricing strategy diff` says."""

from __future__ import annotations

import pytest

from pricing_assets.strategies import StrategyError, diff

OLD = """\
strategy: s
type: rules
priority: 1
scope: {category: [A, B]}
rules:
  - {name: a, when: "on_hand>1", then: {multiply: 0.90}}
  - {name: b, then: {add: 1}}
constraints: [{min_price: {cost_times: 1.10}}, {max_daily_change: 0.1}]
endings: [0.49]
"""


def test_without_an_old_text_all_is_new() -> None:
    assert diff(None, OLD) == [
        "strategy: none → s",
        "type: none → rules",
        "priority: none → 1",
        "scope category: none → A, B",
        "rule a added: when on_hand>1 then multiply 0.90",
        "rule b added: when always then add 1",
        "constraint added: min_price cost_times 1.1",
        "constraint added: max_daily_change share 0.1",
        "ending added: 0.49",
    ]


def test_form_is_no_difference() -> None:
    new = OLD.replace("on_hand>1", "on_hand  > 1 // comment").replace("0.90", "0.9").replace("1.10", "1.1")
    assert diff(OLD, "# a comment\n" + new.replace("[A, B]", "[B, A]")) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("priority: 1", "priority: 2", "priority: 1 → 2"),
        ("scope: {category: [A, B]}", "active: {from: 2026-01-01}", "scope category: A, B → none"),
        ("priority: 1", "active: {from: 2026-01-01}", "active from: none → 2026-01-01"),
        ("on_hand>1", "on_hand > 2", "rule a when: on_hand>1 → on_hand > 2"),
        ("0.90", "0.80", "rule a then: multiply 0.90 → multiply 0.80"),
        ("{add: 1}}", "{add: 1}, stop: true}", "rule b stop: false → true"),
        ("name: b", "name: c", "rule b removed"),
        ("name: b", "name: c", "rule c added: when always then add 1"),
        ("name: b,", "name: b, priority: 5,", "rules run in another order: a, b → b, a"),
        ("cost_times: 1.10", "cost_times: 1.2", "constraint added: min_price cost_times 1.2"),
        (
            "[{min_price: {cost_times: 1.10}}, {max_daily_change: 0.1}]",
            "[{max_daily_change: 0.1}, {min_price: {cost_times: 1.10}}]",
            "order of precedence: min_price cost_times 1.1, max_daily_change share 0.1 →",
        ),
        ("[0.49]", "[0.49, 0.99]", "ending added: 0.99"),
    ],
)
def test_each_difference_has_its_line(old: str, new: str, line: str) -> None:
    assert any(said.startswith(line) for said in diff(OLD, OLD.replace(old, new))), diff(OLD, OLD.replace(old, new))


def test_a_text_with_faults_is_named() -> None:
    with pytest.raises(StrategyError, match=r"new.yaml:1:1: a strategy needs type"):
        diff(OLD, "strategy: s\nrules: [{name: a, then: {add: 1}}]", "old.yaml", "new.yaml")
