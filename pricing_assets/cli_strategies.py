"""`pricing strategy lint|diff|backtest|activate|rollback|deactivate|list|shadow|unshadow|shadows`.

Here: the names, arguments and help of these commands. Not here: what they do (shell/deciding, rehearsing, shadowing).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricing_assets.shell.command import Reason, Shell, day_range, register

app = typer.Typer(
    help="Strategies as versioned text: lint, diff, backtest, activate, roll back.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)

_File = Annotated[Path, typer.Argument(help="A strategy file, YAML.")]


@register(app, "lint")
def strategy_lint(shell: Shell, file: _File) -> None:
    """Check a draft against the feature table; every fault with line and column."""
    from pricing_assets.shell import deciding

    deciding.lint(shell, file)


@register(app, "diff")
def strategy_diff(shell: Shell, file: _File) -> None:
    """Say what a draft would change against the active strategy of its name."""
    from pricing_assets.shell import deciding

    deciding.diff(shell, file)


@register(app, "backtest")
def strategy_backtest(
    shell: Shell,
    file: _File,
    *,
    first: Annotated[str, typer.Option("--from", metavar="D", help="First business day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="Last business day, YYYY-MM-DD.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the rows go, one per decision: CSV, or Parquet by its name.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many SKUs of each currency to name.")] = 10,
) -> None:
    """Decide past days again with a draft; say what would have changed and what both were expected to earn.

    The draft stands in for the strategy of its name, or joins the others. Both sides are judged under one response
    model that neither chose; no winner is declared. Changes nothing; draws HOME/backtests/NAME-FROM-TO.png.

    Example: pricing strategy backtest bolder.yaml --from 2026-10-02 --to 2026-10-31 --out bolder.csv
    """
    from pricing_assets.shell import rehearsing

    asked = day_range(None, first, last)
    assert asked is not None, "both ends are required"
    rehearsing.backtest(shell, rehearsing.Asked(file, *asked, out, top))


@register(app, "activate")
def strategy_activate(shell: Shell, file: _File, reason: Reason) -> None:
    """Make a draft the active version; the next run decides by it."""
    from pricing_assets.shell import deciding

    deciding.activate(shell, file, reason)


@register(app, "rollback")
def strategy_rollback(
    shell: Shell, name: Annotated[str, typer.Argument(help="Name of the strategy.")], reason: Reason
) -> None:
    """Make the version before the present one active again."""
    from pricing_assets.shell import deciding

    deciding.rollback(shell, name, reason)


@register(app, "deactivate")
def strategy_deactivate(
    shell: Shell, name: Annotated[str, typer.Argument(help="Name of the strategy.")], reason: Reason
) -> None:
    """Take a strategy out of force; SKUs no other one claims keep their price."""
    from pricing_assets.shell import deciding

    deciding.deactivate(shell, name, reason)


@register(app, "list")
def strategy_list(shell: Shell) -> None:
    """List the strategies in force, highest priority first."""
    from pricing_assets.shell import deciding

    deciding.show(shell)


@register(app, "shadow")
def strategy_shadow(shell: Shell, file: _File, reason: Reason) -> None:
    """Let a draft decide each day beside the strategies in force, without ever publishing.

    It stands in for the strategy of its name, or joins the others. marts.shadow_comparison compares them.

    Example: pricing strategy shadow bolder.yaml --reason "does it earn more?"
    """
    from pricing_assets.shell import shadowing

    shadowing.shadow(shell, file, reason)


@register(app, "unshadow")
def strategy_unshadow(
    shell: Shell, name: Annotated[str, typer.Argument(help="Name of the shadow.")], reason: Reason
) -> None:
    """Let a shadow decide no more; what it decided stays."""
    from pricing_assets.shell import shadowing

    shadowing.unshadow(shell, name, reason)


@register(app, "shadows")
def strategy_shadows(shell: Shell) -> None:
    """List the drafts that decide beside the strategies in force, and what became of them on their last day."""
    from pricing_assets.shell import shadowing

    shadowing.show(shell)
