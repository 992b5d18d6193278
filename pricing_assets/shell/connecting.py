"""Commands on sources: init writes a template, check tries one.

Here: findings as words. Not here: the trial itself (sources/).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from pricing_assets import sources
from pricing_assets.counting import counted
from pricing_assets.shell.command import REFUSED, Shell


def init(shell: Shell, folder: Path) -> None:
    """Writes a source that works at once, to be changed into one's own."""
    written = sources.init(folder)
    shell.answer([str(path) for path in written])
    for path in written:
        shell.say(f"wrote {path}")
    shell.say(
        f"now change the SELECTs, try them with `pricing source check {folder}`, and price the shop in its own home:"
    )
    shell.say(f"PRICING_SOURCE={folder} pricing run --home .pricing_{folder.name}")


def check(shell: Shell, folder: Path) -> None:
    """Tries a source on a sample and explains every fault; exit code 1 where there is one."""
    findings = sources.check(folder, shell.settings)
    shell.answer([_plain(finding) for finding in findings])
    for finding in findings:
        shell.say(f"{'ok   ' if finding.passed else 'FAULT'} {finding.file}: {finding.what}")
        if finding.remedy:
            shell.say(f"      remedy: {finding.remedy}")
        for title, frame in (("quarantined", finding.rules), ("accepted, a sample", finding.accepted)):
            if frame is not None and frame.height and not shell.json:
                shell.rows(frame, title)
    faults = sum(not finding.passed for finding in findings)
    sound = "no fault in the rows; `pricing run` also asks whether each day is like those before it"
    shell.say(counted(faults, "fault") if faults else sound)
    if faults:
        raise typer.Exit(REFUSED)


def _plain(finding: sources.Finding) -> dict[str, Any]:
    found: dict[str, Any] = {"file": finding.file, "passed": finding.passed, "what": finding.what}
    frames = {"accepted": finding.accepted, "quarantined": finding.quarantined, "rules": finding.rules}
    return found | {"remedy": finding.remedy} | {k: v.to_dicts() for k, v in frames.items() if v is not None}
