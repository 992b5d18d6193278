"""What ran: the commit point of each day, the verdicts of its checks, and every execution."""

from __future__ import annotations

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier, moment

STATUSES = ["priced", "no_trade", "recommended", "expired"]

_FILE = {
    "table": dy.String(description="table"),
    "partition": dy.Date(description="day of the partition"),
    "version": dy.Int64(description="Delta version that holds it"),
    "hash": dy.String(description="content hash, and the name of its file"),
    "rows": dy.Int64(description="rows"),
}
_INPUT = {
    "table": dy.String(description="table read"),
    "first": dy.Date(description="first day of the window"),
    "last": dy.Date(description="last day of the window"),
    "version": dy.Int64(description="Delta version it was read at, -1 where the table is absent"),
    "hash": dy.String(description="hash over what the day could see of the window"),
}


class Days(Table):
    """One row per day and run that changed it: the manifest. A day exists when its row commits.

    The row with the highest sequence stands.
    """

    date = day()
    run_id = identifier("run that committed the day")
    sequence = dy.Int64(min=1, description="order of commits over all days", metadata={"provenance": True})
    status = dy.Enum(
        STATUSES, description="priced, no_trade, recommended (too late to publish), or expired (no longer kept)"
    )
    basis = dy.String(nullable=True, description="hash of all the day was decided from; null without trade")
    late = dy.Bool(description="whether the cut-off had passed when the day was decided")
    as_of = moment("the moment the run judged lateness by", provenance=True)
    effective_from = moment("when the day's prices take effect")
    decided = dy.Int64(min=0, description="standing decisions")
    published = dy.Int64(min=0, description="decisions to publish")
    held = dy.Int64(min=0, description="decisions held")
    quarantined = dy.Int64(min=0, description="rows of the day in quarantine when it was committed")
    decisions_hash = dy.String(nullable=True, description="content hash of the standing decisions")
    steps_hash = dy.String(nullable=True, description="content hash of their steps")
    tables = dy.List(
        dy.Struct(_FILE),
        description="partitions this row puts in force: the day's own, and earlier ones that late rows changed",
    )
    inputs = dy.List(dy.Struct(_INPUT), description="windows the day was decided from")
    settings = dy.String(description="decision-relevant settings, JSON")
    code_version = dy.String(description="version of the package", metadata={"provenance": True})
    lock_hash = dy.String(description="hash of the installed distributions", metadata={"provenance": True})
    committed_at = moment("when the day was committed", provenance=True)


class Checks(Table):
    """One row per day and check: the verdict a later run obeys."""

    date = day()
    table = identifier("table checked")
    check = identifier("name of the check")
    passed = dy.Bool(description="verdict")
    received = dy.Int64(nullable=True, min=0, description="rows received for the day")
    accepted = dy.Int64(nullable=True, min=0, description="rows accepted")
    quarantined = dy.Int64(nullable=True, min=0, description="rows quarantined")
    message = dy.String(description="what was found and what was expected")
    run_id = dy.String(description="run that judged", metadata={"provenance": True})


class Executions(Table):
    """One row per execution, failed ones too. Append-only, one file per execution."""

    kept = "audit"

    started_on = day("day the execution started, UTC")
    run_id = identifier("Dagster run")
    started_at = moment("when it started")
    ended_at = moment("when it ended", nullable=True)
    job = dy.String(description="job or asset selection that was launched")
    first_day = dy.Date(nullable=True, description="first business day of the run")
    last_day = dy.Date(nullable=True, description="last business day of the run")
    outcome = dy.String(description="success, failure or canceled")
    error = dy.String(nullable=True, description="the first error, where it failed; else the days a verdict stopped")
