"""Commands on reviews and autonomy, as `pricing …` has them: review list|answers|approve|reject|amend|withdraw,
autonomy list|tighten|loosen.

Here: the names, arguments and help of these commands. Not here: what they do (shell/reviewing, shell/autonomy).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Reason, Shell, register

_FOLDED = {"no_args_is_help": True, "rich_markup_mode": "markdown", "add_completion": False}
app = typer.Typer(help="Prices that wait for a person.", **_FOLDED)  # type: ignore[arg-type]
autonomy = typer.Typer(help="What goes out without a person, and what people say of it.", **_FOLDED)  # type: ignore[arg-type]

_Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of `pricing review list`; their beginning is enough.")
]
_Id = Annotated[str, typer.Argument(metavar="ID", help="Id of `pricing review list`; its beginning is enough.")]
_Category = Annotated[str | None, typer.Option(help="Of one category.")]
_Market = Annotated[str | None, typer.Option(help="Of one market.")]
_All = Annotated[bool, typer.Option("--all", help="Everything that is open.")]
_Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="CATEGORY/MARKET, CATEGORY, */MARKET or *.")]
_Mode = Annotated[str | None, typer.Option(help="The loosest mode left: manual, semi-auto or full-auto.")]
_Threshold = Annotated[float | None, typer.Option(min=0.0, max=1.0, help="The lowest threshold left, e.g. 0.9.")]


@register(app, "list")
def list_(
    shell: Shell,
    *,
    category: _Category = None,
    market: _Market = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
) -> None:
    """List the prices that wait for a person, the largest impact first.

    Among them are some that were published already, to be judged blind; nothing tells which.

    Example: pricing review list --category TEA --market DE
    """
    from pricing_assets.shell import open_prices, reviewing

    reviewing.show(shell, open_prices.Wanted(category, market), limit)


@register(app)
def held(shell: Shell) -> None:
    """List what needs a person and has no price to approve, each with the reason.

    Prices held because a model cannot judge them, and prices of the last week that went wrong on their way out.
    """
    from pricing_assets.shell import reviewing

    reviewing.held(shell)


@register(app)
def answers(shell: Shell, last: Annotated[int, typer.Option(min=1, help="How many.")] = 20) -> None:
    """List the answers given last: who, what, and until when it binds."""
    from pricing_assets.shell import reviewing

    reviewing.answers(shell, last)


@register(app)
def approve(
    shell: Shell,
    ids: _Ids = None,
    *,
    reason: Reason,
    category: _Category = None,
    market: _Market = None,
    everything: _All = False,
) -> None:
    """Approve prices: exactly these, for as many days as their strategy says. Several are one answer.

    Example: pricing review approve --category TEA --market DE --reason "agreed with the buyer"
    """
    from pricing_assets.shell import open_prices, reviewing

    reviewing.answer(shell, "approve", open_prices.Wanted(category, market, ids or (), everything), reason)


@register(app)
def reject(
    shell: Shell,
    ids: _Ids = None,
    *,
    reason: Reason,
    category: _Category = None,
    market: _Market = None,
    everything: _All = False,
) -> None:
    """Reject prices: the current ones stay, and these are not proposed again for some days. Several are one answer.

    Example: pricing review reject 3fa90c12 --reason "too low for a brand"
    """
    from pricing_assets.shell import open_prices, reviewing

    reviewing.answer(shell, "reject", open_prices.Wanted(category, market, ids or (), everything), reason)


@register(app)
def amend(
    shell: Shell,
    price_id: _Id,
    *,
    price: Annotated[str, typer.Option(metavar="P", help="The other price, in the currency of the proposed one.")],
    reason: Reason,
) -> None:
    """Approve another price instead; refused where it breaks a floor of the strategy.

    Example: pricing review amend 3fa90c12 --price 9.69 --reason "keep it under ten"
    """
    from pricing_assets.shell import open_prices, reviewing

    reviewing.answer(shell, "amend", open_prices.Wanted(names=[price_id]), reason, price)


@register(app)
def withdraw(
    shell: Shell,
    answer: Annotated[str, typer.Argument(metavar="ID", help="Id of the answer, RV-…, or of what it answered.")],
    reason: Reason,
) -> None:
    """Take an answer back, as long as the price it approved is not out; the price is open again.

    Example: pricing review withdraw RV-000012 --reason "supplier called"
    """
    from pricing_assets.shell import reviewing

    reviewing.withdraw(shell, answer, reason)


@register(autonomy, "list")
def autonomy_list(shell: Shell) -> None:
    """List each category and market with verdicts: how many approved, the likely rate, and how far it is tightened."""
    from pricing_assets.shell import autonomy as shown

    shown.show(shell)


@register(autonomy)
def tighten(shell: Shell, scope: _Scope, *, reason: Reason, mode: _Mode = None, threshold: _Threshold = None) -> None:
    """Leave less to the platform in a scope. Needs nobody's leave.

    Example: pricing autonomy tighten TEA/DE --mode manual --reason "new supplier"
    """
    from pricing_assets.shell import autonomy as shown

    shown.change(shell, scope, mode, threshold, reason=reason, loosen=False)


@register(autonomy)
def loosen(shell: Shell, scope: _Scope, *, reason: Reason, mode: _Mode = None, threshold: _Threshold = None) -> None:
    """Leave more to the platform in a scope again, at most what its strategies allow themselves.

    Refused without evidence: blind verdicts that bear the threshold out, and a gain over the prices held out.

    Example: pricing autonomy loosen TEA/DE --mode semi-auto --threshold 0.85 --reason "a quarter without complaint"
    """
    from pricing_assets.shell import autonomy as shown

    shown.change(shell, scope, mode, threshold, reason=reason, loosen=True)
