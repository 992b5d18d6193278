"""Commands on models: list, diff, promote, rollback.

Here: people in, words out. Not here: the registry and the gate (models/, governance/).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import typer

from pricing_assets.errors import PricingError
from pricing_assets.shell import comparing
from pricing_assets.shell.command import REFUSED, Shell
from pricing_assets.shell.deciding import key_of, look, open_store
from pricing_assets.shell.ended import ended

if TYPE_CHECKING:
    from pricing_assets.governance import Store
    from pricing_assets.models import Bench, Registry, Version


def show_all(shell: Shell) -> None:
    """Every version of every model, and which one serves."""
    from pricing_assets.models import registered

    store, registry = look(shell), _registry(shell)
    table = registered(store.gate, registry)
    if table.is_empty() and not shell.json:
        shell.say("no model was trained yet; `pricing drift list` shows whether somebody is asked to start")
        return
    shown = table.select(
        "model",
        "version",
        "role",
        "rows",
        _folds("wape").alias("WAPE"),
        _folds("bias").alias("bias"),
        _folds("coverage").alias("range covers"),
        "drift_event",
        pl.col("artifact_hash").str.head(12).alias("files"),
        pl.col("created_at").dt.to_string("%Y-%m-%d %H:%M").alias("trained (UTC)"),
    )
    shell.answer(table.to_dicts())
    if not shell.json:
        shell.rows(shown, "models, by their forecasts of past origins")
    for note in _astray(store, registry):
        shell.say(note)


def _folds(figure: str) -> pl.Expr:
    """A figure of the folds a version was trained with."""
    return pl.col("metrics").str.json_path_match(f"$.folds_{figure}").cast(pl.Float64).round(3)


def diff(shell: Shell, model: str, first: int | None, second: int | None) -> None:
    """What tells two versions apart; without numbers, the champion and the last one trained."""
    store, registry = look(shell), _registry(shell)
    old, new = _pair(store, registry, model, first, second)
    rows = comparing.differences(old, new)
    report = _report(store, registry, new)
    answer: dict[str, Any] = {"first": old.label, "second": new.label, "differences": rows}
    shell.answer({**answer, "report": report.rows().to_dicts() if report else None})
    if shell.json:
        return
    shell.rows(comparing.figures(old, new))
    for note in comparing.notes(old, new):
        shell.say(note)
    if report:
        against = report.champion.name if report.champion.identity else f"the {report.champion.name}"
        title = f"{new.label} (new) against {against} (old), {len(report.cutoffs)} folds"
        shell.rows(comparing.report_rows(report), title)


def promote(shell: Shell, name: str, reason: str) -> None:
    """Finishes the promotion of a validated challenger, through the gate: the report decides, not who asks.

    Of an event that is over it says what is true today; exit code 1 where the version does not serve. Files that were
    rolled back need a `reason`: without one the rollback is told and the promotion refused.
    """
    from pricing_assets.models import retraining

    store = open_store(shell)
    event = store.gate.event(name)
    if event.root_run_id is None:
        raise PricingError(f"{event.id}: nothing was trained for it", f"see `pricing drift show {event.id}`")
    over = ended(store, event)
    outcome = event.outcome or retraining.promote(_bench(shell, store), event.id, event.root_run_id)
    event = store.gate.event(event.id)
    if outcome is None and event.taken_back:
        if not reason.strip():
            remedy = f"if they shall serve again, say why: `pricing models promote {event.id} --reason …`"
            raise PricingError(f"{event.id}: {event.taken_back}", remedy)
        subject = event.promotion_subject
        store.decide(shell.by, subject, "approve", reason, key_of("decide", subject, "approve", shell.by, reason))
        outcome = retraining.promote(_bench(shell, store), event.id, str(event.root_run_id))
    if outcome is None:
        shell.answer({"id": event.id, "outcome": None})
        shell.say(f"{event.id}: {event.promotion_needs}: `pricing drift approve {event.id} --reason …`")
        return
    told = {"id": event.id, "outcome": outcome.result, "version": outcome.version, "reasons": outcome.reasons}
    shell.answer(told | ({"over": over.says, "in_force": over.in_force} if over else {}))
    shell.say(over.says if over else f"{event.id}: {outcome.result}, version {outcome.version}")
    if over and not over.serves:
        raise typer.Exit(REFUSED)
    if over:
        return
    for each in outcome.reasons:
        shell.say(f"  {each}")


def rollback(shell: Shell, model: str, reason: str) -> None:
    """Puts the champion before the present one in force again."""
    from pricing_assets.models import roll_back

    store = open_store(shell)
    present = store.gate.champion(model)
    revision = present.revision if present else 0
    key = key_of("roll back", model, revision, shell.by, reason)
    done = roll_back(_bench(shell, store), model, by=shell.by, reason=reason, key=key, expected_version=revision)
    shell.answer(
        {"model": model, "version": done.version, "previous": done.previous, "artifact_hash": done.artifact_hash}
    )
    shell.say(
        f"{model}/{done.version} is champion again, instead of {done.previous}, on the word of {shell.by}: {reason}"
    )
    shell.say("  the next run forecasts with it; `pricing audit` shows who decided what")


def _bench(shell: Shell, store: Store) -> Bench:
    from pricing_assets.models import Bench

    settings = shell.settings
    lasting = timedelta(days=settings.approval_days)
    return Bench(
        store.gate,
        _registry(shell),
        second_approval=settings.second_approval,
        lasting=lasting,
        alone=shell.lake.alone,
    )


def _registry(shell: Shell) -> Registry:
    from pricing_assets.models import open_registry

    return open_registry(shell.settings.registry, shell.settings.home)


def _astray(store: Store, registry: Registry) -> list[str]:
    """A sentence per alias that does not say what people decided."""
    from pricing_assets.models import CHAMPION

    names = registry.models() if registry.started else []
    pointed = {name: registry.aliases(name).get(CHAMPION) for name in names}
    serving = {model: champion.version for model, champion in store.gate.champions().items()}
    return [
        f"{model}: alias {CHAMPION} points to {pointed.get(model)}, but version {serving.get(model)} serves: the alias"
        " was moved by hand, or its promotion is not finished"
        for model in sorted({*pointed, *serving})
        if pointed.get(model) != serving.get(model)
    ]


def _pair(
    store: Store, registry: Registry, model: str, first: int | None, second: int | None
) -> tuple[Version, Version]:
    versions = registry.versions(model) if registry.started else []
    champion = store.gate.champion(model)
    old = first or (champion.version if champion else None)
    new = second or max((each.version for each in versions if each.version != old), default=None)
    if old is None or new is None:
        raise PricingError(
            f"model {model}: no two versions to compare", "name both, as `pricing models list` shows them"
        )
    return registry.version(model, old), registry.version(model, new)


def _report(store: Store, registry: Registry, version: Version) -> Any:
    """The validation report the ledger knows of a version; None where it has none."""
    from pricing_assets.models import ValidationReport

    known = {
        event.validated.report_hash
        for event in store.gate.events()
        if event.validated and event.drift.model == version.model and event.validated.version == version.version
    }
    text = registry.report(version) if known else None
    report = ValidationReport.from_json(text) if text else None
    return report if report and report.content_hash in known else None
