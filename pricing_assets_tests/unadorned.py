"""Runs of which nothing is made that only the UI shows: more than half of what a run of a small shop costs.

Here: leaving it out in this process, and `pricing …` without it as a program, for what needs a process of its own. Not
here: what the UI shows, which tests of defs/, browser/ and integration/ look at.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

WITHOUT_MARTS = "--without-marts"

_inside: list[object] = []
_left_out = ExitStack()
_door = threading.Lock()


@contextmanager
def unadorned() -> Iterator[None]:
    """Leaves out pictures, samples, the lineage of columns, and what Dagster itself keeps and looks up asset by asset:
    what is planned, what was last, which version of data it was made from, which file a check judged. The events of
    a run are kept.

    Runs side by side in threads share it: the first leaves it out, the last brings it back.
    """
    me = object()
    with _door:
        if not _inside:
            _leave_out()
        _inside.append(me)
    try:
        yield
    finally:
        with _door:
            _inside.remove(me)
            if not _inside:
                _left_out.close()


def _leave_out() -> None:
    """Dagster's own are named as of the version that is locked; under another, patching them fails by name."""
    import dagster as dg
    from dagster._core.definitions.asset_checks.asset_check_result import AssetCheckResult
    from dagster._core.execution.context.system import StepExecutionContext
    from dagster._core.instance.runs.run_domain import RunDomain
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    from pricing_assets.defs import catalog, model_metadata, plots

    def nothing(*arguments: object) -> None:
        return None

    for owner, name, instead in (
        (plots, "_picture", lambda draw, title: dg.MetadataValue.md(title)),
        (catalog, "sample", lambda frame: f"{frame.height} rows"),
        (catalog, "lineage", lambda table, unread=(): dg.TableColumnLineage({})),
        (model_metadata, "of", lambda analytics, compiled, tables, known: {model: {} for model in compiled}),
        (AssetCheckResult, "_get_target_materialization_data", nothing),
        (StepExecutionContext, "fetch_external_input_asset_version_info", nothing),
        (RunDomain, "_log_asset_planned_events", nothing),
        (SqlEventLogStorage, "_store_asset_event_tags", nothing),
        (SqlEventLogStorage, "_store_asset_event", nothing),
        (SqlEventLogStorage, "store_asset_check_event", nothing),
    ):
        _left_out.enter_context(mock.patch.object(owner, name, instead))


@contextmanager
def without_marts() -> Iterator[None]:
    """`pricing run` leaves the marts out: what is looked at is in the lake."""
    from pricing_assets.shell import running

    execute = running._execute

    def line_alone(*arguments: Any, marts: bool) -> running.Launched:
        return execute(*arguments, marts=False)

    with mock.patch.object(running, "_execute", line_alone):
        yield


def main(arguments: list[str]) -> None:
    """Runs the command the arguments name; `--without-marts` before it leaves the marts out."""
    from pricing_assets import cli

    with unadorned():
        if arguments[:1] == [WITHOUT_MARTS]:
            with without_marts():
                cli.app(arguments[1:])
        else:
            cli.app(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
