"""Commands on overrides, as `pricing …` has them: freeze, force-rules, unfreeze, end-override, overrides, audit.

Here: the names, arguments and help of these commands. Not here: what they do (shell/overriding, shell/auditing).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Reason, Shell, register, required_day

app = typer.Typer()

_Sku = Annotated[str | None, typer.Option(help="One SKU, in one market with --market, else in all.")]
_Category = Annotated[
    str | None, typer.Option(help="Every SKU of a category, in one market with --market, else in all.")
]
_Market = Annotated[str | None, typer.Option(help="One market.")]
_All = Annotated[bool, typer.Option("--all", help="Every SKU in every market.")]
_From = Annotated[
    str | None, typer.Option("--from", metavar="D", help="First day; default the next prices take effect.")
]
_Until = Annotated[str, typer.Option("--until", metavar="D", help="Last day, YYYY-MM-DD; it expires by itself.")]
_Anyway = Annotated[bool, typer.Option("--anyway", help="Even if nothing of that name is listed: it is still to come.")]
_Id = Annotated[str, typer.Argument(help="Id of the override, e.g. OV-000012 or 12.")]


@register(app)
def freeze(
    shell: Shell,
    *,
    reason: Reason,
    until: _Until,
    first: _From = None,
    sku: _Sku = None,
    category: _Category = None,
    market: _Market = None,
    everything: _All = False,
    anyway: _Anyway = False,
) -> None:
    """Keep current prices as they are, on days both inclusive; strategies go on being shown, but change nothing.

    Example: pricing freeze --sku SKU-0008 --market DE --until 2026-11-30 --reason "supplier talks"
    """
    from pricing_assets.shell import overriding

    scope = overriding.Asked(sku, category, market, everything)
    days = overriding.Days(required_day(first) if first else None, required_day(until))
    overriding.set_override(shell, "PRICE_FREEZE", scope, days, reason=reason, anyway=anyway)


@register(app, "force-rules")
def force_rules(
    shell: Shell,
    *,
    reason: Reason,
    until: _Until,
    first: _From = None,
    sku: _Sku = None,
    category: _Category = None,
    market: _Market = None,
    everything: _All = False,
    anyway: _Anyway = False,
) -> None:
    """Let rules alone decide, and no model, on days both inclusive.

    Example: pricing force-rules --category HOME --until 2026-11-30 --reason "model under review"
    """
    from pricing_assets.shell import overriding

    scope = overriding.Asked(sku, category, market, everything)
    days = overriding.Days(required_day(first) if first else None, required_day(until))
    overriding.set_override(shell, "FORCE_RULE_BASED", scope, days, reason=reason, anyway=anyway)


@register(app, "end-override")
def end_override(shell: Shell, override: _Id, reason: Reason) -> None:
    """End an override before it expires: no run that starts from now on obeys it.

    Example: pricing end-override OV-000012 --reason "talks are over"
    """
    from pricing_assets.shell import overriding

    overriding.end_override(shell, override, reason)


@register(app)
def unfreeze(shell: Shell, override: _Id, reason: Reason) -> None:
    """End a price freeze; the same as end-override.

    Example: pricing unfreeze 12 --reason "talks are over"
    """
    from pricing_assets.shell import overriding

    overriding.end_override(shell, override, reason)


@register(app)
def overrides(
    shell: Shell, *, everything: Annotated[bool, typer.Option("--all", help="Also expired and ended ones.")] = False
) -> None:
    """List overrides, those in force first; with --all also expired and ended ones."""
    from pricing_assets.shell import overriding

    overriding.show(shell, everything=everything)


@register(app)
def audit(
    shell: Shell,
    *,
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    subject: Annotated[str, typer.Option(help="Only this one: a strategy, an override, a proposal.")] = "",
) -> None:
    """Show who decided what and why, before → after, newest first.

    Example: pricing audit --subject OV-000012
    """
    from pricing_assets.shell import auditing

    auditing.show(shell, last, subject)
