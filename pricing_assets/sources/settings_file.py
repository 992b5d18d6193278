"""The shape of `source.yaml`: every key it may have, and what each must hold.

Here: the pydantic model. Not here: reading the file or the SQL beside it.
"""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

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
    """What is known of a market: its country decides its public holidays."""

    country: Country | None = None


class Limits(_Strict):
    """Shares of received rows past which a day stops, and seconds past which a query of a database does."""

    quarantine_share: Share = 0.05
    undated_share: Share = 0.05
    query_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300


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
    files: dict[Annotated[str, AfterValidator(_name)], ExcelFile] = {}
    variables: dict[Annotated[str, AfterValidator(_variable)], str] = {}

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
    def _reads_one_way(self) -> SourceFile:
        if self.database and (self.files or self.variables):
            raise ValueError("database: given beside files or variables; SQL that runs in a database reads no files")
        return self

    @model_validator(mode="after")
    def _default_is_allowed(self) -> SourceFile:
        if self.currencies and self.currency not in self.currencies:
            raise ValueError(f"currencies: {', '.join(self.currencies)} lack the default currency {self.currency}")
        return self
