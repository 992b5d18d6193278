"""One file that holds many, sealed: a tar in gzip whose last bytes are a hash over all before them.

Here: writing it durably, proving it whole, reading it. Not here: what its members are.

Any tar opens it. It is several gzip streams one after the other, so that what is compressed already is only stored. The
last one holds, where tar no longer looks, the SHA-256 of every byte before it: a file cut short or changed in one byte
is known before anything is read from it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from pricing_assets.errors import PricingError
from pricing_assets.lake.files import reading_faults, storage_faults, sync

CHUNK = 1 << 20
MADE = "give a file made by `pricing backup`"
"""The remedy for a file that is none."""
_GZIP = 31  # zlib's word for a gzip stream with a window of 32 kB
MAGIC = b"\x1f\x8b"
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # of the seal: no name, no time, no system
_BLOCK = 512
_SEAL = len(_HEADER) + 5 + _BLOCK + 8
_SAID = re.compile(rb"unpacked (\d{1,20})\n")


@dataclass(frozen=True)
class Content:
    """Of a member: how many bytes, and their SHA-256."""

    bytes: int
    sha256: str


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass
class _Streams:
    """Takes what tar writes; several gzip streams, and the hash of all that went out."""

    path: Path
    file: IO[bytes]
    level: int = 6
    written: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _packer: zlib._Compress | None = None
    _taken: int = 0

    def write(self, data: bytes) -> int:
        if self._packer is None:
            self._packer = zlib.compressobj(self.level, zlib.DEFLATED, _GZIP)
        self._out(self._packer.compress(data))
        self._taken += len(data)
        return len(data)

    def tell(self) -> int:
        return self._taken

    def at_level(self, level: int) -> None:
        """What comes next is compressed so: 0 stores it."""
        if level != self.level:
            self.end()
            self.level = level

    def end(self) -> None:
        if self._packer is not None:
            self._out(self._packer.flush())
            self._packer = None

    def seal(self) -> None:
        self.end()
        self._out(_seal(self.digest.hexdigest(), self._taken))

    def _out(self, data: bytes) -> None:
        with storage_faults(self.path):
            self.file.write(data)
        self.digest.update(data)
        self.written += len(data)


class Writer:
    """Adds members to a file that is being made."""

    def __init__(self, streams: _Streams) -> None:
        self._streams, self._level = streams, streams.level
        self._tar = tarfile.open(fileobj=streams, mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115
        self.contents: dict[str, Content] = {}

    @property
    def written(self) -> int:
        """Bytes of the file so far."""
        return self._streams.written

    def add(self, name: str, data: bytes) -> None:
        """Adds bytes."""
        self.add_stream(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """Adds a file as it is now. Raises OSError where it cannot be opened, PricingError where it cannot be read."""
        with path.open("rb") as file, reading_faults(path):
            self.add_stream(name, file, os.fstat(file.fileno()).st_size)

    def add_stream(self, name: str, stream: _Readable, size: int) -> None:
        """Adds exactly `size` bytes; of what ends before, zeros: it was cut short while it was read."""
        self._streams.at_level(0 if size > _STORED and name.endswith(".parquet") else self._level)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        counted = _Hashed(stream, size)
        self._tar.addfile(info, counted)
        self._tar.members.clear()  # it would remember every one
        self.contents[name] = Content(size, counted.digest.hexdigest())

    def close(self) -> None:
        """Ends the tar and seals the file."""
        self._tar.close()
        self._streams.seal()


_STORED = 1 << 18
"""Parquet files above are compressed inside already; of small ones the footer is most, and shrinks to a third."""


class _Hashed:
    def __init__(self, stream: _Readable, size: int) -> None:
        self._stream, self._left, self.digest = stream, size, hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left)).ljust(min(size, self._left), b"\0")
        self._left -= len(data)
        self.digest.update(data)
        return data


@contextmanager
def writing(path: Path, level: int = 6) -> Iterator[Writer]:
    """Makes the file beside, as `NAME.partial`, and renames it to `path` when the block has ended well.

    `level` is gzip's, 1 to 9.

    Raises PricingError where the disk refuses, and where another process is making the same file.
    """
    partial = path.with_name(f"{path.name}.partial")
    with storage_faults(partial), partial.open("ab") as file:
        _alone(file, partial, path)
        try:
            file.truncate(0)
            writer = Writer(_Streams(partial, file, level))
            yield writer
            writer.close()
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        sync(path.absolute().parent)


def _alone(file: IO[bytes], partial: Path, path: Path) -> None:
    """Locks the file. It may have been renamed since it was opened: then it is a backup, and whole."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), partial.stat()):
            return
    except (BlockingIOError, FileNotFoundError):
        pass
    raise PricingError(f"{path}: another process is writing this backup", "wait until it ends, or name another file")


def sealed(path: Path) -> int | None:
    """How many bytes it comes to unpacked; None where any byte of the file is not as it was written."""
    size = path.stat().st_size
    if size <= _SEAL:
        return None
    digest, left = hashlib.sha256(), size - _SEAL
    with path.open("rb") as file:
        while left:
            data = file.read(min(CHUNK, left))
            digest.update(data)
            left -= len(data)
        seal = file.read()
    said = _SAID.search(seal)
    whole = said is not None and seal == _seal(digest.hexdigest(), int(said[1]))
    return int(said[1]) if said and whole else None


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and bytes of each member, in order; each is to be read before the next is asked for.

    Checks nothing but that names stay inside. Raises PricingError where the file cannot be read, EOFError, zlib.error
    or tarfile.TarError where it is damaged.
    """
    with (
        reading_faults(path),
        path.open("rb") as file,
        tarfile.open(fileobj=_Unpacked(path, file), mode="r|") as tar,  # type: ignore[call-overload]
    ):
        for info in tar:
            inside = PurePosixPath(info.name)
            if not info.isfile() or inside.is_absolute() or ".." in inside.parts:
                raise PricingError(f"{path}: {info.name} is no member of a backup", MADE)
            content = tar.extractfile(info)
            assert content is not None
            yield info.name, content
            tar.members.clear()


def first_damaged(path: Path, expected: Mapping[str, Content] | None = None) -> str:
    """The member a damaged file is damaged in, as far as that can be told; what it was known of where it cannot."""
    name, found = "its beginning", {}
    try:
        for name, content in members(path):
            found[name] = content_of(content)
    except (EOFError, zlib.error, tarfile.TarError, PricingError):
        return f"in or after {name}"
    differing = [name for name, content in (expected or {}).items() if found.get(name) != content]
    return f"in {differing[0]}" if differing else "between its members"


def content_of(stream: IO[bytes], out: IO[bytes] | None = None) -> Content:
    """Reads to the end; writes what it reads to `out`, where given."""
    digest, size = hashlib.sha256(), 0
    while data := stream.read(CHUNK):
        digest.update(data)
        if out is not None:
            out.write(data)
        size += len(data)
    return Content(size, digest.hexdigest())


class _Unpacked:
    """The bytes of all gzip streams of a file. Their checksums are not looked at: the seal says more."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file, self._packed = path, file, b""
        self._unpacker: zlib._Decompress | None = None

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        while True:
            self._packed = self._packed or self._more()
            if not self._packed:
                return b""
            if self._unpacker is None:
                self._skip(len(_HEADER))
                self._unpacker = zlib.decompressobj(-15)
            data = self._unpacker.decompress(self._packed, most)
            self._packed = self._unpacker.unconsumed_tail
            if self._unpacker.eof:
                self._packed, self._unpacker = self._unpacker.unused_data, None
                self._skip(8)
            if data:
                return data

    def _skip(self, number: int) -> None:
        while len(self._packed) < number:
            more = self._more()
            if not more:
                raise EOFError("it ends too early")
            self._packed += more
        self._packed = self._packed[number:]

    def _more(self) -> bytes:
        with reading_faults(self._path):
            return self._file.read(CHUNK)


def _seal(digest: str, unpacked: int) -> bytes:
    """A gzip stream of one stored block, made by hand: the same bytes whichever zlib there is."""
    block = f"sealed sha256 {digest} unpacked {unpacked}\n".encode().ljust(_BLOCK, b"\0")
    stored = b"\x01" + struct.pack("<HH", _BLOCK, _BLOCK ^ 0xFFFF) + block
    return _HEADER + stored + struct.pack("<II", zlib.crc32(block), _BLOCK)
