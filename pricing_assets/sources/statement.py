"""The text of one SQL file that a database shall run.

Here: what may stand in it, and the form the driver is handed. Not here: running it (database).
"""

from __future__ import annotations

import re

from pricing_assets.errors import PricingError

PARAMETERS = ("first_day", "last_day", "latest_day")
# comments and quoted text; `/*!` is no comment to MySQL, so it is none here
_OPAQUE = re.compile(r"--[^\n]*|/\*(?!M?!).*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)")


def one_select(text: str, file: str) -> str:
    """The one SELECT of a file, without comments and semicolon, as SQLAlchemy's `text` takes it.

    Raises PricingError, naming the file, where it holds anything but one SELECT (or WITH … SELECT), writes with INTO,
    or has a parameter other than PARAMETERS.
    """
    plain = _OPAQUE.sub(" ", text)
    statements = [part.split() for part in plain.split(";") if part.strip()]
    verbs = [words[0].lstrip("(").upper() for words in statements]
    if len(verbs) != 1 or verbs[0] not in ("SELECT", "WITH", ""):
        raise PricingError(
            f"{file}: holds {', '.join(verbs) or 'no statement'}; expected exactly one SELECT",
            "a source is only read: one SELECT per file, steps before it go in WITH",
        )
    if re.search(r"\bINTO\b", plain, re.IGNORECASE):
        raise PricingError(f"{file}: writes with INTO", "a source is only read: leave INTO out")
    if unknown := sorted(set(_PARAMETER.findall(plain)) - set(PARAMETERS)):
        raise PricingError(
            f"{file}: parameter {', '.join(f':{name}' for name in unknown)} unknown",
            f"there are {', '.join(f':{name}' for name in PARAMETERS)}",
        )
    return _OPAQUE.sub(_as_driver_takes_it, text).strip().rstrip("; \n\t")


def _as_driver_takes_it(part: re.Match[str]) -> str:
    """Comments go; a colon in quoted text starts no parameter."""
    found = part[0]
    return found.replace(":", "\\:") if found[0] in "'\"" else " "
