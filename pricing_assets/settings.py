"""What may be set from outside. Nobody else in the package reads the environment.

Values come from environment variables, then from a `.env` file in the working directory, then from the defaults here.
"""

from __future__ import annotations

import os
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pricing_assets.errors import PricingError

EXAMPLES = Path(__file__).parent.parent / "examples"
SAP_LIKE = EXAMPLES / "sap_like"
_NEAR = 0.9  # a letter or two; PRICING_DAGSTER_FOLDER, which deploy/ sets, is farther from PRICING_DAGSTER_HOME
LEAST_DAYS = 40
"""Days of decisions that are kept at least: a price waits for a person, and its answer binds, up to 30 days each, and a
run reads a week again for late rows."""


class Settings(BaseSettings):
    """Where things live, and what a deployment may change without touching code."""

    model_config = SettingsConfigDict(
        env_prefix="PRICING_", env_file=".env", env_file_encoding="utf-8", extra="allow", frozen=True
    )

    home: Path = Field(
        default=Path(".pricing"),
        description="everything written lives here",
    )
    source: Path = Field(
        default=SAP_LIKE,
        description="folder with source.yaml and one SQL file per raw table",
    )
    source_url: str | None = Field(
        default=None,
        description="database the SQL files run in; absent, the one source.yaml names, else DuckDB reads files",
    )
    governance_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the governance store; absent, SQLite under home",
    )
    mlflow_uri: str | None = Field(
        default=None,
        description="MLflow's tracking and registry URI; absent, MLFLOW_TRACKING_URI, else SQLite under home",
    )
    second_approval: bool = Field(
        default=False,
        description="whether another person than the one who approved a training must agree to the promotion",
    )
    approval_days: int = Field(
        default=7,
        ge=1,
        le=365,
        description="days a person has to answer a drift event, and a second person a promotion",
    )

    sla: time | None = Field(
        default=None,
        gt=time(2),  # the day's run starts then
        description="by when of the day after a day must stand, HH:MM by the shop's clock; absent, its publish_at",
    )
    metrics: Path | None = Field(
        default=None,
        description="folder of the metrics file, e.g. that of node_exporter's textfile collector; absent, under home",
    )
    log_days: int = Field(
        default=30,
        ge=1,
        le=36_500,
        description="days the log keeps",
    )
    keep_decisions_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="last days whose decisions are kept, at least 40, so that what people answered still binds; "
        "0 for ever",
    )
    keep_audit_days: int = Field(
        default=730,
        ge=0,
        le=36_500,
        description="last days whose price book, overrides, answers, publications and audit log are kept; 0 for ever",
    )
    keep_runs_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="days Dagster remembers runs that runs.executions keeps; 0 for ever",
    )
    keep_grace_days: int = Field(
        default=7,
        ge=1,
        le=36_500,
        description="days a file stays after nothing needs it any more: so long may a reader have it open",
    )

    executor: Literal["in_process", "multiprocess"] = Field(
        default="in_process",
        description="how Dagster runs steps; a step process costs seconds of imports",
    )

    chunk_rows: int = Field(
        default=310_000,
        ge=1,
        le=10**9,
        description="SKU-markets × days that `pricing run` prices in one execution: memory is bounded by it",
    )

    marts_memory: str | None = Field(
        default=None,
        pattern=r"^[1-9]\d*(%|[KMGT]i?B)$",
        description="memory DuckDB may take while dbt builds the marts, e.g. 4GB; absent, half of the machine's",
    )

    dagster_home: Path | None = Field(
        default=None,
        validation_alias="DAGSTER_HOME",
        description="folder with dagster.yaml; absent, the working directory if it has one, else under home",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, field: ValidationInfo) -> Any:
        """An empty variable says nothing, as `PRICING_SLA=` in a file of settings; it still overrides `.env`."""
        return cls.model_fields[str(field.field_name)].get_default() if value == "" else value

    @field_validator("keep_decisions_days")
    @classmethod
    def _kept_long_enough(cls, days: int) -> int:
        if 0 < days < LEAST_DAYS:
            raise ValueError(f"at least {LEAST_DAYS} days, or 0 for ever: an answer binds for up to 30")
        return days

    @property
    def lake(self) -> Path:
        """Root of the Delta tables."""
        return self.home / "lake"

    @property
    def analytics(self) -> Path:
        """The DuckDB file analysts open."""
        return self.home / "analytics.duckdb"

    @property
    def data_docs(self) -> Path:
        """The pages Great Expectations draws on demand."""
        return self.home / "data_docs"

    @property
    def logs(self) -> Path:
        """The log, one file of JSON lines per UTC day."""
        return self.home / "logs"

    @property
    def metrics_folder(self) -> Path:
        """Where the metrics file is written."""
        return self.metrics or self.home / "metrics"

    @property
    def governance(self) -> str:
        """SQLAlchemy URL of the governance store."""
        return self.governance_url or f"sqlite:///{self.home / 'governance.db'}"

    @property
    def registry(self) -> str | None:
        """URI of the model registry; None for SQLite under home."""
        return self.mlflow_uri or self.variable("MLFLOW_TRACKING_URI")

    def variable(self, name: str) -> str | None:
        """A variable an example names for itself, e.g. UCI_ONLINE_RETAIL, from the environment or `.env`."""
        return _Variables.read(name)


def named() -> tuple[list[str], dict[str, str]]:
    """Variables of the environment and of `.env` that are settings, and those that are nearly one, with that one.

    What is unlike any setting is somebody else's: a deployment has variables of its own.
    """
    prefixed = {f"PRICING_{name.upper()}": field.validation_alias for name, field in Settings.model_fields.items()}
    names = {name: str(alias or name) for name, alias in prefixed.items()}  # DAGSTER_HOME has no prefix
    seen = _Variables.names()
    near = {name: get_close_matches(name, names, n=1, cutoff=_NEAR) for name in seen if name not in names.values()}
    return [name for name in names.values() if name in seen], {name: names[to[0]] for name, to in near.items() if to}


def misspelt() -> PricingError | None:
    """What to say of variables that are nearly settings: they are without effect, and nobody would be told."""
    words = [f"{name} is no setting: {meant} may be meant" for name, meant in named()[1].items()]
    remedy = "name it rightly, or take it out of the environment and of .env"
    return PricingError("; ".join(words), remedy) if words else None


class _Variables(BaseSettings):
    """The environment and `.env` as they are, for variables only a source knows by name, and for names alone."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="allow")

    @classmethod
    def read(cls, name: str) -> str | None:
        extras = cls().__pydantic_extra__ or {}
        return os.environ.get(name) or extras.get(name.lower())

    @classmethod
    def names(cls) -> list[str]:
        """Their names, in capitals."""
        return sorted({*os.environ, *(name.upper() for name in cls().__pydantic_extra__ or {})})
