"""Which columns each column of a SELECT is made from, read off its SQL.

Here: following columns through a query. Not here: running it, and how Dagster shows the answer. Import this where it is
used: sqlglot costs a tenth of a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope, find_all_in_scope
from sqlglot.schema import MappingSchema

from pricing_assets.errors import PricingError
from pricing_assets.lake.files import make_folder, write_durably


class Lineage:
    """The lineage of queries over the same tables, kept in a file: the same SQL is followed once, not every day.

    A file that is missing or damaged, or that the disk refuses, costs the following again and nothing else.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, str]], known: Path) -> None:
        self.tables = tables
        self._path = known
        self._salt = json.dumps({name: dict(columns) for name, columns in tables.items()}, sort_keys=True)
        self._known = _kept(known)
        self._used: dict[str, dict[str, list[str]]] = {}

    def of(self, sql: str) -> dict[str, list[str]]:
        """Column → the columns it is made from, as `sources` says; raises what it raises."""
        key = sha256(f"{self._salt}\n{sql}".encode()).hexdigest()
        self._used[key] = self._known.get(key) or sources(sql, self.tables)
        return self._used[key]

    def keep(self) -> None:
        """Writes down what was asked for, where it was not known."""
        if self._used != self._known:
            with suppress(PricingError):
                make_folder(self._path.parent)
                write_durably(self._path, json.dumps(self._used).encode())


def _kept(path: Path) -> dict[str, dict[str, list[str]]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sources(sql: str, tables: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Column → the columns (`schema.table.column`) its values are computed from; none where it is constant
    or only counts the rows of a subquery.

    `tables` are the columns and types of each `schema.table` there is. Columns that only choose or group rows are left
    out, but for count(*), which is made from nothing else. Raises PricingError rather than guess: where a column is in
    no table or the SQL is beyond the parser.
    """
    known = MappingSchema(dialect="duckdb")
    for name, columns in tables.items():
        known.add_table(name, dict(columns))
    try:
        query = qualify(parse_one(sql, dialect="duckdb"), schema=known, dialect="duckdb")
        for select in query.find_all(exp.Select):
            _spell_out_counts(select)
        roots = lineage(None, query, known, dialect="duckdb", scope=build_scope(query), trim_selects=False)
    except SqlglotError as fault:
        raise PricingError(f"lineage unknown: {fault}", "write the SELECT in simpler terms") from fault
    return {name: sorted({_read(leaf) for leaf in root.walk() if _is_leaf(leaf)}) for name, root in roots.items()}


def _spell_out_counts(select: exp.Select) -> None:
    """Lets count(*), which names no column, name those that choose and group the rows it counts."""
    group, where = select.args.get("group"), select.args.get("where")
    by_all = group is not None and group.args.get("all")
    keys = [each for each in select.selects if not each.find(exp.AggFunc)] if by_all else []
    joins = [join.args.get("on") for join in select.args.get("joins") or []]
    clauses = [clause for clause in (where, group, *joins, *keys) if clause is not None]
    columns = [column.copy() for clause in clauses for column in find_all_in_scope(clause, exp.Column)]
    for count in list(find_all_in_scope(select, exp.Count)):
        if isinstance(count.this, exp.Star) and not isinstance(count.parent, exp.Filter):
            count.set("this", exp.Tuple(expressions=columns))


def _is_leaf(node: Node) -> bool:
    return isinstance(node.expression, exp.Table | exp.Placeholder)


def _read(leaf: Node) -> str:
    """The column a leaf reads; a leaf that is no table of a schema (a function, a file) is refused."""
    table = leaf.expression
    if not isinstance(table, exp.Table) or not table.db:
        raise PricingError(f"lineage unknown: {leaf.name} is of no table", "read tables of the warehouse only")
    return f"{table.db}.{table.name}.{exp.to_column(leaf.name, dialect='duckdb').name}"
