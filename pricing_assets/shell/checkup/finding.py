"""What an examination found.

Here: the one shape of it. Not here: examining.
"""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One examination: what was looked at, whether it is sound, what was found, what to do."""

    what: str
    sound: bool
    found: str
    remedy: str = ""
