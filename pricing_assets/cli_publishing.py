"""Commands on publishing, as `pricing publish …` has them: send what is due, status, rollback.

Here: the names, arguments and help of these commands. Not here: what they do (shell/publishing).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Reason, Shell, day_range, register, required_day

app = typer.Typer(
    help="Hand decided prices over to where they are sold; see what came of it; take them back.",
    rich_markup_mode="markdown",
)

_Day = Annotated[str | None, typer.Option("--date", metavar="D", help="One business day, of a shop that is history.")]
_First = Annotated[str | None, typer.Option("--from", metavar="D", help="First business day of a range.")]
_Last = Annotated[str | None, typer.Option("--to", metavar="D", help="Last business day of a range.")]
_Sku = Annotated[str | None, typer.Option(help="One SKU, in one market with --market, else in all.")]
_Category = Annotated[
    str | None, typer.Option(help="Every SKU of a category, in one market with --market, else in all.")
]
_Market = Annotated[str | None, typer.Option(help="One market.")]
_All = Annotated[bool, typer.Option("--all", help="Every price of the day.")]
_Undo = Annotated[
    str | None, typer.Option(metavar="ID", help="Instead of a scope: take this rollback back, e.g. RB-12.")
]
_Decided = Annotated[
    str | None, typer.Option("--day", metavar="D", help="Business day that decided the prices; default the last one.")
]
_Anyway = Annotated[
    bool, typer.Option("--anyway", help="Even where the former price breaks a floor or the MAP by now.")
]


@register(app, itself=True)
def publish(shell: Shell, day: _Day = None, first: _First = None, last: _Last = None) -> None:
    """Send what is due, read what came back, compare with what is charged. Run again at will: a price is sent once.

    A shop that is history is played day by day, each as of the moment its prices took effect; the days can be named.
    Exit code 1 where a price was stopped, refused or could not be delivered.

    Example: pricing publish --from 2026-10-25 --to 2026-10-31
    """
    from pricing_assets.shell import publishing

    publishing.publish(shell, day_range(day, first, last))


@register(app)
def status(shell: Shell, first: _First = None, last: _Last = None) -> None:
    """Show what is not as it should be, then how many prices are in which state; by default of the last week.

    Example: pricing publish status --json
    """
    from pricing_assets.shell import publishing

    publishing.status(shell, day_range(None, first, last))


@register(app)
def rollback(
    shell: Shell,
    *,
    reason: Reason,
    sku: _Sku = None,
    category: _Category = None,
    market: _Market = None,
    everything: _All = False,
    undo: _Undo = None,
    day: _Decided = None,
    anyway: _Anyway = False,
) -> None:
    """Return a scope to the prices it had before a day's decisions, and send them; --undo takes that back.

    Example: pricing publish rollback --category HOME --market UK --reason "wrong costs were loaded"
    """
    from pricing_assets.shell import publishing

    asked = publishing.Asked(sku, category, market, everything, undo)
    publishing.rollback(shell, asked, required_day(day) if day else None, reason, anyway=anyway)
