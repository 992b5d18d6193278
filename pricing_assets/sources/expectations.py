"""Expectations: a reading held against what its days are expected to look like, by Great Expectations.

Here: running a table's suite over the days of a run at once, and its verdicts, one row of runs.checks per day and
check. Not here: the figures (profiles), the bands (suites), the rules of rows and counts (contracts, judging).
Great Expectations is imported only where a suite is run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.sources.intake import Intake
from pricing_assets.sources.profiles import Frames, Profile, examples, profiles
from pricing_assets.sources.source import Source
from pricing_assets.sources.suites import Expected, suite

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.core.result_format import ResultFormatUnion
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

DETAILS = {"result_format": "COMPLETE", "unexpected_index_column_names": ["date"]}
NOT_JUDGED = "nothing to compare with: a day without trade, too few of them before it, or too few rows"
FAILED = {
    "date": pl.Date,
    "table": pl.String,
    "check": pl.String,
    "expectation": pl.String,
    "found": pl.Float64,
    "expected": pl.String,
    "examples": pl.String,
}
FIGURES = {"date": pl.Date, "table": pl.String, "check": pl.String, "figure": pl.Float64}
VERDICTS = {"date": pl.Date, "table": pl.String, "check": pl.String, "passed": pl.Boolean, "message": pl.String}


@dataclass(frozen=True)
class Outcome:
    """`verdicts` per day, table and check, as in runs.checks; `failed`, of those that did not pass, what was found;
    `figures`, what was looked at, where there was one."""

    verdicts: pl.DataFrame
    failed: pl.DataFrame
    figures: pl.DataFrame


def expect(source: Source, frames: Frames, days: Sequence[date], closed: Collection[date] = ()) -> Outcome:
    """Holds `days` against the source's expectations.

    `frames` as for `profiles`; `closed` are the days without trade. A day source.yaml accepts passes. The verdict of a
    day follows from rows known before its cut-off, so it stays when late rows arrive; only rows that bear no moment (in
    quarantine, all of products, of rivals those without `captured_at`) are judged as they now stand.
    """
    verdicts: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    found = profiles(source, frames, days, closed) if source.expectations else {}
    missed = not_met(source.expectations, found)
    for table, profile in found.items():
        beyond = out_of_band(table, missed[table], profile) if missed[table] else {}
        for each in source.expectations.get(table, ()):
            unknown = set(profile.days.filter(pl.col(each.check).is_null())["date"])
            for day in days:
                value = None if day in source.accepted else beyond.get((day, each.check))
                said = _failure(table, each, profile, day, value) if value is not None else None
                failed += [said] if said else []
                message = _failed_words(said, each) if said else _passed_words(source, each, day, day in unknown)
                row = {"date": day, "table": table, "check": each.check, "passed": said is None, "message": message}
                verdicts.append(row)
    verdicts_made, failed_made = pl.DataFrame(verdicts, schema=VERDICTS), pl.DataFrame(failed, schema=FAILED)
    return Outcome(verdicts_made, failed_made, _figures(source.expectations, found))


def _figures(expectations: Mapping[str, Sequence[Expected]], found: Mapping[str, Profile]) -> pl.DataFrame:
    """Every figure looked at: date, table, check, figure."""
    rows = [
        profile.days.select("date", pl.lit(table).alias("table"), pl.lit(each.check).alias("check"), figure=each.check)
        for table, profile in found.items()
        for each in expectations.get(table, ())
    ]
    return pl.concat([pl.DataFrame(schema=FIGURES), *rows]).drop_nulls("figure")


def judged(intake: Intake, outcome: Outcome) -> Intake:
    """The intake with the verdicts of its expectations among its checks."""
    counts = intake.checks.select("date", "table", "received", "accepted", "quarantined").unique()
    verdicts = outcome.verdicts.join(counts, on=["date", "table"], how="inner", maintain_order="left")
    verdicts = verdicts.with_columns(run_id=pl.lit(intake.run_id)).select(intake.checks.columns)
    return intake._replace(checks=pl.concat([intake.checks, verdicts]))


def silent_context(site: Path | None = None) -> EphemeralDataContext:
    """A context of Great Expectations that draws nothing on the screen and tells nobody.

    All it writes to disk is the site, where one is given.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=settings)
    if site:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site.absolute())}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        pages = {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
        context.add_data_docs_site("data_docs", pages)  # type: ignore[arg-type]
    return context


def batch_of(days: pl.DataFrame) -> pd.DataFrame:
    """The days of a profile as Great Expectations reads them: one row per day, figures as float64."""
    import pandas as pd

    figures = {name: days[name].to_numpy() for name in days.columns if name != "date"}
    return pd.DataFrame({"date": days["date"].cast(pl.String).to_list(), **figures})


def not_met(expectations: Mapping[str, Sequence[Expected]], found: Mapping[str, Profile]) -> dict[str, list[Expected]]:
    """Table → its expectations that some day does not meet, asked of all tables at once: each asking costs.

    A figure that is null on every day is not asked for: it would pass.
    """
    wide = [profile.days.select("date") for profile in found.values()][:1]
    expected: dict[str, tuple[str, Expected]] = {}
    for table, profile in found.items():
        known = [each for each in expectations.get(table, ()) if profile.days[each.check].count()]
        wide.append(profile.days.select(pl.col(each.check).alias(f"{table} {each.check}") for each in known))
        expected |= {f"{table} {each.check}": (table, each) for each in known}
    missed: dict[str, list[Expected]] = {table: [] for table in found}
    if expected:
        asked = {column: each for column, (_, each) in expected.items()}
        for result in _validated("all tables", asked, pl.concat(wide, how="horizontal"), "BOOLEAN_ONLY").results:
            if not result.success:
                table, each = expected[_check(result)]
                missed[table].append(each)
    return missed


def out_of_band(table: str, expected: Sequence[Expected], profile: Profile) -> dict[tuple[date, str], float]:
    """(day, check) → its figure, where that is out of its band."""
    return days_out_of_band(_validated(table, {each.check: each for each in expected}, profile.days, DETAILS))


def days_out_of_band(details: ExpectationSuiteValidationResult) -> dict[tuple[date, str], float]:
    """(day, check) → its figure, where a validation with DETAILS found that out of its band."""
    return {
        (date.fromisoformat(found["date"]), _check(result)): found[_check(result)]
        for result in details.results
        if not result.success
        for found in _found(result)
    }


def _validated(
    name: str, expected: Mapping[str, Expected], days: pl.DataFrame, result_format: ResultFormatUnion
) -> ExpectationSuiteValidationResult:
    asset = silent_context().data_sources.add_pandas("profiles").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("days").get_batch({"dataframe": batch_of(days)})
    return batch.validate(suite(name, expected), result_format=result_format)


def _found(result: ExpectationValidationResult) -> list[dict[str, Any]]:
    """The days that failed an expectation. Raises where it could not be evaluated at all: that is no verdict."""
    if result.exception_info.get("raised_exception") or "unexpected_index_list" not in result.result:
        raise RuntimeError(f"{_check(result)} could not be evaluated: {result.exception_info}")
    found: list[dict[str, Any]] = result.result["unexpected_index_list"]
    return found


def _check(result: ExpectationValidationResult) -> str:
    """The check of an expectation, and the column it looks at."""
    assert result.expectation_config is not None
    return str(result.expectation_config.kwargs["column"])


def _failure(table: str, expected: Expected, profile: Profile, day: date, value: float) -> dict[str, Any]:
    return {
        "date": day,
        "table": table,
        "check": expected.check,
        "expectation": expected.says,
        "found": float(value),
        "expected": expected.band,
        "examples": "; ".join(examples(profile.figures[expected.check], day)),
    }


def _failed_words(failure: Mapping[str, Any], expected: Expected) -> str:
    shown = f" (e.g. {failure['examples']})" if failure["examples"] else ""
    found = f"{failure['expectation']}: found {failure['found']:g}, expected {failure['expected']}{shown}"
    return f"{found}; {expected.remedy}; if the day is right as it is, say so in expectations.accepted of source.yaml"


def _passed_words(source: Source, expected: Expected, day: date, unknown: bool) -> str:
    """Nothing of these depends on the figures: a passed verdict stays the same, word for word."""
    if day in source.accepted:
        return f"accepted in source.yaml: {source.accepted[day]}"
    return f"{expected.says}: " + (NOT_JUDGED if unknown else f"{expected.band}, as expected")
