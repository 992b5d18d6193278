"""What a backup says of itself in its first member, and whether this version of the product can read it.

Here: the head and its judgement. Not here: the members (container), where they go (restoring).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pricing_assets import __version__
from pricing_assets.archive.container import MADE
from pricing_assets.archive.places import DAGSTER
from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.governance.database import known_revisions
from pricing_assets.lake import Lake
from pricing_assets.lake.contracts import dtypes
from pricing_assets.models.mlflow_client import shown
from pricing_assets.settings import Settings
from pricing_assets.tables import ALL, runs

FORMAT = 1
"""Of the file. A change that an older version would misread raises it; every later version reads all earlier ones."""
NAME, CONTENTS = "backup.json", "contents.json"
"""The first member, and the last one: bytes and SHA-256 of all others."""


@dataclass(frozen=True)
class TableState:
    """A Delta table as it is in the backup: its version, and its columns with their Delta types as JSON."""

    version: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Head:
    """What a backup is of. `events` counts the governance events in it, `elsewhere` names what is not."""

    format: int
    code_version: str
    made_at: str
    shop: str
    first_day: str | None
    last_day: str | None
    days: int
    governance_revision: str | None
    events: int
    tables: Mapping[str, TableState]
    settings: Mapping[str, Any]
    elsewhere: Sequence[str]

    def written(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), indent=1).encode()

    @property
    def span(self) -> str:
        """Its days in words."""
        return f"{counted(self.days, 'day')}, {self.first_day} to {self.last_day}" if self.days else "no day"


@dataclass(frozen=True)
class Moment:
    """What belongs together: the versions of all tables, and the number of the last governance event."""

    versions: Mapping[str, int]
    event: int


def head_of(settings: Settings, lake: Lake, moment: Moment, revision: str | None) -> Head:
    """The head of a backup that is being made."""
    shop = lake.root / "_shop"
    version = moment.versions.get(runs.Days.table_name(), -1)
    standing = lake.read(runs.Days, version=version, columns=["date"])["date"].unique().sort()
    return Head(
        format=FORMAT,
        code_version=__version__,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        shop=shop.read_text(encoding="utf-8") if shop.exists() else "",
        first_day=str(standing[0]) if len(standing) else None,
        last_day=str(standing[-1]) if len(standing) else None,
        days=len(standing),
        governance_revision=revision,
        events=moment.event,
        tables={name: _state(lake, name, version) for name, version in moment.versions.items()},
        settings=_settings(settings),
        elsewhere=list(_elsewhere(settings)),
    )


def _state(lake: Lake, name: str, version: int) -> TableState:
    known = {table.table_name(): table for table in ALL}
    return TableState(version, dict(lake.fields(known[name], version)) if name in known else {})


def _settings(settings: Settings) -> dict[str, Any]:
    """What a person who restores wants to set as it was, without passwords."""
    return {
        "source": str(settings.source.absolute()),
        "source_url": _masked(settings.source_url),
        "governance_url": _masked(settings.governance_url),
        "mlflow_uri": shown(settings.registry) if settings.registry else None,
        "second_approval": settings.second_approval,
        "approval_days": settings.approval_days,
        "executor": settings.executor,
    }


def _elsewhere(settings: Settings) -> Iterator[str]:
    yield f"the shop's folder {settings.source.absolute()}: keep it as you keep code"
    if settings.source_url:
        yield f"the shop's database {_masked(settings.source_url)}"
    if settings.registry and not _lies_in(settings.registry, settings.home):
        yield f"the model registry {shown(settings.registry)}: back it up where it is"
    if not (settings.home / DAGSTER / "history").is_dir():
        yield "Dagster's runs: they are kept outside the home"


def _lies_in(uri: str, home: Path) -> bool:
    prefix = "sqlite:///"
    return uri.startswith(prefix) and Path(uri.removeprefix(prefix)).resolve().is_relative_to(home.resolve())


def _masked(url: str | None) -> str | None:
    return shown(url) if url else None


def parsed(text: bytes, file: object) -> Head:
    """A head as it was written. Raises PricingError for a format this version does not know."""
    try:
        said = json.loads(text)
        number = int(said["format"])
        if number > FORMAT:
            raise PricingError(
                f"{file}: is a backup of format {number}, written by version {said.get('code_version', '?')};"
                f" this is version {__version__}, which reads up to format {FORMAT}",
                "upgrade pricing-assets to the version that wrote it, then restore",
            )
        tables = {name: TableState(each["version"], each["columns"]) for name, each in said.pop("tables").items()}
        return Head(**said, tables=tables)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise PricingError(f"{file}: is no backup: its {NAME} says {fault}", MADE) from fault


def refuse_newer(head: Head, file: object) -> None:
    """Raises PricingError where a newer version of the product wrote what this one would misread."""
    newer = [*_newer_tables(head)]
    known = known_revisions()
    if head.governance_revision is not None and head.governance_revision not in known:
        newer.append(f"governance schema {head.governance_revision}, known here up to {known[-1]}")
    if newer:
        raise PricingError(
            f"{file}: version {head.code_version} wrote it, this is version {__version__}: {'; '.join(newer[:3])}",
            f"upgrade pricing-assets to version {head.code_version} or later, then restore",
        )


def _newer_tables(head: Head) -> list[str]:
    """Tables and columns this version does not know; none of a backup that an older one wrote."""
    if _numbers(head.code_version) < _numbers(__version__):
        return []
    known = {table.table_name(): dtypes(table) for table in ALL}
    found = [f"table {name} is not known here" for name in head.tables if name not in known]
    for name, state in head.tables.items():
        unknown = set(state.columns) - set(known.get(name, state.columns))
        found += [f"column {column} of {name} is not known here" for column in sorted(unknown)]
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
