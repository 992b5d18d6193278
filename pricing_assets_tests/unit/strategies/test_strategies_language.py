"""Reading a strategy: what it becomes, and every fault with its place."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.strategies import Constraint, StrategyError, lint, packaged_default, parse

HEAD = "strategy: s\ntype: rules\n"
RULES = "rules: [{name: r, then: {multiply: 0.9}}]\n"

FULL = """\
strategy: winter-clearance
type: rules
scope: {category: [HOME], market: [NO], sku: [00123]}
priority: 20
active: {from: 2026-11-01, until: 2027-02-28}
rules:
  - {name: low, priority: 10, then: {match: competitor_min, beat_by: 0.01}}
  - {name: high, priority: 30, when: "has(stock_age_days) && stock_age_days > 180", then: {multiply: 0.80}, stop: true}
  - {name: low-too, priority: 10, then: {set: planned_price}}
constraints:
  - {map: required}
  - {min_price: {cost_times: 1.1}}
  - {max_daily_change: 0.10}
  - {min_margin_pct: 20}
endings: [0.49, 0.99]
on_null: hold
"""


def test_a_whole_strategy() -> None:
    made = parse(FULL)
    assert (made.name, made.type, made.priority) == ("winter-clearance", "rules", 20)
    assert made.scope == {"category": ("HOME",), "market": ("NO",), "sku": ("00123",)}
    assert (made.active_from, made.active_until) == (date(2026, 11, 1), date(2027, 2, 28))
    assert [(rule.name, rule.stop) for rule in made.rules] == [("high", True), ("low", False), ("low-too", False)]
    assert made.constraints == (
        Constraint("map", "required", Decimal(1), "map: required"),
        Constraint("min_price", "cost_times", Decimal("1.1"), "min_price: {cost_times: 1.1}"),
        Constraint("max_daily_change", "share", Decimal("0.10"), "max_daily_change: 0.10"),
        Constraint("min_margin_pct", "pct", Decimal(20), "min_margin_pct: 20"),
    )
    assert made.endings == (Decimal("0.49"), Decimal("0.99"))
    assert made.features() == ["stock_age_days", "competitor_min", "planned_price"]
    assert made.text == FULL and len(made.hash) == 64


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "is empty"),
        ("strategy: [", "1:12", "not YAML"),
        ("a: \x00", "1:4", "not YAML"),
        ("- a", "1:1", "a strategy must be a mapping"),
        (HEAD, "1:1", "a strategy needs rules"),
        (HEAD + RULES + "prority: 3", "4:1", "unknown key prority in a strategy; did you mean priority?"),
        (HEAD + RULES + "type: rules", "4:1", "key type is written twice"),
        (HEAD + RULES + "priority: high", "4:11", "priority must be a number, is 'high'"),
        (HEAD + RULES + 'priority: "3"', "4:11", "priority must be a number, is '3'"),
        (HEAD + RULES + "priority: 1.5", "4:11", "must be a whole number"),
        (HEAD + RULES + "scope: {colour: [red]}", "4:9", "unknown key colour in scope; known are category"),
        (HEAD + RULES + "scope: {sku: []}", "4:14", "is an empty list"),
        (HEAD + RULES + "scope: {sku: A}", "4:14", "scope sku must be a list"),
        (HEAD + RULES + "scope: {sku: [~]}", "4:15", "must be a text"),
        (HEAD + RULES + "scope: {sku: [A, A]}", "4:18", "names A twice"),
        (HEAD + RULES + "active: {from: 2026-02-30}", "4:16", "2026-02-30 is no date"),
        (HEAD + RULES + "active: {from: tomorrow}", "4:16", "must be a date written YYYY-MM-DD"),
        (HEAD + RULES + "active: {from: 2026-02-02, until: 2026-02-01}", "4:35", "lies before from"),
        (HEAD + RULES + "endings: [1.0]", "4:11", "an ending must be below 1"),
        (HEAD + RULES + "endings: [-0.1]", "4:11", "an ending must be at least 0"),
        (HEAD + RULES + "endings: [0.5, 0.50]", "4:16", "is written twice"),
        (HEAD + RULES + "on_null: zero", "4:10", "unknown on_null zero"),
        (HEAD + RULES + "ml: {objective: profit}", "4:5", "ml goes with type ml or hybrid only"),
        (HEAD + RULES + "linked: []", "4:9", "linked goes with type ml or hybrid only"),
        (HEAD + RULES + "order: [ml, rules]", "4:8", "order goes with type hybrid only"),
        (HEAD + RULES + "constraints: [{min_prise: 3}]", "4:16", "did you mean min_price?"),
        (HEAD + RULES + "constraints: [{min_price: {}}]", "4:27", "needs exactly one of cost_times"),
        (HEAD + RULES + "constraints: [{min_price: {cost_times: -1}}]", "4:40", "must be above 0, is -1"),
        (HEAD + RULES + "constraints: [{min_price: {cost_times: .inf}}]", "4:40", "must be a number"),
        (HEAD + RULES + "constraints: [{max_daily_change: 10}]", "4:34", "must be at most 1"),
        (HEAD + RULES + "constraints: [{map: required, min_margin_pct: 3}]", "4:15", "a constraint has one key"),
        (HEAD + RULES + "constraints: [{map: required}, {map: required}]", "4:32", "constrained twice"),
        (
            HEAD + RULES + "constraints: [{min_price: {amount: 9}}, {max_price: {amount: 8}}]",
            "4:14",
            "min_price 9 lies above max_price 8",
        ),
        ("strategy: s\ntype: ml\n" + RULES, "3:8", "a strategy of type ml has no rules"),
        ("strategy: s\ntype: static\n" + RULES, "3:25", "a static strategy only sets prices"),
        (HEAD + "rules: [{name: r}]", "3:9", "a rule needs then"),
        (HEAD + "rules: [{then: {set: 3}}]", "3:9", "a rule needs name"),
        (HEAD + "rules: [{name: a b, then: {set: 3}}]", "3:16", "must consist of letters"),
        (HEAD + "rules: [{name: r, then: {set: 3}, stop: yes}]", "3:41", "stop must be true or false"),
        (HEAD + "rules: [{name: r, then: {set: 3}}, {name: r, then: {set: 3}}]", "3:43", "two rules are named r"),
        (HEAD + "rules: [{name: r, then: {set: 3, add: 1}}]", "3:25", "exactly one of multiply, add, set, match"),
        (HEAD + "rules: [{name: r, then: {multiply: -0.9}}]", "3:36", "multiply must be above 0, is -0.9"),
        (HEAD + "rules: [{name: r, then: {multiply: 0}}]", "3:36", "multiply must be above 0"),
        (HEAD + "rules: [{name: r, then: {multiply: sku}}]", "3:36", "multiply: must be a number, is a text"),
        (HEAD + "rules: [{name: r, then: {add: 0.00001}}]", "3:31", "more than 4 decimal places"),
        (HEAD + "rules: [{name: r, then: {set: margin_pct}}]", "3:31", "set needs an amount or a feature that is one"),
        (HEAD + "rules: [{name: r, then: {match: competitor_mn}}]", "3:33", "did you mean competitor_min?"),
        (HEAD + "rules: [{name: r, then: {set: 3, beat_by: 1}}]", "3:43", "beat_by goes with match only"),
        (
            HEAD + "rules: [{name: r, then: {match: competitor_min, beat_by: 1, beat_by_pct: 1}}]",
            "3:74",
            "beat_by or beat_by_pct, not both",
        ),
    ],
)
def test_faults_have_their_place(text: str, place: str, message: str) -> None:
    found = [str(fault) for fault in lint(text)]
    assert any(fault.startswith(f"{place}: ") and message in fault for fault in found), found


def condition(text: str) -> list[tuple[int, str]]:
    quoted = text.replace("'", "''")
    start = "rules: [{name: r, when: '"
    faults = lint(f"{HEAD}{start}{quoted}', then: {{set: 3}}}}]\n")
    assert all(fault.line == 3 for fault in faults)
    return [(fault.column - len(start), fault.message.removeprefix("when: ")) for fault in faults]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("stock_age > 3", 1, "unknown feature stock_age; did you mean stock_age_days?"),
        ("on_hand > 3 && colour == 'x'", 16, "unknown feature colour"),
        ("date > 3", 1, "date is no feature"),
        ("on_hand", 1, "must be true or false, is a number"),
        ("on_hand + 1", 1, "must be true or false, is a number"),
        ("category > 3", 1, "> needs numbers, 'category' is a text"),
        ("category + 'x' == 'y'", 1, "+ needs numbers"),
        ("on_hand == 'x'", 1, "== compares a number with a text"),
        ("is_holiday == 1", 1, "== compares true or false with a number"),
        ("on_hand && true", 1, "&& needs true or false, 'on_hand' is a number"),
        ("!on_hand", 2, "! needs true or false"),
        ("-is_holiday > 1", 2, "- needs numbers"),
        ("1 < on_hand < 3", 1, "< needs numbers, '1 < on_hand' is true or false"),
        ("on_hand / 0 > 1", 11, "'on_hand / 0' divides by zero"),
        ("on_hand / (2 - 2.0) > 1", 11, "divides by zero"),
        ("on_hand > 1e999", 11, "1e999 is too large a number"),
        ("on_hand > 1e200 * 1e200", 19, "is too large a number"),
        ("on_hand in []", 12, "never true"),
        ("on_hand in [cost]", 13, "`in` needs literals, 'cost' is none"),
        ("on_hand in [1, 'x']", 16, "`in` compares a number with a text"),
        ("on_hand in cost", 12, "`in` needs a list of literals"),
        ("on_hand % 2 == 0", 1, "the remainder (`%`) is not part of the language"),
        ("on_hand > 1 ? true : false", 1, "a choice (`? :`) is not part of the language"),
        ("size(sku) > 1", 1, "function size is not part of the language"),
        ("has(1)", 1, "has() takes the name of one feature"),
        ("has(price)", 1, "has() takes the name of one feature"),
        ("has(cost, sku)", 1, "has() takes the name of one feature"),
        ("has(colour)", 5, "unknown feature colour"),
        ("sku.startsWith('A')", 1, "a method call (`.f()`) is not part of the language"),
        ("sku.name == 'x'", 1, "a field (`.`) is not part of the language"),
        ("sku[0] == 'x'", 1, "an index (`[]`) is not part of the language"),
        ("{'a': 1} == 3", 1, "a map (`{}`) is not part of the language"),
        ("cost == null", 9, "null is not part of the language"),
        ("cost > 1u", 8, "uint literal 1u is not part of the language"),
        ("sku == b'x'", 8, "bytes literal b'x' is not part of the language"),
        ("cost >", 6, "ends too early"),
        ("cost = 3", 6, "did you mean ==?"),
        ("cost > 3 and on_hand > 1", 10, "write && for and"),
        ("cost > 3 $", 10, "not understood"),
        (" ", 1, "is empty"),
        ("(" * 300 + "cost > 3" + ")" * 300 + "&& colour == 3", 612, "unknown feature colour"),
        ("!" * 300 + "is_holiday", 62, "nested deeper than 60 levels"),
        ("cost > 1 || " * 500 + "true", 1, "longer than 2000 characters"),
    ],
)
def test_conditions_say_what_is_wrong_and_where(text: str, column: int, message: str) -> None:
    found = condition(text)
    assert any(message in said for _, said in found), found
    if text.strip():
        assert any(at == column and message in said for at, said in found), found


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("when: colour > 1", 9),
        ("when:   colour > 1", 11),
        ("when: 'colour > 1'", 10),
        ('when: "colour > 1"', 10),
        ("when: 'sku == ''A'' && colour > 1'", 26),
        ('when: "sku == \\"A\\" && colour > 1"', 26),
        ('when: "sku == \\x22A\\u0022 && colour > 1"', 32),
    ],
)
def test_positions_are_those_of_the_file(written: str, column: int) -> None:
    (fault,) = lint(f"{HEAD}rules:\n- name: r\n  {written}\n  then: {{set: 3}}\n")
    assert (fault.line, fault.column) == (5, column) and "unknown feature colour" in fault.message


@pytest.mark.parametrize("written", ["when: >\n    cost > 1", "when: |\n    cost > 1", "when: cost\n    > 1"])
def test_conditions_stand_on_one_line(written: str) -> None:
    (fault,) = lint(f"{HEAD}rules:\n- name: r\n  {written}\n  then: {{set: 3}}\n")
    assert "must stand on one line" in fault.message


def test_all_faults_come_at_once_in_order() -> None:
    text = "strategy: s\ntype: rulez\nrules:\n- {name: r, when: 'a > 1 && b > 1', then: {add: x}}\nendings: [2]\n"
    with pytest.raises(StrategyError) as refused:
        parse(text, "draft.yaml")
    assert [fault.line for fault in refused.value.faults] == [2, 4, 4, 4, 5]
    assert str(refused.value).startswith(
        "draft.yaml: 5 faults\n  draft.yaml:2:7: unknown type rulez; did you mean rules?"
    )


@given(st.text(max_size=200))
def test_any_text_gets_faults_never_a_crash(text: str) -> None:
    assert lint(text)


@given(st.text(st.sampled_from("costhas()&|!<>=+-*/ 0123456789.'\"[],in_einf?:%xutrue"), max_size=60))
def test_any_condition_is_read_or_refused(text: str) -> None:
    condition(text)


@given(st.lists(st.sampled_from(FULL.split(" ")), max_size=60), st.randoms(use_true_random=False))
def test_shuffled_words_get_faults_never_a_crash(words: list[str], random: Any) -> None:
    random.shuffle(words)
    lint(" ".join(words))


def test_deep_yaml_is_refused() -> None:
    assert lint("[" * 5_000) and lint("&a [*a]") and lint(HEAD + "rules: &a [*a]")


def test_the_default_has_no_fault() -> None:
    assert lint(packaged_default()) == []


def test_importing_the_room_loads_no_parser() -> None:
    code = "import sys, pricing_assets.strategies; print('celpy' in sys.modules, 'lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
