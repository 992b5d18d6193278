"""`pricing trace`: from a published price to the rows it came from, as a tree.

Here: asking the warehouse's macro `marts.trace` and showing its rows. Not here: which rows those are
(dbt_project/macros/trace.sql), why the price is what it is (showing.explain).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.shell.command import Shell
from pricing_assets.shell.showing import standing_decision

if TYPE_CHECKING:
    from rich.tree import Tree

_SHOWN_ROWS = 4
_IN_THE_KEY = (
    *("date", "sku", "market", "known_at", "price_type", "competitor", "effective_from", "entry_no", "step_no"),
    *("known_on", "target_date", "received_on", "table", "row", "check"),
)
_UNTOLD = ("text", "basis", "inputs_hash", "url", "settings", "decisions_hash", "steps_hash")  # --json prints them
Row = dict[str, Any]


def trace(shell: Shell, sku: str, market: str, day: date | None, at: datetime | None, *, sql: bool) -> None:
    """The rows a price rests on; of the price in force at a moment where `at` is given instead of a day.

    With `sql` only the query an analyst can paste. Raises PricingError where there is no such decision.
    """
    day = _decided_on(shell, sku, market, at) if at else day
    assert day is not None
    statement = f"FROM marts.trace({_quoted(sku)}, {_quoted(market)}, DATE '{day}')"
    if sql:
        shell.answer({"sql": statement})
        shell.say(statement)
        return
    decision = standing_decision(shell, sku, market, day)
    rows = [row | {"value": json.loads(row["value"])} for row in _asked(shell, statement)]
    if not any(row["value"].get("decision_id") == decision["decision_id"] for row in rows):
        raise PricingError(f"the warehouse does not show {day} yet", "`pricing run` builds it anew")
    shell.answer(rows)
    if not shell.json:
        shell.console.print(_tree(f"{sku} in {market}, decided on {day}", rows, shell.settings.source))


def _asked(shell: Shell, statement: str) -> list[Row]:
    from pricing_assets.lake import warehouse

    return warehouse.query(shell.settings.analytics, statement).to_dicts()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _decided_on(shell: Shell, sku: str, market: str, at: datetime) -> date:
    """The day whose price is in force at a moment. Raises PricingError where the price book has none by then."""
    book = _asked(
        shell,
        "SELECT date, effective_from FROM staging.stg_price_book "
        f"WHERE sku = {_quoted(sku)} AND market = {_quoted(market)} ORDER BY effective_from",
    )
    if not book:
        raise PricingError(f"{sku} in {market}: no price was ever published", "`pricing explain` says why of a day")
    due = [row["date"] for row in book if row["effective_from"] <= at]
    if not due:
        first = f"{book[0]['effective_from']:%Y-%m-%dT%H:%M}Z"
        raise PricingError(f"{sku} in {market}: no published price is in force at {at}", f"the first is from {first}")
    found: date = due[-1]
    return found


def _tree(title: str, rows: list[Row], source: Path) -> Tree:
    """Steps as branches, below each its tables, their rows and where they are written."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(title))
    for (step, table), group in groupby(rows, lambda row: (row["step"], row["table"])):
        found = list(group)
        branch = tree.add(Text(f"{step}: {counted(len(found), 'row')} of {table}"))
        for line in (*_lines(table, found), *_places(table, found, source)):
            branch.add(Text(line))
    return tree


def _places(table: str, rows: list[Row], source: Path) -> Iterator[str]:
    """The file of the lake that holds the last row, and the SELECT raw rows were received from."""
    files = len({row["source"] for row in rows})
    yield f"in {rows[-1]['source']}" + (f" and {counted(files - 1, 'earlier file')}" if files > 1 else "")
    select = source / f"{table.removeprefix('raw.')}.sql"
    if table.startswith("raw.") and select.is_file():
        yield f"received from {select}"


def _lines(table: str, rows: list[Row]) -> Iterator[str]:
    """What is shown of a branch: of many raw rows the last ones, of checks those that failed."""
    if table == "runs.checks":
        failed = [row for row in rows if not row["value"]["passed"]]
        passed = len(rows) - len(failed)
        yield f"{passed} passed" + (f", {len(failed)} failed" if failed else "")
        rows = failed
    elif table.startswith("raw.") and len(rows) > _SHOWN_ROWS:
        yield f"… {counted(len(rows) - _SHOWN_ROWS, 'earlier row')}; --json prints all"
        rows = rows[-_SHOWN_ROWS:]
    yield from (f"{row['key']}: {_told(row)}" for row in rows)


def _told(row: Row) -> str:
    """The values of a row that are there, without those its key says."""
    value: Row = row["value"]
    told = {name: each for name, each in value.items() if each is not None and name not in (*_IN_THE_KEY, *_UNTOLD)}
    return ", ".join(f"{name} {each}" for name, each in told.items() if str(each) != row["key"])
