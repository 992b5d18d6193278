"""Commands that watch over the platform: `pricing logs`.

Here: their names, arguments and help. Not here: what they do (shell/).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, register, required_day

app = typer.Typer()


@register(app)
def logs(
    shell: Shell,
    run: Annotated[str | None, typer.Option(metavar="R", help="Only one run; the beginning of its id will do.")] = None,
    day: Annotated[str | None, typer.Option("--date", metavar="D", help="Only one business day, YYYY-MM-DD.")] = None,
    level: Annotated[str, typer.Option(help="info, warning or error: that and worse.")] = "info",
    last: Annotated[int, typer.Option(min=1, help="How many lines.")] = 50,
) -> None:
    """Show what runs and commands did, line by line, the newest last: commits, stations, ends, faults.

    Example: pricing logs --date 2026-10-31 --level warning
    """
    from pricing_assets.shell import logs as shown

    shown.show(shell, run, required_day(day) if day else None, level, last)
