"""The text of one SQL file that a database shall run.

Here: what may stand in it, and the form the driver is handed. Not here: running it (database).
"""

from __future__ import annotations

import re

from pricing_assets.errors import PricingError

PARAMETERS = ("first_day", "last_day", "latest_day")
# comments and quoted text, as the server tells them apart: what it runs must not pass for text here
_OPAQUE = r"--[^\n]*|/\*(?!M?!).*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`"
_ANYWHERE = re.compile(_OPAQUE, re.DOTALL | re.IGNORECASE)
_IN_MYSQL = re.compile(rf"#[^\n]*|{_OPAQUE}", re.DOTALL | re.IGNORECASE)  # elsewhere `#` is an operator
_RUN_COMMENT = re.compile(r"/\*M?!", re.IGNORECASE)
# MySQL needs no space between a number and INTO
_INTO = re.compile(r"\bINTO\b|INTO\s*(?:OUTFILE|DUMPFILE)", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)")


def one_select(text: str, file: str, *, mysql: bool = False) -> str:
    """The one SELECT of a file, without comments and semicolon, as SQLAlchemy's `text` takes it.

    `mysql`: it is MySQL or MariaDB that shall run it. Raises PricingError, naming the file, where it holds anything but
    one SELECT (or WITH … SELECT), writes with INTO, has a comment MySQL runs, or a parameter other than PARAMETERS.
    """
    opaque = _IN_MYSQL if mysql else _ANYWHERE
    plain = opaque.sub(" ", text)
    _refuse_writing(plain, file)
    if unknown := sorted(set(_PARAMETER.findall(plain)) - set(PARAMETERS)):
        raise PricingError(
            f"{file}: parameter {', '.join(f':{name}' for name in unknown)} unknown",
            f"there are {', '.join(f':{name}' for name in PARAMETERS)}",
        )
    return opaque.sub(_as_driver_takes_it, text).strip().rstrip("; \n\t")


def _refuse_writing(plain: str, file: str) -> None:
    statements = [part.split() for part in plain.split(";") if part.strip()]
    verbs = [words[0].lstrip("(").upper() for words in statements]
    if len(verbs) != 1 or verbs[0] not in ("SELECT", "WITH", ""):
        raise PricingError(
            f"{file}: holds {', '.join(verbs) or 'no statement'}; expected exactly one SELECT",
            "a source is only read: one SELECT per file, steps before it go in WITH",
        )
    if _INTO.search(plain):
        raise PricingError(f"{file}: writes with INTO", "a source is only read: leave INTO out")
    if _RUN_COMMENT.search(plain):
        raise PricingError(f"{file}: holds /*!, a comment that MySQL runs", "write it as plain SQL, or leave it out")


def _as_driver_takes_it(part: re.Match[str]) -> str:
    """Comments go; a colon in quoted text starts no parameter."""
    found = part[0]
    return found.replace(":", "\\:") if found[0] in "'\"`" else " "
