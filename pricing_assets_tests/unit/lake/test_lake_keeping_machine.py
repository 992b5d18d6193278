"""A lake in which days are decided, decided again, killed half-way, expire and are kept, in any order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lake_frames import day
from lake_shop import Days, on_disk

from pricing_assets.lake import Lake, expiry, leftovers
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import Terms
from pricing_assets.lake.log import Log
from pricing_assets.tables import ALL, by_name, runs

KEPT, GRACE = 3, timedelta(days=7)
TERMS = Terms(KEPT, KEPT + 2)


class Killed(BaseException):
    """What stands for SIGKILL: nothing catches it."""


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Kills before the numbered transaction, or removal of the files of one folder."""
    left = iter(range(step))

    def dying(original: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if next(left, None) is None:
                raise Killed
            return original(*arguments, **named)

        return call

    with (
        mock.patch.object(Log, "append", dying(Log.append)),
        mock.patch.object(leftovers, "sync", dying(leftovers.sync)),
    ):
        yield


class Keeping(RuleBasedStateMachine):
    """Says what must hold after every step; `seen` is what each standing day was decided from."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.shop = Days(Lake(self.folder / "lake"))
        self.now = datetime.now(UTC)
        self.last = -1
        self.seen: dict[date, list[tuple[dict[str, Any], pl.DataFrame]]] = {}
        self.expired: set[date] = set()
        self.readers: list[tuple[datetime, set[Path]]] = []
        self.patched = mock.patch.object(expiry, "EVIDENCE", 1)
        self.patched.start()

    def teardown(self) -> None:
        self.patched.stop()
        try:
            if self.last >= 0:
                self.only_what_is_needed_is_left()
        finally:
            shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        for _ in range(2):
            self.decide("1", None)

    @rule(price=st.sampled_from("123"), late=st.none() | st.integers(1, 4))
    def decide(self, price: str, late: int | None) -> None:
        earlier = None if late is None or self.last < late else self.last + 1 - late
        self.decided(self.last + 1, price, earlier)
        self.last += 1

    @rule(back=st.integers(0, KEPT - 1), price=st.sampled_from("456"))
    def decide_again(self, back: int, price: str) -> None:
        if day(self.last - back) not in self.expired:
            self.decided(max(0, self.last - back), price, None)

    @rule(step=st.integers(0, 5), again=st.booleans())
    def die_deciding(self, step: int, again: bool) -> None:
        number = self.last if again else self.last + 1
        with suppress(Killed), killed_at(step):
            self.stands(self.shop.decide(number, "9"))  # a run killed before has committed much of it already
            self.last = number

    @rule(number=st.integers(0, 12))
    def execute(self, number: int) -> None:
        self.shop.execute(number)

    @rule()
    def open(self) -> None:
        """An analyst opens what is there; a view names its files once and for all."""
        self.shop.refresh()
        with duckdb.connect(str(self.shop.analytics), read_only=True) as connection:
            for table in ALL:
                connection.execute(f"select count(*) from {table.table_name()}")
        files = {file for table in ALL for file in self.files_of(table)}
        files |= {self.shop.lake.path(by_name(t), f) for t, by in self.manifest().items() for f in by.values()}
        self.readers.append((self.now, files))

    @rule(days=st.integers(1, 9))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)
        self.readers = [reader for reader in self.readers if reader[0] + GRACE > self.now]

    @rule()
    def keep(self) -> None:
        found = self.shop.keep(TERMS, self.now, GRACE)
        assert found.expiry.expired == sorted(self.due() - self.expired)
        self.expired |= self.due()
        assert self.shop.keep(TERMS, self.now, GRACE).expiry.days == []

    @precondition(lambda self: self.due() - self.expired)
    @rule(step=st.integers(0, 8))
    def die_keeping(self, step: int) -> None:
        with suppress(Killed), killed_at(step):
            self.shop.keep(TERMS, self.now, GRACE)
        found = manifests.standing(self.shop.lake).filter(pl.col("status") == "expired")["date"].to_list()
        assert self.expired <= set(found) <= self.due()
        self.expired = set(found)

    @invariant()
    def every_day_kept_replays(self) -> None:
        standing = {row["date"]: row for row in manifests.standing(self.shop.lake).to_dicts()}
        assert {on for on, row in standing.items() if row["status"] == "expired"} == self.expired
        assert all(standing[on]["decisions_hash"] for on in self.expired)
        for on, parts in self.seen.items():
            for entry, rows in parts if on not in self.expired else ():
                assert self.as_seen(entry).equals(rows), f"{entry['table']} as {on} saw it"

    @invariant()
    def what_is_in_force_is_there(self) -> None:
        for table, files in self.manifest().items():
            for file in files.values():
                assert self.shop.lake.path(by_name(table), file).exists(), file
        for table in ALL:
            if self.shop.lake.version(table) >= 0:
                uris = DeltaTable(self.shop.lake.folder(table)).file_uris()
                assert {Path(uri) for uri in uris} == self.files_of(table)
                assert all(Path(uri).exists() for uri in uris)

    @invariant()
    def who_opened_it_within_the_grace_period_reads_on(self) -> None:
        for _, files in self.readers:
            assert [file for file in files if not file.exists()] == []

    def only_what_is_needed_is_left(self) -> None:
        """Long after, with nobody reading: all that is left is in force, or a day kept replays from it."""
        for _ in range(3):
            self.now += timedelta(days=30)
            self.shop.refresh()
            self.shop.keep(TERMS, self.now, GRACE)
        self.expired |= self.due()
        self.every_day_kept_replays()
        needed = {file for table in ALL for file in self.files_of(table)}
        needed |= {self.shop.lake.path(by_name(t), f) for t, by in self.manifest().items() for f in by.values()}
        for row in manifests.standing(self.shop.lake).to_dicts():
            for entry in row["inputs"]:
                table = by_name(entry["table"])
                force = self.shop.lake.files(table, entry["version"])
                mine = [file for file in force if entry["first"] <= file.partition <= entry["last"]]
                needed |= {self.shop.lake.path(table, file) for file in mine}
            needed |= {self.named(entry) for entry in row["tables"] if entry["rows"]}
        assert on_disk(self.shop.lake) == needed
        newest = max((file.partition for file in self.shop.lake.files(runs.Executions)), default=date.max)
        closed = [f for f in self.shop.lake.files(runs.Executions) if f.partition <= newest - timedelta(days=8)]
        assert len({file.partition for file in closed}) == len(closed)

    def decided(self, number: int, price: str, late: int | None) -> None:
        self.stands(self.shop.decide(number, price, late=late))

    def stands(self, row: dict[str, Any]) -> None:
        self.seen[row["date"]] = [(entry, self.as_seen(entry)) for entry in row["inputs"]]

    def as_seen(self, entry: dict[str, Any]) -> pl.DataFrame:
        table = by_name(entry["table"])
        return self.shop.lake.read(table, entry["first"], entry["last"], version=entry["version"])

    def due(self) -> set[date]:
        last = max(self.seen, default=day(0))
        return {on for on in self.seen if on < last - timedelta(days=KEPT - 1)}

    def files_of(self, table: Any) -> set[Path]:
        return {self.shop.lake.path(table, file) for file in self.shop.lake.files(table)}

    def named(self, entry: dict[str, Any]) -> Path:
        folder = self.shop.lake.folder(by_name(entry["table"]))
        return folder / f"{by_name(entry['table']).partition()}={entry['partition']}" / f"{entry['hash']}.parquet"

    def manifest(self) -> manifests.Manifest:
        return manifests.manifest(self.shop.lake)


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # a smaller example takes minutes to find


def test_whatever_happens_to_a_lake_it_keeps_what_is_needed_and_nothing_else() -> None:
    run_state_machine_as_test(Keeping, settings=settings(max_examples=3, stateful_step_count=10, phases=PHASES))


@pytest.mark.torture
def test_whatever_happens_to_a_lake_for_long_it_keeps_what_is_needed_and_nothing_else() -> None:
    run_state_machine_as_test(Keeping, settings=settings(max_examples=60, stateful_step_count=30, phases=PHASES))
