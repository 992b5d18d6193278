"""`pricing` in this process: what a command says, in words or as JSON.

Here: asking it. Not here: the homes it is asked about (conftest).
"""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result
from typer.testing import CliRunner


def pricing(*words: str, code: int | None = 0) -> Result:
    """Runs a command; its exit code must be `code`, where one is named."""
    from pricing_assets.cli import app

    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert code is None or result.exit_code == code, result.output
    return result


def answer(*words: str, code: int = 0) -> Any:
    return json.loads(pricing(*words, "--json", code=code).stdout)
