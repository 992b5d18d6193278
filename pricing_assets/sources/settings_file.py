"""The shape of `source.yaml`: every key it may have, and what each must hold.

Here: the pydantic model. Not here: reading the file or the SQL beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from pricing_assets.sources.publish_block import Publish
from pricing_assets.sources.suites import PREFIX, SUITES, Expected
from pricing_assets.tables.hours import RUN_AT
from pricing_assets.tables.money import CURRENCIES, FOUR_DECIMALS

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RESERVED_VARIABLES = ("first_day", "last_day")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("no such time zone; expected an IANA name like Europe/London") from error
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected a name of letters, digits and _, not starting with a digit")
    return value


def _variable(value: str) -> str:
    if value.lower() in RESERVED_VARIABLES:
        raise ValueError("the name is taken: it is the window being read")
    return _name(value)


def _currency(value: str) -> str:
    if value in FOUR_DECIMALS:
        raise ValueError("a unit of account of four decimals; prices are decided in minor units of at most three")
    if value not in CURRENCIES:
        raise ValueError("no such currency; expected the ISO 4217 code of one in use, like EUR")
    return value


def _closed(value: date | str) -> date | str:
    if isinstance(value, date) or value in WEEKDAYS:
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"expected a date or one of {', '.join(WEEKDAYS)}") from error


Currency = Annotated[str, AfterValidator(_currency)]
Market = Annotated[str, Field(min_length=1)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MarketSettings(_Strict):
    """What is known of a market: its country decides its public holidays; `law` names legal rules prices must obey."""

    country: Country | None = None
    law: tuple[Literal["no_sale_below_cost", "prior_price_30d"], ...] = ()


class Limits(_Strict):
    """Shares of received rows past which a day stops, and seconds past which a query of a database does."""

    quarantine_share: Share = 0.05
    undated_share: Share = 0.05
    query_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300


Band = tuple[float | None, float | None]


class Expectations(_Strict):
    """Changes to the suites: per table (`sales`) and check (`volume`) another band `[low, high]`, or false for none.

    `accepted` are days a person looked at and found right, with the reason: their expectations pass. Where it is not
    `enabled`, nothing is expected.
    """

    enabled: bool = True
    bands: dict[str, dict[str, Band | Literal[False]] | Literal[False]] = {}
    accepted: dict[date, Annotated[str, Field(min_length=1)]] = {}

    @field_validator("bands")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for table, changes in value.items():
            if PREFIX + table not in SUITES:
                raise ValueError(f"{table}: no such table; expected one of {_names(SUITES)}")
            checks = {each.check for each in SUITES[PREFIX + table]}
            for check, band in (changes or {}).items():
                if check not in checks:
                    raise ValueError(f"{table}.{check}: no such check; expected one of {_names(checks)}")
                if band and (band == (None, None) or (None not in band and band[0] > band[1])):
                    raise ValueError(
                        f"{table}.{check}: expected [low, high], low not above high; null leaves an end open"
                    )
        return value

    def suites(self) -> dict[str, tuple[Expected, ...]]:
        """Table name → what is expected of it, these changes applied."""
        changes = {table: self.bands.get(table.removeprefix(PREFIX), {}) for table in SUITES if self.enabled}
        return {
            table: tuple(
                _changed(each, bands.get(each.check)) for each in SUITES[table] if bands.get(each.check) is not False
            )
            for table, bands in changes.items()
            if bands is not False
        }


def _changed(expected: Expected, band: Band | Literal[False] | None) -> Expected:
    return replace(expected, low=band[0], high=band[1]) if band else expected


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(name.removeprefix(PREFIX) for name in names))


class Experiments(_Strict):
    """Hold-outs: the share of clusters (category × market) whose prices stay for a period, and what draws them.

    They concern strategies of type ml and hybrid alone. `salt` makes the draw this shop's own; absent, its name does.
    """

    hold_out: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    period_days: Annotated[int, Field(ge=7, le=364)] = 28
    salt: Annotated[str, Field(min_length=1)] | None = None


class ExcelFile(_Strict):
    """An Excel sheet the SQL may read as a table."""

    path: Path
    sheet: str | int = 0


class SourceFile(_Strict):
    """All keys of `source.yaml`; a key that is not here is refused."""

    name: str = Field(min_length=1)
    time_zone: Annotated[str, AfterValidator(_zone)]
    currency: Currency
    currencies: tuple[Currency, ...] = ()
    markets: dict[Market, MarketSettings] = Field(min_length=1)
    first_day: date
    last_day: date | None = None
    historical: bool = False
    trailing_days: int = Field(7, ge=0, le=365)
    publish_at: time = time(6)
    closed_days: tuple[Annotated[date | str, AfterValidator(_closed)], ...] = ()
    empty_days: Literal["no_trade", "error"] | None = None
    limits: Limits = Limits()
    database: str | None = Field(None, min_length=1)
    expectations: Expectations = Expectations()
    experiments: Experiments = Experiments()
    publish: Publish = Publish()
    files: dict[Annotated[str, AfterValidator(_name)], ExcelFile] = {}
    variables: dict[Annotated[str, AfterValidator(_variable)], str] = {}

    @field_validator("expectations", "publish", mode="before")
    @classmethod
    def _switched_off(cls, value: Any) -> Any:
        """`expectations: false` expects nothing, `publish: false` publishes nothing."""
        return {"enabled": False} if value is False else value

    @field_validator("markets", mode="before")
    @classmethod
    def _list_of_markets(cls, value: Any) -> Any:
        """`[UK, DE]` and `{UK: , DE: }` are markets without a country."""
        if isinstance(value, list):
            return {market: {} for market in value}
        if isinstance(value, dict):
            return {market: {} if inner is None else inner for market, inner in value.items()}
        return value

    @field_validator("publish_at", mode="before")
    @classmethod
    def _clock(cls, value: Any) -> Any:
        """YAML reads an unquoted 06:00 as text but 10:30 as 630: base 60."""
        return time(value // 60, value % 60) if isinstance(value, int) and 0 <= value < 1440 else value

    @field_validator("publish_at")
    @classmethod
    def _after_the_run_starts(cls, value: time) -> time:
        if value.replace(tzinfo=None) < RUN_AT:
            raise ValueError(f"expected {RUN_AT:%H:%M} or later, because the run that decides the prices starts then")
        return value

    @model_validator(mode="after")
    def _days_agree(self) -> SourceFile:
        if self.historical and self.last_day is None:
            raise ValueError("last_day: missing; expected the last day of the data, because historical is true")
        if not self.historical and self.last_day is not None:
            raise ValueError("last_day: given; expected only where historical is true")
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError(f"last_day: {self.last_day} lies before first_day {self.first_day}")
        return self

    @model_validator(mode="after")
    def _publishes_to_its_markets(self) -> SourceFile:
        if strange := sorted(self.publish.markets.keys() - self.markets.keys()):
            raise ValueError(f"publish.markets: {strange[0]} is no market; expected one of {', '.join(self.markets)}")
        return self

    @model_validator(mode="after")
    def _reads_one_way(self) -> SourceFile:
        if self.database and (self.files or self.variables):
            raise ValueError("database: given beside files or variables; SQL that runs in a database reads no files")
        return self

    @model_validator(mode="after")
    def _default_is_allowed(self) -> SourceFile:
        if self.currencies and self.currency not in self.currencies:
            raise ValueError(f"currencies: {', '.join(self.currencies)} lack the default currency {self.currency}")
        return self
