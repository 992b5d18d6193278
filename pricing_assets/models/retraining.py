"""From an approved drift event to a new champion, step by step; and back by one step.

Here: the order of the steps, each of which can be done again and finds what it did before. Not here: asking for it
(asking.py), how a model is trained and scored (handed in), whether a person approved (governance/ refuses), the bars
(promotion.py).

    claim → train, register → validate, keep the report → decide again, put in force → the alias → outcome

A step rests on what the ledger and the registry say, never on what an earlier step returned: steps may run in other
processes, be killed and run again, or be called by somebody with a forged argument. A step that fails for good puts the
outcome `failed` on record with the reason; a registry or artifact store that does not answer does not count, a retry
may mend that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from pricing_assets.errors import PricingError
from pricing_assets.governance.drift_records import Champion, DriftEvent, Outcome, Validated
from pricing_assets.models.artifacts import ModelUnavailable
from pricing_assets.models.promotion import Policy, PromotionDecision, promotion_decision
from pricing_assets.models.records import CHALLENGER, Fetched, TrainingRecord, Version
from pricing_assets.models.registry import Registry
from pricing_assets.models.report import Identity, ValidationReport
from pricing_assets.models.serving import files_of

if TYPE_CHECKING:
    from pricing_assets.governance import Gate


class Validation(NamedTuple):
    """A report, and plots to keep beside it."""

    report: ValidationReport
    plots: tuple[Path, ...] = ()


Train = Callable[[DriftEvent, Path], TrainingRecord]
"""Trains for an event and saves into a folder (empty). The same inputs give the same bytes."""
Validate = Callable[[Fetched, Fetched | None], Validation]
"""Scores challenger and champion on the same folds; champion None: against a simple method."""


@dataclass(frozen=True)
class Bench:
    """What a retraining works with. `heard` is told the name of each step once it is done."""

    gate: Gate
    registry: Registry
    policy: Policy = field(default_factory=Policy)
    second_approval: bool = False
    """Whether another person than the one who approved the training must agree to the promotion. Once that was asked
    for an event, it is needed, whatever this says."""
    lasting: timedelta = timedelta(days=7)
    """How long that person has."""
    heard: Callable[[str], None] = lambda step: None
    alone: Callable[[str], AbstractContextManager[None]] = lambda purpose: nullcontext()
    """Keeps other processes out of a purpose, as Lake.alone does: one at a time promotes a model, or rolls it back."""

    def changing(self, model: str) -> AbstractContextManager[None]:
        """Alone with which version of a model is in force, and with the alias that follows."""
        return self.alone(f"champion-{model}")


def retrain(bench: Bench, event_id: str, root_run_id: str, train: Train, validate: Validate) -> Outcome | None:
    """The whole way, from wherever it stopped before; None where a person must still agree to the promotion.

    Raises PricingError where the approval does not allow it (Gate.claim), and as the steps do.
    """
    event = claim(bench, event_id, root_run_id)
    if event.outcome:
        return event.outcome
    challenger(bench, event.id, root_run_id, train)
    validated(bench, event.id, root_run_id, validate)
    return promote(bench, event.id, root_run_id)


def claim(bench: Bench, event_id: str, root_run_id: str) -> DriftEvent:
    """Takes the approval for this root run. Raises PricingError where it cannot be had."""
    event = bench.gate.claim(event_id, root_run_id)
    bench.heard("claimed")
    return event


def challenger(bench: Bench, event_id: str, root_run_id: str, train: Train) -> Version:
    """Trains and registers the challenger; the one this root run registered before, where it did."""
    event = _held(bench, event_id, root_run_id)
    made = bench.registry.made_by(event.drift.model, event.id, root_run_id)
    if made is None:
        with _failing(bench, event), TemporaryDirectory() as folder:
            record = train(event, Path(folder))
            bench.heard("trained")
            made = bench.registry.register(event.drift.model, record, event_id=event.id, root_run_id=root_run_id)
    else:
        bench.registry.point(event.drift.model, CHALLENGER, made.version)
    bench.heard("registered")
    return made


def validated(bench: Bench, event_id: str, root_run_id: str, validate: Validate) -> ValidationReport:
    """Validates the registered challenger against the champion and puts the report on record, once."""
    event = _held(bench, event_id, root_run_id)
    made = bench.registry.made_by(event.drift.model, event.id, root_run_id)
    if made is None:
        raise ModelUnavailable("missing", f"{event.id}: run {root_run_id} registered no challenger", "train it first")
    if event.validated is not None:
        report = report_on_record(bench, event)
    else:
        with _failing(bench, event), TemporaryDirectory() as folder:
            found = validate(bench.registry.fetch(made, Path(folder)), _champion_files(bench, event, Path(folder)))
            report = _with_rows(bench, event, found.report)
            bench.registry.keep_report(made, report.to_json(), report.content_hash, found.plots)
        bench.heard("report kept")
        on_record = Validated(made.version, made.artifact_hash, report.content_hash)
        bench.gate.record_validation(event.id, root_run_id, on_record)
    bench.heard("validated")
    return report


def promote(bench: Bench, event_id: str, root_run_id: str) -> Outcome | None:
    """Decides by the report on record, puts the challenger in force where it may be, and writes the outcome back.

    None where a person must still agree, a second one or anyone as the files were rolled back before: call it again
    once somebody answered (`approved_since` tells).
    Raises PricingError where this run has no claim or there is no report on record.
    """
    with bench.changing(bench.gate.event(event_id).drift.model):
        event = _held(bench, event_id, root_run_id)
        if event.outcome:
            return event.outcome
        _on_record(event)
        with _failing(bench, event):
            return _promoted(bench, event, root_run_id)


def end_lapsed(bench: Bench) -> list[str]:
    """Ends each event whose promotion nobody answered in time: the champion stays, and the outcome says why. Their ids.

    One that another run ends at this moment is left to it.
    """
    ended = []
    for event in bench.gate.lapsed():
        with suppress(PricingError):
            bench.gate.lapse(event.id)
            ended.append(event.id)
            _beaten(bench, event)  # the alias is a courtesy, the outcome is not
    return ended


def _promoted(bench: Bench, event: DriftEvent, root_run_id: str) -> Outcome | None:
    on_record = _on_record(event)
    champion = bench.gate.champion(event.drift.model)
    if champion is None or champion.event_id != event.id:
        decision = decide(bench, event)
        bench.heard("decided")
        if decision.promote and (bench.second_approval or event.promotion_asked or event.taken_back):
            waiting, decision = _second(bench, event, decision)
            if waiting:
                return None
        if not decision.promote:
            return _ended(bench, event, root_run_id, decision)
        champion = bench.gate.promote(event.id, root_run_id, on_record, second_approval=bench.second_approval)
        bench.heard("in force")
    else:
        decision = PromotionDecision(True, ("put in force before, and its alias now",))
    bench.registry.crown(champion.model, champion.version)
    bench.heard("pointed")
    return _ended(bench, event, root_run_id, decision)


def decide(bench: Bench, event: DriftEvent) -> PromotionDecision:
    """The verdict on an event's challenger, from files and report as they are now and as the ledger knows them.

    Raises ModelUnavailable where the challenger's files are not those that were validated.
    """
    on_record = _on_record(event)
    made = bench.registry.version(event.drift.model, on_record.version)
    report = report_on_record(bench, event, made)
    with TemporaryDirectory() as folder:
        bench.registry.fetch(made, Path(folder), on_record.artifact_hash)
        found = _champion_files(bench, event, Path(folder))
    champion = Identity(found.version.version, found.version.artifact_hash) if found else None
    return promotion_decision(report, champion, Identity(on_record.version, on_record.artifact_hash), bench.policy)


def report_on_record(bench: Bench, event: DriftEvent, made: Version | None = None) -> ValidationReport:
    """The report the ledger has the hash of. Raises ModelUnavailable where it is gone or another one."""
    on_record = _on_record(event)
    text = bench.registry.report(made or bench.registry.version(event.drift.model, on_record.version))
    try:
        report = ValidationReport.from_json(text or "")
    except PricingError as fault:
        raise ModelUnavailable("missing", f"{event.id}: its validation report cannot be read", fault.remedy) from fault
    if report.content_hash != on_record.report_hash:
        raise ModelUnavailable(
            "corrupted",
            f"{event.id}: its validation report hashes to {report.content_hash[:12]}, on record is"
            f" {on_record.report_hash[:12]}",
            "somebody changed it after validation: nothing is promoted by it",
        )
    return report


def roll_back(
    bench: Bench, model: str, *, by: str, reason: str, key: str, expected_version: int | None = None
) -> Champion:
    """Puts the champion before the present one in force again, once its files are seen to be intact.

    `expected_version` is the Champion.revision that was looked at. Asked again with the same key it has one effect, and
    the alias follows where a kill left it behind. Raises PricingError where there is none before, and ModelUnavailable
    where its files are not those that were promoted.
    """
    with bench.changing(model):
        champion = bench.gate.rolled_back(model, by, reason, key, expected_version)
        if champion is None:
            with TemporaryDirectory() as folder:
                present = bench.gate.champion(model)
                if expected_version is None or (present and present.revision == expected_version):
                    files_of(bench.registry, bench.gate.before(model), Path(folder))
            champion = bench.gate.roll_back(model, by, reason, key, expected_version)
        in_force = bench.gate.champion(model) or champion  # asked again, another may have come since
        bench.registry.crown(model, in_force.version)
        return champion


def _held(bench: Bench, event_id: str, root_run_id: str) -> DriftEvent:
    """The event, read again, which this run has claimed."""
    event = bench.gate.event(event_id)
    if event.root_run_id != root_run_id:
        holder = f"run {event.root_run_id} has it" if event.root_run_id else "no run has claimed it"
        raise PricingError(f"{event.id} is not claimed by run {root_run_id}: {holder}", "only an approved run goes on")
    return event


@contextmanager
def _failing(bench: Bench, event: DriftEvent) -> Iterator[None]:
    """Puts on record why a step cannot succeed, whoever tries again; the champion stays."""
    try:
        yield
    except PricingError as fault:
        if not (isinstance(fault, ModelUnavailable) and fault.cause == "unreachable"):
            with suppress(ModelUnavailable):  # the alias is a courtesy, the reason is not
                _beaten(bench, event)
            bench.gate.record_outcome(event.id, str(event.root_run_id), "failed", [fault.what])
        raise


def _beaten(bench: Bench, event: DriftEvent) -> None:
    """The event's challenger, where there is one, is none any more."""
    made = bench.registry.made_by(event.drift.model, event.id, str(event.root_run_id))
    if made:
        bench.registry.unpoint(event.drift.model, CHALLENGER, made.version)


def _on_record(event: DriftEvent) -> Validated:
    if event.validated is None:
        raise PricingError(f"{event.id}: no challenger is validated", "no promotion without a passing report")
    return event.validated


def _champion_files(bench: Bench, event: DriftEvent, into: Path) -> Fetched | None:
    """The champion in force; None where there is none, or none that can be loaded: rules serve then."""
    champion = bench.gate.champion(event.drift.model)
    if champion is None:
        return None
    try:
        return files_of(bench.registry, champion, into)
    except ModelUnavailable as fault:
        if fault.cause == "unreachable":
            raise
        return None


def _with_rows(bench: Bench, event: DriftEvent, report: ValidationReport) -> ValidationReport:
    """The report with the rows the champion in force was trained on, also where a simple method stands in for it."""
    champion = bench.gate.champion(event.drift.model)
    if champion is None or report.champion.rows is not None:
        return report
    try:
        rows = bench.registry.version(champion.model, champion.version).rows
    except ModelUnavailable as fault:
        if fault.cause == "unreachable":
            raise
        return report
    return replace(report, champion=replace(report.champion, rows=rows))


def _second(bench: Bench, event: DriftEvent, decision: PromotionDecision) -> tuple[bool, PromotionDecision]:
    """Whether a person must still answer, and the verdict with that answer."""
    bench.gate.propose_promotion(event.id, bench.lasting, second_approval=bench.second_approval)
    try:
        answer = bench.gate.second_answer(event.id)
    except PricingError as expired:
        return False, PromotionDecision(False, (expired.what,))
    if answer is None:
        return True, decision
    if not answer.approved:
        return False, PromotionDecision(False, (f"{answer.by} said no: {answer.reason}",))
    known = (str(event.taken_back),) if event.taken_back else ()
    return False, PromotionDecision(True, (*decision.reasons, *known, f"{answer.by} agreed: {answer.reason}"))


def _ended(bench: Bench, event: DriftEvent, root_run_id: str, decision: PromotionDecision) -> Outcome:
    on_record = _on_record(event)
    if not decision.promote:
        _beaten(bench, event)
    result = bench.gate.record_outcome(
        event.id,
        root_run_id,
        "promoted" if decision.promote else "kept",
        decision.reasons,
        version=on_record.version,
        report_hash=on_record.report_hash,
    )
    bench.heard("outcome recorded")
    return result
