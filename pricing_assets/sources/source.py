"""One source: its settings, its tables, and when its days end, are cut off and take effect.

Here: `load`, which finds every fault of `source.yaml` at once, and `Source`. Not here: reading any row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.sources.publish_block import Publish
from pricing_assets.sources.settings_file import WEEKDAYS, ExcelFile, Experiments, Limits, SourceFile
from pricing_assets.sources.suites import Expected
from pricing_assets.tables import RAW, REQUIRED
from pricing_assets.tables.base import Table
from pricing_assets.tables.hours import cutoff

SETTINGS_FILE = "source.yaml"


@dataclass(frozen=True)
class Source:
    """A source as `load` read it. Dates are business days in `time_zone`; instants are UTC."""

    folder: Path
    name: str
    time_zone: str
    currency: str
    currencies: tuple[str, ...]
    markets: Mapping[str, str | None]
    first_day: date
    last_day: date | None
    historical: bool
    trailing_days: int
    publish_at: time
    closed_days: tuple[date | str, ...]
    empty_days: Literal["no_trade", "error"]
    limits: Limits
    tables: tuple[type[Table], ...]
    files: Mapping[str, ExcelFile] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    database: str | None = field(default=None, repr=False)  # its URL may hold a password
    expectations: Mapping[str, tuple[Expected, ...]] = field(default_factory=dict)
    accepted: Mapping[date, str] = field(default_factory=dict)
    experiments: Experiments = field(default_factory=Experiments)
    law: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    publish: Publish = field(default_factory=Publish)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, tzinfo=self._zone).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """Local midnight after `day`, as UTC: when a row without `known_at` counts as known."""
        return self._instant(day + timedelta(days=1), time(0))

    def cutoff(self, day: date) -> datetime:
        """Local 02:00 of the day after, as UTC: `day` sees what was known before it."""
        return cutoff(day, self._zone)

    def last_ended(self, moment: datetime) -> date:
        """The newest business day whose cut-off, 02:00 of the day after, has passed at the moment."""
        day = moment.astimezone(self._zone).date() - timedelta(days=1)
        return day if self.cutoff(day) <= moment else day - timedelta(days=1)

    def effective_from(self, day: date) -> datetime:
        """When prices decided for `day` take effect: `publish_at` of the day after, as UTC."""
        return self._instant(day + timedelta(days=1), self.publish_at)

    def due(self, day: date, by: time | None = None) -> datetime:
        """When `day` must stand: `by` of the day after, by the shop's clock; by default when its prices take effect."""
        return self._instant(day + timedelta(days=1), by or self.publish_at)

    def next_effective_day(self, now: datetime) -> date:
        """The day that gets the prices the next run decides; where all is history, the day after the last one."""
        if self.last_day is not None:
            return self.last_day + timedelta(days=1)
        today = now.astimezone(self._zone).date()
        return today if now < self.effective_from(today - timedelta(days=1)) else today + timedelta(days=1)

    def first_effective_day(self, now: datetime) -> date:
        """The first day whose prices may still be decided: the next one, or any where the shop only has history."""
        return self.first_day + timedelta(days=1) if self.historical else self.next_effective_day(now)

    def last_admissible(self, as_of_day: date) -> date:
        """The last day a row may be dated: the source's own last day if historical, else the day of reading."""
        return self.last_day if self.last_day is not None else as_of_day

    def closed(self, day: date) -> bool:
        """Whether `closed_days` names the day or its weekday."""
        return day in self.closed_days or WEEKDAYS[day.weekday()] in self.closed_days

    def sql_file(self, table: type[Table]) -> Path:
        """Where the SELECT of a table stands."""
        return self.folder / sql_name(table)


def sql_name(table: type[Table]) -> str:
    """Name of a table's SQL file: `raw.prices` is `prices.sql`."""
    return f"{table.table_name().split('.')[1]}.sql"


def load(folder: Path, settings: Settings) -> Source:
    """Read a source's `source.yaml` and see which SQL files stand beside it.

    A variable set in the environment (or `.env`) counts from the working directory, its default in `source.yaml` from
    the folder. The SQL runs in the database PRICING_SOURCE_URL names, else in `database` of `source.yaml`, else over
    files. Raises PricingError with every fault found, each named by its key.
    """
    if not (folder / SETTINGS_FILE).is_file():
        what = f"holds no {SETTINGS_FILE}" if folder.is_dir() else "no such folder"
        raise PricingError(
            f"{folder}: {what}", f"name the folder of a source, or write one: `pricing source init {folder}`"
        )
    file, faults = _read(folder / SETTINGS_FILE)
    faults += [
        f"{sql_name(table)}: no such file; expected the SELECT of {table.table_name()}"
        for table in REQUIRED
        if not (folder / sql_name(table)).is_file()
    ]
    if settings.source_url and file is not None and (file.files or file.variables):
        faults.append("PRICING_SOURCE_URL: names a database, but the source reads files; unset it for this source")
    if faults or file is None:
        raise PricingError(
            "\n  ".join([f"{folder}: {counted(len(faults), 'fault')} in the source", *faults]),
            "mend them; `pricing source init DIR` writes a template that works, docs/sources.md lists every key",
        )
    return _source(folder, file, settings)


def _read(path: Path) -> tuple[SourceFile | None, list[str]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [f"{path.name}: cannot be read ({error.strerror}); expected the settings of the source"]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return None, [f"{path.name}: no YAML ({' '.join(str(error).split())})"]
    if not isinstance(content, dict):
        return None, [f"{path.name}: holds {type(content).__name__}; expected keys and values"]
    try:
        return SourceFile.model_validate(content), []
    except ValidationError as error:
        return None, [_fault(path.name, dict(fault)) for fault in error.errors()]


def _fault(file: str, fault: dict[str, object]) -> str:
    """One pydantic error as one sentence: file, key, what is there, what was expected."""
    location = fault["loc"]
    key = ".".join(str(part) for part in location) if isinstance(location, tuple) else ""
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return f"{file}: {key}: unknown key; expected one of {', '.join(SourceFile.model_fields)}"
    if fault["type"] == "missing":
        return f"{file}: {key}: missing"
    return f"{file}: {key}: {message} (found {fault['input']!r})" if key else f"{file}: {message}"


def _source(folder: Path, file: SourceFile, settings: Settings) -> Source:
    return Source(
        folder=folder,
        name=file.name,
        time_zone=file.time_zone,
        currency=file.currency,
        currencies=file.currencies or (file.currency,),
        markets={name: market.country for name, market in file.markets.items()},
        first_day=file.first_day,
        last_day=file.last_day,
        historical=file.historical,
        trailing_days=file.trailing_days,
        publish_at=file.publish_at,
        closed_days=file.closed_days,
        empty_days=file.empty_days or ("no_trade" if file.historical else "error"),
        limits=file.limits,
        tables=tuple(table for table in RAW if (folder / sql_name(table)).is_file()),
        files=file.files,
        variables={
            name: _variable(folder, default, settings.variable(name)) for name, default in file.variables.items()
        },
        database=settings.source_url or _database(file, settings),
        expectations=file.expectations.suites(),
        accepted=file.expectations.accepted,
        experiments=file.experiments.model_copy(update={"salt": file.experiments.salt or file.name}),
        law={name: market.law for name, market in file.markets.items() if market.law},
        publish=file.publish,
    )


def _database(file: SourceFile, settings: Settings) -> str | None:
    """The database `source.yaml` names; `{home}` in it is PRICING_HOME."""
    return file.database.replace("{home}", str(settings.home.absolute())) if file.database else None


def _variable(folder: Path, default: str, given: str | None) -> str:
    path = Path(given).expanduser() if given else folder / default
    return str(path.absolute())
