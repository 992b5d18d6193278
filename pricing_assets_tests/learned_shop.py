"""A shop that a model prices: three articles, four months of sales that answer their prices, a model trained on them.

Here: the shop, its model in force, and the day decided. Not here: what is true of it (the tests).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import numpy as np
from tiny_shop import COLUMNS, DAYS, Line, Once, Row, Shop

DAY = DAYS[4]
FIRST = DAY - timedelta(days=100)
MADE_BY = "demand-daily/3@" + "ab12" * 16
SETTLED = 24
"""Days whose prices are those of the day: a cut of late would be a promotion."""
ARTICLES = (("A", 4.0, -1.2), ("B", 12.0, -1.2), ("C", 30.0, -4.0))
STRATEGY = """strategy: learned
type: ml
priority: 10
scope: {sku: [A, B]}
ml: {objective: revenue, bound_level: 0.60, ladder: {step: 0.10, down: 0.10, up: 0.10}, untested: 0.10}
autonomy: {mode: semi-auto, threshold: 0.999}
"""


def write(shop: Shop) -> None:
    """Makes a copy of the tiny shop this one."""
    shop.settings(first_day=FIRST, markets={"UK": {"country": "GB"}}, currencies=["GBP"])
    days = [FIRST + timedelta(days=number) for number in range((DAYS[-1] - FIRST).days + 1)]
    rows = [row for number in range(len(ARTICLES)) for row in _rows(number, days)]
    for table, columns in COLUMNS.items():
        shop.put(table, [{name: row[name] for name in columns.split(", ")} for row in rows])


def _rows(number: int, days: list[date]) -> Iterator[Row]:
    sku, price, elasticity = ARTICLES[number]
    draw = np.random.default_rng(number)
    for place, day in enumerate(days):
        # each article moves on weeks of its own, and of late none did
        ago = (DAY - day).days
        ratio = (1.0, 0.93, 1.07)[(ago // 7 + number) // 2 % 3] if ago > SETTLED else 1.0
        units = 1 + draw.poisson(30 * ratio**elasticity * (1.4 if day.weekday() > 4 else 1.0))
        values = {"price": price * ratio, "unit_price": price * ratio, "cost": price / 2}
        yield {
            **{name: f"{value:.2f}" for name, value in values.items()},
            **{"date": str(day), "sku": sku, "market": "UK", "currency": "GBP", "competitor": "rival"},
            **{"quantity": str(units), "on_hand": str(5000 - place)},
        }


def train(line: Line, folder: Path) -> None:
    """Receives the shop, and saves a model of what the day before the decided one saw."""
    from pricing_assets.demand import fit, members
    from pricing_assets.demand.inputs import read
    from pricing_assets.features import Calendar

    assert line.run(DAY, only=("raw",)).success
    before = DAY - timedelta(days=1)
    panels = read(line.lake, [before], Calendar("Europe/London", {"UK": "GB"})).daily(before)
    with mock.patch.dict(members.ROUNDS, dict.fromkeys(members.ROUNDS, 15)):
        fit(panels.history, panels.plan).save(folder)


@contextmanager
def in_force(folder: Path) -> Iterator[list[str]]:
    """The ledger has this model in force, and the registry its files; yields what the registry is asked for by name."""
    from pricing_assets import models
    from pricing_assets.governance import Gate

    asked: list[str] = []

    def recorded(registry: object, made_by: str, into: Path) -> Path:
        asked.append(made_by)
        return folder

    def kept(gate: Gate, model: str) -> list[object]:
        return [mock.Mock(version=3)] if model == "demand-daily" else []

    serving = models.Serving("demand-daily", 3, MADE_BY.partition("@")[2], folder, None)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(models, "champion_in_force", return_value=serving))
        stack.enter_context(mock.patch.object(models, "recorded", recorded))
        stack.enter_context(mock.patch.object(Gate, "champions_kept", kept))
        yield asked


def begun(once: Once, location: Path) -> Path:
    """A folder with `home`, in which the day is decided, its `shop` and the `model` in force. Not to be changed."""

    def run(folder: Path) -> None:
        shutil.copytree(location, folder / "shop")
        line = Line(folder / "home", Shop(folder / "shop"))
        write(line.shop)
        with line.platform().store as store:
            store.activate(STRATEGY, "ann", "trial", "activate")
        train(line, folder / "model")
        with in_force(folder / "model"):
            assert line.run(DAY).success
        line.ended()

    return once("learned", run)
