"""`pricing drift list|show|approve|reject` and `pricing models list|diff|retrain|promote|rollback`.

Here: the names, arguments and help of these commands. Not here: what they do (shell/drifting, modelling, retraining).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, register

app = typer.Typer()
drift = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
models = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
app.add_typer(drift, name="drift", help="What drifted, and whether a model may be trained for it.")
app.add_typer(models, name="models", help="Trained models: which one serves, what they differ in, and back.")

Reason = Annotated[str, typer.Option(help="Why, for the audit log.")]
_Id = Annotated[str, typer.Argument(help="Id of the drift event, e.g. drift-12 or 12.")]
_Model = Annotated[str, typer.Option(help="Name of the model.")]


@register(drift, "list")
def drift_list(
    shell: Shell, *, everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False
) -> None:
    """List drift events that wait: open, approved, in training; with --all also those that are over."""
    from pricing_assets.shell import drifting

    drifting.show_all(shell, everything=everything)


@register(drift, "show")
def drift_show(shell: Shell, event: _Id) -> None:
    """Show one event with its evidence, who answered, and what came of it.

    Example: pricing drift show drift-12
    """
    from pricing_assets.shell import drifting

    drifting.show(shell, event)


@register(drift, "approve")
def drift_approve(shell: Shell, event: _Id, reason: Reason) -> None:
    """Let a challenger be trained; where one waits for a second person's word, let it serve.

    Example: pricing drift approve drift-12 --reason "demand moved in October"
    """
    from pricing_assets.shell import drifting

    drifting.answer(shell, event, "approve", reason)


@register(drift, "reject")
def drift_reject(shell: Shell, event: _Id, reason: Reason) -> None:
    """Let nothing be trained; where a challenger waits for a second person's word, keep the champion.

    Example: pricing drift reject drift-12 --reason "that was the promotion"
    """
    from pricing_assets.shell import drifting

    drifting.answer(shell, event, "reject", reason)


@register(models, "list")
def models_list(shell: Shell) -> None:
    """List every version of every model: champion, challenger, what it was trained on and for which event."""
    from pricing_assets.shell import modelling

    modelling.show_all(shell)


@register(models, "diff")
def models_diff(
    shell: Shell,
    first: Annotated[int | None, typer.Argument(help="Version; default the champion.")] = None,
    second: Annotated[int | None, typer.Argument(help="Version; default the last one trained.")] = None,
    *,
    model: _Model = "demand-daily",
) -> None:
    """Say what tells two versions apart: inputs, metrics, and the validation report of the second.

    Example: pricing models diff 3 4
    """
    from pricing_assets.shell import modelling

    modelling.diff(shell, model, first, second)


@register(models, "retrain")
def models_retrain(
    shell: Shell,
    events: Annotated[list[str] | None, typer.Argument(help="Ids of drift events; default all approved ones.")] = None,
) -> None:
    """Train for approved drift events here and now, and let what passes serve: what Dagster's sensor does by itself.

    Example: pricing models retrain drift-12
    """
    from pricing_assets.shell import retraining

    retraining.retrain(shell, events or [])


@register(models, "promote")
def models_promote(
    shell: Shell,
    event: _Id,
    *,
    reason: Annotated[
        str, typer.Option(help="Why files that were rolled back shall serve again; asked for those only.")
    ] = "",
) -> None:
    """Finish the promotion of a challenger that was trained and validated for an event; its report decides.

    Example: pricing models promote drift-12
    """
    from pricing_assets.shell import modelling

    modelling.promote(shell, event, reason)


@register(models, "rollback")
def models_rollback(shell: Shell, reason: Reason, *, model: _Model = "demand-daily") -> None:
    """Put the champion before the present one in force again.

    Example: pricing models rollback --reason "it oversold the weekend"
    """
    from pricing_assets.shell import modelling

    modelling.rollback(shell, model, reason)
