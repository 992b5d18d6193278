"""`pricing lake keep`.

Here: the name, options and help of the command. Not here: what it does (shell/keeping).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, register

app = typer.Typer()


@register(app)
def keep(
    shell: Shell,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Let what is too old expire, merge small files, remove what nobody needs any more. Runs and readers go on.

    Decisions are kept PRICING_KEEP_DECISIONS_DAYS days (default 90), the audit PRICING_KEEP_AUDIT_DAYS (730), counted
    back from the last day that was decided; raw rows for ever. Files go PRICING_KEEP_GRACE_DAYS (7) after they are
    free.

    Example: pricing lake keep --dry-run
    """
    from pricing_assets.shell import keeping

    keeping.keep(shell, dry_run=dry_run)
