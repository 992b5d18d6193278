"""The raw station: reads the source, keeps what holds its contract, quarantines the rest, records the verdicts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import polars as pl

from pricing_assets import features, sources
from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, SOURCE, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.demand.inputs import WINDOW
from pricing_assets.tables import Table
from pricing_assets.tables.raw import Quarantine
from pricing_assets.tables.runs import Checks

TABLES: tuple[type[Table], ...] = (*SOURCE.tables, Quarantine, Checks)


@dg.multi_asset(
    name="raw",
    specs=[catalog.spec(table, kinds=frozenset({"duckdb"})) for table in TABLES],
    check_specs=[spec for table in SOURCE.tables for spec in verdicts.specs(SOURCE, table)],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
)
def raw(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult[None]]:
    """All raw tables of the days, the trailing days again for late rows, and history not received before."""
    lake, source, asked = platform.lake, platform.source, days_of(context)
    # alone from the first look at the source: what was read before another run's must not be committed after it
    with platform.at_work(context, asked), lake.alone("intake"):
        received, lookback = lake.partitions(Checks), max(WINDOW, *features.LOOKBACK.values())
        first, last = sources.reading_window(source, asked, received, lookback)
        intake = sources.take_in(source, first, last, platform.today(last), context.run_id)
        if sources.homeless(source, intake, received):
            day = source.first_day
            _keep(platform, context, sources.take_in(source, day, day, platform.today(last), context.run_id))
        frames, outcome = _keep(platform, context, intake)
    for table, frame in frames.items():
        own = frame.filter(pl.col(table.partition()).is_in(asked))
        seen = {"received": plots.received(own)} if table is Checks else {}
        found = catalog.result(context, table, own, asked, seen)
        judged = verdicts.of_table(table, frames[Checks], asked)
        beyond = verdicts.of_expectations(SOURCE, table, outcome, asked, platform.settings.data_docs)
        yield found._replace(check_results=[*judged, *beyond])


def _keep(
    platform: Platform, context: dg.AssetExecutionContext, intake: sources.Intake
) -> tuple[dict[type[Table], pl.DataFrame], sources.Outcome]:
    """Commits what came in, joined to what is known."""
    lake, source, first, last = platform.lake, platform.source, intake.days[0], intake.days[-1]
    found_at, home = platform.found_at(last), source.first_day
    intake = sources.settle(source, intake, lake.read(Quarantine, home, home), lake.read(Checks, home, home))
    frames: dict[type[Table], pl.DataFrame] = {}
    for table, part in intake.received.items():
        known = lake.read(table, first, last)
        frames[table] = sources.arrive(table, known, part.accepted, source, last, found_at=found_at)
        # they are in the frame now: a table's rows need not be there twice while the next comes in
        intake.received[table] = replace(part, accepted=part.accepted.clear())
    outcome = _expect(platform, frames, intake)
    frames |= {Quarantine: intake.quarantine, Checks: sources.judged(intake, outcome).checks}
    judged = sorted({*intake.days, *intake.checks["date"]})
    for table, frame in frames.items():
        days = judged if table in (Quarantine, Checks) else intake.days
        platform.commit(context, table, frame, days)
    return frames, outcome


def _expect(platform: Platform, frames: Mapping[type[Table], pl.DataFrame], intake: sources.Intake) -> sources.Outcome:
    """The days read, as they now are, held against the weeks before them."""
    day_before = intake.days[0] - timedelta(days=1)
    earliest = intake.days[0] - timedelta(days=sources.HISTORY)
    # an intake may hold rows of the first day too, which are in the lake
    quarantine = intake.quarantine.filter(pl.col("received_on") > day_before)
    now: dict[type[Table], pl.DataFrame] = {**frames, Quarantine: quarantine}
    known = {
        table: pl.concat([platform.lake.read(table, earliest, day_before, columns=names), frame.select(names)])
        for table, frame in now.items()
        for names in (sources.looked_at(table),)
    }
    return sources.expect(platform.source, known, intake.days, intake.closed)
