"""What a row must hold: the table's class, and the rules a class alone cannot know.

Here: the columns a SELECT must yield, the defaults of those it may omit, every rule with its sentence, duplicate keys.
Not here: reading rows, or what becomes of those that break a rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import dataframely as dy
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.sources import coercion
from pricing_assets.sources.lines import MAX_AMOUNT, SaleLines
from pricing_assets.sources.source import Source, sql_name
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table
from pricing_assets.tables.hours import RUN_AT

REASON = "quarantine"
LINE_PREFIX = "line_"
RULE = "__rule"
# has a default where the SELECT omits it; where it is given and null, nobody knows which was meant
STATED = ("on_sale",)
OWN_REASON = "the shop's own reason"


@dataclass(frozen=True)
class Rule:
    """`broken` says which rows break it, `sentence` names column, value and expectation for such a row."""

    broken: pl.Expr
    sentence: pl.Expr


@dataclass(frozen=True)
class Shape:
    """What a table's SELECT yields: rows of the table, or transaction lines to be summed into it."""

    table: type[Table]
    contract: type[Table]
    types: dict[str, str]

    @property
    def lines(self) -> bool:
        """Whether rows are transaction lines."""
        return self.contract is not self.table

    @property
    def day(self) -> str:
        """The column a row's day is in."""
        return self.contract.partition()

    @property
    def temporal(self) -> dict[str, str]:
        """Columns the reader converts → DATE or TIMESTAMPTZ."""
        kinds = {name: coercion.temporal(column) for name, column in self.given.items()}
        return {name: kind for name, kind in kinds.items() if kind}

    @property
    def given(self) -> dict[str, dy.Column]:
        """The contract's columns that the SELECT yields."""
        return {name: column for name, column in self.contract.columns().items() if name in self.types}


def shape_of(table: type[Table], types: dict[str, str], source: Source) -> Shape:
    """The shape of a SELECT that yields columns of these DuckDB types.

    Raises PricingError naming every column that is unknown, missing or of a type that cannot become the table's.
    """
    lines = table is raw.Sales and ("quantity" in types or "unit_price" in types)
    contract = SaleLines if lines else table
    columns = contract.columns()
    known = {*columns, REASON}
    faults = [
        f"column {name}: unknown; expected {', '.join(columns)}"
        for name in types
        if name not in known and not (lines and name.startswith(LINE_PREFIX))
    ]
    optional = {name for name, column in columns.items() if column.nullable} | set(defaults(source))
    faults += [
        f"column {name}: missing; expected {column.description}, {coercion.expected(column)}"
        for name, column in columns.items()
        if name not in types and name not in optional
    ]
    faults += [
        f"column {name}: is {kind}; expected text, a number, a date or a time stamp"
        for name, kind in types.items()
        if name not in known and coercion.family(kind) == "other"
    ]
    typed: dict[str, dy.Column] = {**columns, REASON: dy.String()}
    faults += [
        f"column {name}: is {kind}; expected {coercion.expected(typed[name])}{_as_text(name, kind, typed[name])}"
        for name, kind in types.items()
        if name in typed and not coercion.admits(typed[name], kind)
    ]
    if faults:
        remedy = "rename with AS, convert with CAST"
        if lines:
            remedy += f"; a column kept only for the record starts with {LINE_PREFIX}"
        raise PricingError(
            "\n  ".join([f"{sql_name(table)}: its SELECT does not fit {table.table_name()}", *faults]), remedy
        )
    return Shape(table, contract, types)


def defaults(source: Source) -> dict[str, pl.Expr]:
    """What stands in a column that a SELECT omits or, but for STATED, leaves null; `known_at` is filled per day."""
    return {
        "known_at": pl.lit(None, dtype=pl.Datetime("us", "UTC")),
        "currency": pl.lit(source.currency),
        "on_sale": pl.lit(True),
        "price_type": pl.lit("current"),
        "price_kind": pl.lit("posted"),
        "tax_basis": pl.lit("gross"),
        "is_return": pl.lit(False),
        "returned_units": pl.lit(0, dtype=pl.Int64),
        "source_lines": pl.lit(1, dtype=pl.Int64),
    }


def filled(frame: pl.DataFrame, contract: type[Table], source: Source) -> pl.DataFrame:
    """`frame` with every column of the contract, in its type, defaults filled in."""
    columns = contract.columns()
    fillers = defaults(source)
    missing = {name: pl.lit(None).cast(column.dtype) for name, column in columns.items() if name not in frame.columns}
    frame = frame.with_columns(**missing)
    frame = frame.with_columns(
        pl.col(name).fill_null(fillers[name].cast(column.dtype))
        for name, column in columns.items()
        if name in fillers and not column.nullable and (name in missing or name not in STATED)
    )
    if "known_at" in columns:
        frame = frame.with_columns(pl.col("known_at").fill_null(instant_of(contract.partition(), source.end_of)))
    if contract is raw.Prices:
        recorded = pl.col("cost_source").fill_null(pl.lit("recorded").cast(columns["cost_source"].dtype))
        frame = frame.with_columns(pl.when(pl.col("cost").is_not_null()).then(recorded).alias("cost_source"))
    return frame


def instant_of(day: str, clock: Callable[[date], datetime]) -> pl.Expr:
    """What `clock` says of each row's day: `instant_of("date", source.cutoff)`."""
    utc = pl.Datetime("us", "UTC")

    def instants(days: pl.Series) -> pl.Series:
        return days.replace_strict(
            {each: clock(each) for each in days.drop_nulls().unique()}, default=None, return_dtype=utc
        )

    return pl.col(day).map_batches(instants, return_dtype=utc)


def row_rules(contract: type[Table], source: Source) -> list[Rule]:
    """The rules one row can break alone: the class's, column by column, then those a class cannot know."""
    rules = [rule for name, column in contract.columns().items() for rule in _class_rules(name, column)]
    columns = contract.columns()
    if "market" in columns:
        known = pl.Series(list(source.markets))
        rules.append(_rule("market", ~pl.col("market").is_in(known.implode()), f"one of {_few(source.markets)}"))
    if "currency" in columns:
        allowed = ", ".join(source.currencies)
        rules.append(_rule("currency", ~pl.col("currency").is_in(list(source.currencies)), f"one of {allowed}"))
    if "known_at" in columns:
        zone = source.time_zone
        begun = pl.col("known_at").dt.convert_time_zone(zone).dt.date() < pl.col(contract.partition())
        rules.append(_rule("known_at", begun, "no moment before the row's day began"))
    return rules + _table_rules(contract, source)


def _as_text(name: str, kind: str, column: dy.Column) -> str:
    """How numbers become names, where a column that names something holds them: Excel has no whole numbers."""
    names = isinstance(column, dy.String) and name != REASON and coercion.family(kind) in ("float", "decimal")
    return f"; where it holds whole numbers: CAST(CAST({name} AS BIGINT) AS VARCHAR) AS {name}" if names else ""


def _table_rules(contract: type[Table], source: Source) -> list[Rule]:
    if contract is raw.Stock:
        late = pl.col("oldest_received_on") > pl.col("date")
        return [_rule("oldest_received_on", late, "no day after the row's own")]
    if contract is raw.Products:
        bad = ~pl.col("attributes").map_elements(_is_json_object, return_dtype=pl.Boolean)
        return [_rule("attributes", bad, "a JSON object")]
    if contract is raw.CompetitorSnapshots:
        late = pl.col("captured_at") >= instant_of("date", source.cutoff)
        return [_rule("captured_at", late, f"a moment before {RUN_AT:%H:%M} of the day after the row's own")]
    if contract is SaleLines:
        negative = (pl.col("quantity") < 0) & ~pl.col("is_return")
        amount = pl.col("quantity").cast(pl.Float64).abs() * pl.col("unit_price").cast(pl.Float64)
        return [
            _rule("quantity", pl.col("quantity") == 0, "at least one unit"),
            _rule("quantity", negative, "more than 0 units where is_return is false"),
            _rule("unit_price", amount > MAX_AMOUNT, f"quantity times unit_price of at most {MAX_AMOUNT:,}"),
        ]
    return []


def _class_rules(name: str, column: dy.Column) -> Iterable[Rule]:
    """The rules dataframely knows of a column, each with a sentence."""
    for check, holds in column.validation_rules(pl.col(name)).items():
        bound = getattr(column, check, None)
        sentence = {
            "nullability": f"a value ({column.description})",
            "min": f"at least {bound}",
            "min_exclusive": f"more than {bound}",
            "max": f"at most {bound}",
            "max_exclusive": f"less than {bound}",
            "min_length": f"a text ({column.description})",
            "check__iso_4217": "the ISO 4217 code of a currency in use, like EUR",
        }.get(check, check)
        # a name of spaces alone is as good as none
        keeps = pl.col(name).str.strip_chars().str.len_bytes() > 0 if check == "min_length" else holds
        yield _rule(name, ~keeps, sentence)


def _rule(name: str, broken: pl.Expr, expectation: str) -> Rule:
    return Rule(broken, sentence_of(name, pl.col(name), expectation))


def sentence_of(name: str, value: pl.Expr, expectation: str) -> pl.Expr:
    """`price: found '-1.0000'; expected more than 0`, row by row; `found nothing` for a null."""
    found = pl.coalesce(pl.format("'{}'", value.cast(pl.String)), pl.lit("nothing"))
    return pl.format("{}: found {}; expected {}", pl.lit(name), found, pl.lit(expectation))


def first_broken(frame: pl.DataFrame, rules: list[Rule]) -> pl.DataFrame:
    """`frame` with the sentence of the first rule each row breaks in RULE, null where it breaks none."""
    if not rules:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias(RULE))
    number = pl.coalesce(
        pl.when(rule.broken.fill_null(False)).then(pl.lit(index, dtype=pl.Int32)) for index, rule in enumerate(rules)
    )
    frame = frame.with_columns(number.alias("__broken"))
    at_fault = frame.filter(pl.col("__broken").is_not_null())
    sentences = [
        part.with_columns(rules[index].sentence.alias(RULE))
        for (index,), part in at_fault.group_by("__broken", maintain_order=True)
        if isinstance(index, int)
    ]
    good = frame.filter(pl.col("__broken").is_null()).with_columns(pl.lit(None, dtype=pl.String).alias(RULE))
    return pl.concat([good, *sentences]).drop("__broken")


def duplicates(frame: pl.DataFrame, contract: type[Table]) -> pl.DataFrame:
    """`frame` with RULE set on rows that share a key with another.

    Of rows that agree in every column one stays; where they differ all go, for which one is right is not ours to
    guess. Lines have no key, but the lines summed into one row must share a currency.
    """
    if contract is SaleLines:
        return _mixed_currencies(frame)
    key, every = contract.primary_key(), contract.column_names()
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(RULE))
    double = frame.select(key).is_duplicated()
    if not double.any():
        return frame
    names = ", ".join(key)
    again = pl.int_range(pl.len()).over(key) > 0
    same = pl.struct(every).n_unique().over(key) == 1
    values = pl.concat_str([pl.col(name).cast(pl.String).fill_null("null") for name in key], separator=", ")
    found = pl.format("duplicate key: ({}) = ({})", pl.lit(names), values)
    rule = (
        pl.when(~same)
        .then(pl.format("{} in rows that differ; expected one row per key", found))
        .when(again)
        .then(pl.format("{}, the same row again; expected it once", found))
    )
    return pl.concat([frame.filter(~double), frame.filter(double).with_columns(rule.alias(RULE))])


def _mixed_currencies(frame: pl.DataFrame) -> pl.DataFrame:
    grain = ["date", "sku", "market"]
    if frame["currency"].n_unique() < 2:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias(RULE))
    mixed = pl.col("currency").n_unique().over(grain) > 1
    sentence = sentence_of("currency", pl.col("currency"), "one currency for all lines of a SKU, market and day")
    return frame.with_columns(pl.when(mixed).then(sentence).alias(RULE))


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _few(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more (markets in source.yaml)" if len(shown) > 8 else "")
