"""The sealed file: no byte of it can be changed, cut off or added without being noticed, and the member is named."""

from __future__ import annotations

import fcntl
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing_assets.archive import container
from pricing_assets.archive.container import sealed, writing
from pricing_assets.errors import PricingError

MEMBERS = {
    "first.json": b"{}" * 50,
    "lake/raw/prices/date=2024-03-01/" + "a" * 64 + ".parquet": random.Random(1).randbytes(300_000),
    "lake/raw/prices/_delta_log/00000000000000000000.json": b'{"add": 1}\n' * 400,
    "empty": b"",
}


def write(path: Path) -> bytes:
    with writing(path) as writer:
        for name, data in MEMBERS.items():
            writer.add(name, data)
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("container") / "b")


def read(path: Path) -> dict[str, bytes]:
    return {name: content.read() for name, content in container.members(path)}


def test_what_was_written_is_read_also_by_tar(tmp_path: Path) -> None:
    write(tmp_path / "b")
    assert read(tmp_path / "b") == MEMBERS
    with tarfile.open(tmp_path / "b", "r:gz") as tar:
        assert tar.getnames() == list(MEMBERS)
    assert sealed(tmp_path / "b") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte_anywhere_breaks_the_seal(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    place = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.integers(len(whole) - 600, len(whole) - 1)))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    (tmp_path / "b").write_bytes(changed)
    assert sealed(tmp_path / "b") is None
    assert container.first_damaged(tmp_path / "b")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_cut_short_or_longer_is_not_whole(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "b").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert sealed(tmp_path / "b") is None
    (tmp_path / "b").write_bytes(whole + data.draw(st.binary(min_size=1, max_size=2000)))
    assert sealed(tmp_path / "b") is None


def test_a_member_changed_inside_is_named(whole: bytes, tmp_path: Path) -> None:
    place = whole.index(MEMBERS[[*MEMBERS][1]][1000:1100])  # large Parquet files are stored as they are
    (tmp_path / "b").write_bytes(whole[:place] + b"\0\0\0\0" + whole[place + 4 :])
    expected = {name: container.content_of(content) for name, content in _members(whole, tmp_path)}
    assert "a" * 64 in container.first_damaged(tmp_path / "b", expected)


def _members(whole: bytes, folder: Path) -> Iterator[tuple[str, IO[bytes]]]:
    (folder / "whole").write_bytes(whole)
    return container.members(folder / "whole")


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"the one before")
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "b") as writer:
        writer.add("one", b"1")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["b"] and (tmp_path / "b").read_bytes() == b"the one before"


def test_two_at_once_are_told_apart(tmp_path: Path) -> None:
    with (
        writing(tmp_path / "b") as writer,
        pytest.raises(PricingError, match="another process is writing"),
        writing(tmp_path / "b"),
    ):
        pass
    with writing(tmp_path / "b") as writer:
        writer.add("one", b"1")
    assert read(tmp_path / "b") == {"one": b"1"}


@pytest.mark.parametrize("third", [False, True])
def test_one_that_ends_while_another_begins_is_not_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, third: bool
) -> None:
    """The first is renamed after the second has opened it and before the second has its lock."""

    def late(file: IO[bytes], how: int) -> None:
        monkeypatch.undo()
        (tmp_path / "b.partial").replace(tmp_path / "b")
        if third:
            (tmp_path / "b.partial").touch()
        fcntl.flock(file, how)

    write(tmp_path / "b.partial")
    monkeypatch.setattr(container, "fcntl", SimpleNamespace(flock=late, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB))
    with pytest.raises(PricingError, match="another process is writing"), writing(tmp_path / "b"):
        pass
    assert read(tmp_path / "b") == MEMBERS


def test_what_a_killed_backup_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "b.partial").write_bytes(b"half of one" * 10_000)
    write(tmp_path / "b")
    assert read(tmp_path / "b") == MEMBERS


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "lake/../../outside"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    with writing(tmp_path / "b") as writer:
        writer.add(name, b"x")
    with pytest.raises(PricingError, match="is no member of a backup"):
        read(tmp_path / "b")
