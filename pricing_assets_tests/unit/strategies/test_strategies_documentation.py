"""The examples of docs/strategies.md are strategies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pricing_assets.strategies import lint
from pricing_assets.strategies.conditions import read
from pricing_assets.strategies.language import CONSTRAINTS, SCOPES, TIMES

TEXT = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(strategy:.*?)```", TEXT, flags=re.DOTALL)
ACTIONS = re.findall(r"`(\{(?:multiply|add|set|match): .*?\})`", TEXT)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_lints(example: str) -> None:
    assert lint(example) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_shown_is_one(action: str) -> None:
    assert lint(f"strategy: s\ntype: rules\nrules: [{{name: r, then: {action}}}]") == []


def test_the_prose_is_right() -> None:
    assert len(EXAMPLES) == 4 and len(ACTIONS) >= 8
    assert all(word in TEXT for word in (*CONSTRAINTS, *TIMES)) and all(
        f"{scope}" in TEXT.lower() for scope in SCOPES[:2]
    )
    assert read("has(stock_age_days) && stock_age_days > 180", "truth")
