"""What all commands share: help, options, who asks."""

from __future__ import annotations

import pytest
from shell_commands import pricing


def test_help_reads_like_documentation() -> None:
    said = pricing("--help").stdout
    for words in ("First steps:", "PRICING_HOME", "Exit codes: 0 done, 1 refused or failed"):
        assert words in said
    for command in (
        "run",
        "runs",
        "status",
        "explain",
        "trace",
        "replay",
        "query",
        "doctor",
        "source",
        "strategy",
        "lake",
    ):
        assert f"│ {command} " in said


@pytest.mark.parametrize("command", ["run", "explain", "replay", "query", "source check", "strategy activate"])
def test_every_command_has_its_own_help(command: str) -> None:
    said = pricing(*command.split(), "--help").stdout
    for option in ("--home", "--json", "--by", "--help"):
        assert option in said


def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.shell import command

    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(command.getpass, "getuser", nobody)
    assert command._user() == "unknown"
