"""Files that survive a power cut: written aside, fsynced, renamed into place, the folder fsynced.

Here: durable writing, holding a file lock, and disk faults put into words. Not here: what is written, how long one
waits for a lock (locks.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pricing_assets.disks import remedy
from pricing_assets.errors import PricingError
from pricing_assets.lake import locks


@contextmanager
def storage_faults(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Turn what the operating system refuses on `path` into a PricingError that names the file and the remedy.

    `others` are the errors by which a library says so.
    """
    try:
        yield
    except OSError as fault:
        raise _in_words(path, fault) from fault
    except others as fault:
        raise _in_words(path, OSError(str(fault))) from fault


@contextmanager
def reading_faults(path: Path) -> Iterator[None]:
    """The same for what is only read: the file is the one the fault names, else `path`."""
    try:
        yield
    except OSError as fault:
        where = fault.filename if isinstance(fault.filename, str) else path
        gone = isinstance(fault, FileNotFoundError | NotADirectoryError)
        raise PricingError(
            f"{where}: cannot be read ({fault.strerror or fault})",
            "it was taken away meanwhile: run again"
            if gone
            else "let the user who runs this read it, and check the disk that holds it, then run again",
        ) from fault


def _in_words(path: Path, fault: OSError) -> PricingError:
    where = fault.filename if isinstance(fault.filename, str) else path
    return PricingError(f"{where}: cannot be written ({fault.strerror or fault})", remedy(fault))


@contextmanager
def exclusive(lock: Path, patience: float = locks.COMMIT) -> Iterator[None]:
    """Hold the lock file `lock`; waits for whoever holds it, `patience` seconds at most. A process that dies lets go.

    Raises PricingError, which names the holder, where it waited in vain.
    """
    with storage_faults(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        guard = locks.acquired(lock, patience)
    try:
        yield
    finally:
        guard.release()


def write_durably(path: Path, content: bytes | memoryview, mode: int | None = None) -> None:
    """Put `content` at `path`, wholly or not at all, and keep it through a power cut. The folder must exist.

    `mode` is who may read it from its first moment on; absent, whom the process lets.
    """
    aside = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    with storage_faults(path):
        try:
            with aside.open("xb") as file:
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
        sync(path.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents; what was created is fsynced in its parent."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    with storage_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for place in missing:
            sync(place.parent)


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(folder: Path) -> None:
    """fsync every file and folder below a folder, and the folder, that another library has written."""
    with storage_faults(folder):
        for path in (*folder.rglob("*"), folder):
            sync(path)
