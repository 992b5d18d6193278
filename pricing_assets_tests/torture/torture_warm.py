"""A process that has imported the platform and forks a run for each line it reads, to be killed by the tests.

Each line holds the arguments of one `pricing` command, or of several to be done in turn; `refresh` in place of one
builds the warehouse anew, and `--without-marts` before one leaves it as it is. It answers with the id of the process
(and process group) it forked, and, once that has ended, with its exit code.

With `--unadorned` nothing is made that only the UI shows; with `--small-models` a training takes no time.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))
from unadorned import WITHOUT_MARTS, unadorned, without_marts


def main(options: Sequence[str]) -> None:
    """Imports, also what a run imports on its way, then serves until the end of its input."""
    import dagster as dg
    import great_expectations  # noqa: F401
    import sqlglot.lineage  # noqa: F401

    from pricing_assets import cli
    from pricing_assets.definitions import defs
    from pricing_assets.defs import plots
    from pricing_assets.pricing import manifest
    from pricing_assets.shell import running  # noqa: F401
    from pricing_assets.strategies import packaged_default, parse

    plots._picture = lambda draw, title: dg.MetadataValue.md(title)  # a third of a run of a tiny shop, and no table

    defs().resolve_job_def("daily")
    manifest.installed_hash()
    parse(packaged_default(), "default.yaml")  # makes the grammar, once
    with ExitStack() as chosen:
        if "--unadorned" in options:
            chosen.enter_context(unadorned())
        if "--small-models" in options:
            chosen.enter_context(small_models())
        for line in sys.stdin:
            pid = os.fork()
            if pid == 0:
                _child(cli.app, [each.split("\x1f") for each in line.rstrip("\n").split("\x1e")])
            print(pid, flush=True)
            _, status = os.waitpid(pid, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)


def _child(app: Callable[[list[str]], object], commands: Sequence[list[str]]) -> None:
    os.setsid()
    os.dup2(2, 1)  # standard output belongs to the answers
    code = 1
    try:
        for arguments in commands:
            code = _ended(app, arguments)
            if code:
                break
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _ended(app: Callable[[list[str]], object], arguments: list[str]) -> int:
    try:
        if arguments[0] == "refresh":
            return refresh(arguments[2])
        if arguments[0] == WITHOUT_MARTS:
            with without_marts():
                app(arguments[1:])
        app(arguments)
        return 0
    except SystemExit as end:
        return int(end.code or 0)


def refresh(home: str) -> int:
    """Draft, dbt, rename: the station of the warehouse alone, on the instance of the home."""
    import dagster as dg

    from pricing_assets.defs import warehouse
    from pricing_assets.defs.resources import Platform
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    os.environ["PRICING_HOME"] = home
    with open_instance(Settings()) as instance:
        platform = {"platform": Platform(home=home)}
        done = dg.materialize(
            [warehouse.marts], resources=platform, instance=instance, run_config=quiet, raise_on_error=False
        )
    return 0 if done.success else 1


@contextmanager
def small_models() -> Iterator[None]:
    """Trains models of one number, each nearer to the truth than the one before, and passes reports of few rows."""
    import mlflow  # noqa: F401
    from fake_model import SOLD, Fake

    from pricing_assets import governance
    from pricing_assets.defs.resources import Platform
    from pricing_assets.models import Bench, Policy, inputs, training

    os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"  # no connection of a parent in its children

    def asked_before(lake: Any, *_: object) -> int:
        with governance.open_store(f"sqlite:///{lake.root.parent / 'governance.db'}") as store:
            return len(store.gate.events())

    def train(events: int, folder: Path, code_version: str, *, first: bool = False) -> Any:
        return Fake(SOLD + 1 / (1 + events)).train(None, folder)  # type: ignore[arg-type]

    def validate(events: int, ours: Any, theirs: Any) -> Any:
        return Fake().validate(ours, theirs)

    real = Platform.bench.fget
    assert real

    def bench(platform: Platform) -> Bench:
        return replace(real(platform), policy=Policy(least_rows=5))

    with (
        mock.patch.object(inputs, "data_of", asked_before),
        mock.patch.object(training, "train", train),
        mock.patch.object(training, "validate", validate),
        mock.patch.object(training, "trained_until", lambda fetched: None),
        mock.patch.object(Platform, "bench", property(bench)),
    ):
        yield


if __name__ == "__main__":
    main(sys.argv[1:])
