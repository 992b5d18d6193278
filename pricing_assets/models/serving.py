"""The champion in force, with its files: what the ledger says people approved, fetched from the registry.

Here: from the ledger's word, or that of a forecast, to verified files. Not here: forecasting with them (demand/),
how a champion comes in force (retraining.py).

The ledger decides and the alias follows. An alias somebody moved by hand puts nothing in force: no model changes
without the gate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pricing_assets.models.artifacts import ModelUnavailable
from pricing_assets.models.records import CHAMPION, Fetched
from pricing_assets.models.registry import Registry

if TYPE_CHECKING:
    from pricing_assets.governance import Champion, Gate


class Serving(NamedTuple):
    """The champion a run forecasts with: its version, artifact hash and files, and a `note` where an alias differs."""

    model: str
    version: int
    artifact_hash: str
    folder: Path
    note: str | None


def champion_in_force(gate: Gate, registry: Registry, model: str, into: Path) -> Serving:
    """The champion in force, its files in a folder of `into` and hashing to what was promoted. Call it once per run.

    Raises ModelUnavailable where none was promoted yet, the registry does not answer, or the files are missing or not
    the ones that were promoted: then forecasts fall back and decisions go by rules. The registry is not opened before
    the first promotion.
    """
    champion = gate.champion(model)
    if champion is None:
        raise ModelUnavailable(
            "missing", f"model {model} has no champion yet", "approve its first training: `pricing drift list`"
        )
    fetched = files_of(registry, champion, into)
    pointed = registry.aliases(model).get(CHAMPION)
    note = None
    if pointed != champion.version:
        note = (
            f"alias {CHAMPION} of {model} points to {pointed}, but {champion.version} was put in force by"
            f" {champion.event_id or champion.by}: {champion.version} serves"
        )
    return Serving(model, champion.version, champion.artifact_hash, fetched.folder, note)


def serving_of(registry: Registry, champion: Champion, into: Path) -> Serving:
    """A former champion with its files, for days it served. Raises ModelUnavailable as `champion_in_force` does."""
    return Serving(
        champion.model, champion.version, champion.artifact_hash, files_of(registry, champion, into).folder, None
    )


def recorded(registry: Registry, made_by: str, into: Path) -> Path:
    """The files of the model that made a forecast, as its rows name it: name/version@hash.

    Whatever is in force by now. Raises ModelUnavailable where they cannot be had, or are not the files that forecast.
    """
    if not registry.started:
        raise ModelUnavailable("missing", f"{made_by}: nothing was ever registered here", "restore the registry")
    label, _, artifact_hash = made_by.partition("@")
    model, _, version = label.rpartition("/")
    return registry.fetch(registry.version(model, int(version)), into, artifact_hash).folder


def files_of(registry: Registry, champion: Champion, into: Path) -> Fetched:
    """A champion's files. Raises ModelUnavailable where they are not the ones that were promoted."""
    return registry.fetch(registry.version(champion.model, champion.version), into, champion.artifact_hash)
