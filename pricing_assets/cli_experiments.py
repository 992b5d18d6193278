"""`pricing effectiveness`.

Here: the name, options and help of the command. Not here: what it does (shell/measuring).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, day_range, register

app = typer.Typer()


@register(app)
def effectiveness(
    shell: Shell,
    first: Annotated[str | None, typer.Option("--from", metavar="D", help="First day of sales that counts.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="D", help="Last day of sales that counts.")] = None,
) -> None:
    """Show what pricing earned: clusters it priced against those held out, each against its own past.

    A cluster is a category in a market. With fewer than 20 of them the figure reads "too few".

    Example: pricing effectiveness --from 2026-08-01 --to 2026-10-31
    """
    from pricing_assets.shell import measuring

    measuring.effectiveness(shell, day_range(None, first, last))
