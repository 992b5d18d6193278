"""The Dagster instance the shell runs on: the one `dagster dev` shows, where there is one.

Here: which instance, and how it keeps its engines. Not here: what runs on it.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml

from pricing_assets import disks
from pricing_assets.errors import PricingError
from pricing_assets.lake.files import exclusive, write_durably
from pricing_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine, PoolProxiedConnection

_UNSET = re.compile(r'environment variable "(\w+)" which is not set')

_UNREACHED = "see that it runs and can be written to, then do it again: what was under way ends in the same tables"
_OWN = """\
# Written by `pricing` for a home of its own; the project's dagster.yaml serves the default home.
telemetry: {{enabled: false}}
storage: {{sqlite: {{base_dir: "{folder}"}}}}
local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config: {{base_dir: "{folder}"}}
compute_logs:
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config: {{base_dir: "{folder}/logs"}}
concurrency: {{runs: {{max_concurrent_runs: 1}}}}
run_monitoring: {{enabled: true, start_timeout_seconds: 180, max_resume_run_attempts: 0, max_runtime_seconds: 21600}}
run_retries: {{enabled: true, max_retries: 2, retry_on_asset_or_op_failure: false}}
"""
_MOST_HELD = 8  # files of Dagster's with a connection of ours
_NAMED = re.compile(r'base_dir: "([^"]+)"')


@contextmanager
def open_instance(settings: Settings, *, to_look: bool = False) -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME, of the working directory where its dagster.yaml serves this home, else of home.

    Raises PricingError where there is none, and where its database cannot be reached or its disk refuses, now or later
    in the block: a full disk meets Dagster's records too. Who only wants `to_look` asks `is_made` first.
    """
    folder = instance_folder(settings)
    if not (folder / "dagster.yaml").is_file():
        raise PricingError(f"{folder}: no dagster.yaml, but DAGSTER_HOME names it", "unset DAGSTER_HOME, or mend it")
    with _kept_engines(), _answering(folder / "dagster.yaml"):
        with _quiet(), _making(settings.home.absolute(), to_look=to_look):
            opened = dg.DagsterInstance.from_config(str(folder))
            _ = opened.run_storage, opened.event_log_storage, opened.schedule_storage
        with opened as instance:
            yield instance


@contextmanager
def _quiet() -> Iterator[None]:
    """Without a block on the screen each time Dagster tries to reach its database: what came of it is said once."""

    def said(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Retrying failed database")

    root = logging.getLogger()  # which Dagster speaks to
    root.addFilter(said)
    try:
        yield
    finally:
        root.removeFilter(said)


def _making(home: Path, *, to_look: bool) -> AbstractContextManager[None]:
    """One at a time: Dagster makes its databases table by table, and fails where another makes them too.

    A home that cannot be written to has them, or never will.
    """
    lock = home / "dagster.lock"
    if (home.exists() and not os.access(home, os.W_OK)) or (to_look and not lock.exists()):
        return nullcontext()
    return exclusive(lock)


def is_made(settings: Settings) -> bool:
    """Whether opening the instance leaves an empty home empty: its databases are there, or not in it."""
    folder = _elsewhere(settings)
    if folder is None:
        return _own(settings).exists()
    try:
        said = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8"))["storage"]["sqlite"]["base_dir"]
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return True  # on a server, beside dagster.yaml, or opening refuses it
    return Path(os.environ.get(said["env"], "") if isinstance(said, dict) else said).exists()


def _elsewhere(settings: Settings) -> Path | None:
    """The folder of dagster.yaml where it is not the home's own."""
    if settings.dagster_home:
        return settings.dagster_home
    here = Path.cwd()
    return here if (here / "dagster.yaml").exists() and settings.home.absolute() == here / ".pricing" else None


def _own(settings: Settings) -> Path:
    return settings.home.absolute() / "dagster"


def instance_folder(settings: Settings) -> Path:
    """DAGSTER_HOME of this home, with its dagster.yaml.

    The home's own is written where there is none, and anew where the home was moved or copied: its paths are absolute,
    and runs would go on to be recorded in the old place. One that somebody changed stays.
    """
    if folder := _elsewhere(settings):
        return folder
    folder = _own(settings)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists() or _was_written_for_another(config):
        write_durably(config, _OWN.format(folder=folder).encode())  # another that starts reads all of it, or none
    return folder


def _was_written_for_another(config: Path) -> bool:
    """Whether it is as we write it, for a folder that is not this one, by whatever name."""
    said = config.read_text(encoding="utf-8")
    found = _NAMED.search(said)
    if found is None or said != _OWN.format(folder=found[1]):
        return False
    named = Path(found[1])
    return not (named.exists() and named.samefile(config.parent))


@contextmanager
def _answering(config: Path) -> Iterator[None]:
    """What a database of Dagster's says, or a variable its configuration misses, in words a person can act on."""
    try:
        yield
    except PricingError:
        raise
    except Exception as error:  # Dagster hands on what SQLAlchemy raises, or raises something of its own from it
        told = _told(error, config)
        if told is None:
            raise
        raise told from error


def _told(error: BaseException, config: Path) -> PricingError | None:
    """What a person can mend, where that is what is wrong beneath an error."""
    from sqlalchemy.exc import SQLAlchemyError

    if missing := _UNSET.search(str(error)):
        return PricingError(f"{config}: {missing[1]} is not set", "deploy/pricing.env.example sets it")
    refused = disks.refusal(config.parent)
    beneath: BaseException | None = error
    looked_at: set[int] = set()
    while beneath is not None and id(beneath) not in looked_at:
        if isinstance(beneath, SQLAlchemyError):
            said = str(getattr(beneath, "orig", None) or beneath).strip().partition("\n")[0] or type(beneath).__name__
            return PricingError(
                f"Dagster's instance ({config}): its database does not answer: {said}",
                disks.remedy(refused) if refused else _UNREACHED,
            )
        if refused and isinstance(beneath, OSError):
            return PricingError(f"Dagster's instance ({config}): {beneath}", disks.remedy(refused))
        if isinstance(beneath, ModuleNotFoundError) and str(beneath.name).startswith(("dagster_postgres", "psycopg2")):
            return PricingError(f"{config}: {beneath.name} is not installed", "pip install 'pricing-assets[postgres]'")
        looked_at.add(id(beneath))
        beneath = beneath.__cause__ or beneath.__context__
    return None


@contextmanager
def _kept_engines() -> Iterator[None]:
    """One engine of SQLAlchemy for each SQLite file, which remembers the statements it has compiled.

    Dagster makes one, and compiles anew, for each of the hundreds of statements of a run. Its engines have no pool, and
    whoever closes the last connection of a file moves its log into it and waits for the disk: so in the block one more
    stays open.
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage

    modules = [vars(module) for module in (sqlite_event_log, sqlite_run_storage)]
    for module in modules:
        if not isinstance(module["create_engine"], _Kept):
            module["create_engine"] = _Kept(module["create_engine"])
    try:
        yield
    finally:
        for module in modules:
            module["create_engine"].let_go()


class _Kept:
    """Makes what it is asked for once, and holds a connection of what it is asked for again: then the file is there,
    with its tables."""

    def __init__(self, make: Callable[..., Engine]) -> None:
        self._make = make
        self._made: dict[str, Engine] = {}
        self._held: dict[str, PoolProxiedConnection] = {}

    def __call__(self, url: str, **options: Any) -> Engine:
        key = repr((url, options))
        if key not in self._made:
            self._made[key] = self._make(url, **options)
        elif key not in self._held:
            self._hold(key)
        return self._made[key]

    def _hold(self, key: str) -> None:
        """Of the files used first the oldest is let go: every run has one."""
        held = self._held[key] = self._made[key].raw_connection()
        held.cursor().execute("SELECT count(*) FROM sqlite_master")  # before it reads a file it has not opened it
        if len(self._held) > _MOST_HELD:
            self._held.pop(next(iter(self._held))).close()

    def let_go(self) -> None:
        for held in self._held.values():
            held.close()
        self._held.clear()


def _serve(command: list[str]) -> None:
    """Becomes the command, on this instance, and one that can be stopped.

    A shell lets what runs in its background ignore Ctrl-C, and Dagster would treat SIGTERM as it finds Ctrl-C treated.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvpe(command[0], command, os.environ | {"DAGSTER_HOME": str(instance_folder(Settings()))})


if __name__ == "__main__":
    _serve(sys.argv[1:])
