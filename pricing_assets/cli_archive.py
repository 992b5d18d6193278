"""Commands that keep a home safe: `pricing backup`, `pricing restore`.

Here: the names, arguments and help of these commands. Not here: what they do (shell/archiving).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, register

app = typer.Typer()

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, one file.")]


@register(app)
def backup(
    shell: Shell, file: _File, *, force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False
) -> None:
    """Copy the home into one file, while runs go on: lake, decisions of people, models, history of runs.

    The file is sealed by its hash and appears under its name only when it is whole. No run waits for a backup, only
    `pricing lake keep` does.

    Example: pricing backup /mnt/backups/pricing-2026-10-31.backup
    """
    from pricing_assets.shell import archiving

    archiving.backup(shell, file, force=force)


@register(app)
def restore(
    shell: Shell,
    file: _File,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only read FILE and compare every hash.")] = False,
) -> None:
    """Make an empty home what a backup holds, every hash compared before anything is put in place.

    What people decided goes into the store PRICING_GOVERNANCE_URL names, which must be empty, else under the home.

    Example: pricing restore /mnt/backups/pricing-2026-10-31.backup --home /srv/pricing
    """
    from pricing_assets.shell import archiving

    archiving.check(shell, file) if check else archiving.restore(shell, file)
