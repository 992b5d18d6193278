"""What goes wrong for a person, said so that the person can mend it.

Here: the one exception the shell prints and Dagster shows. Not here: programming errors, which stay what Python
calls them.
"""

from __future__ import annotations


class PricingError(Exception):
    """Something a person must mend: `what` names the thing, `remedy` says what to do about it.

    >>> str(PricingError("prices.sql: no file", "write it, see `pricing source init`"))
    'prices.sql: no file\\n  remedy: write it, see `pricing source init`'
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}\n  remedy: {remedy}" if remedy else what)
