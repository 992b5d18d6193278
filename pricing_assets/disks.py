"""What a disk refuses, and what a person can do about it.

Here: the remedy of an error of the operating system, and whether a disk takes anything more. Not here: who was writing.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_LEAST_ROOM = 65_536  # bytes: SQLite needs half of them for what it shares while a database is open
_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space there, then run again; nothing was half-written",
    errno.EDQUOT: "the disk quota is used up: free some space there, then run again; nothing was half-written",
    errno.EACCES: "permission denied: let the user who runs this write there, or choose another PRICING_HOME",
    errno.EPERM: "permission denied: let the user who runs this write there, or choose another PRICING_HOME",
    errno.EROFS: "the file system is read-only: mount it writable, or choose another PRICING_HOME",
}


def remedy(fault: OSError) -> str:
    """What a person can do about it. Libraries keep the number of an error to themselves, but tell its text."""
    told = fault if fault.errno in _REMEDIES else named(str(fault))
    return _REMEDIES.get(
        (told and told.errno) or 0, "check the disk that holds it, then run again; nothing was half-written"
    )


def named(words: str) -> OSError | None:
    """The refusal of a disk that a program's words tell of; None where they tell of none."""
    told = (code for code in _REMEDIES if os.strerror(code).lower() in words.lower())
    return next((OSError(code, os.strerror(code)) for code in told), None)


def refusal(folder: Path) -> OSError | None:
    """Why the disk that holds a folder takes nothing more, or hardly anything; None where it does.

    For libraries that only say that they could not write.
    """
    try:
        disk = os.statvfs(folder)
    except OSError as fault:
        return fault
    if disk.f_flag & os.ST_RDONLY:
        return OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))
    if disk.f_bavail * disk.f_frsize < _LEAST_ROOM:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    return None
