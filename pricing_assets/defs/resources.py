"""What stations are handed: the lake, the source, the governance store and the model registry, as plain objects.

Here: the one resource. Not here: what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from pricing_assets import __version__, experiments, pricing
from pricing_assets.archive.places import refuse_unfinished
from pricing_assets.defs import executions
from pricing_assets.defs.partitions import SETTINGS, SOURCE, days_of
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake, Provenance, claims, continuity, marks
from pricing_assets.lake.expiry import require_kept
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import Overrides
from pricing_assets.tables.models import Versions
from pricing_assets.watch import journal

if TYPE_CHECKING:
    from pricing_assets.demand import DemandModel
    from pricing_assets.governance import Gate, Store
    from pricing_assets.models import Bench, Registry

_KNOWN = "pricing/known_to"
"""Tag of a run: itself, and the last event of governance it knows."""


class Platform(dg.ConfigurableResource["Platform"]):
    """Plain objects for the stations. `home`, where everything written lives, comes from the settings if not given."""

    home: str | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings, with this resource's home."""
        settings = Settings()
        return settings.model_copy(update={"home": Path(self.home)}) if self.home else settings

    @cached_property
    def lake(self) -> Lake:
        """The Delta tables."""
        return Lake(self.settings.lake)

    @property
    def source(self) -> Source:
        """The shop."""
        return SOURCE

    @cached_property
    def store(self) -> Store:
        """What people decided; migrated, and with the packaged strategy active at the first start."""
        from pricing_assets import governance, strategies

        store = governance.open_store(self.settings.governance, strategies)
        store.ensure_default()
        return store

    @property
    def gate(self) -> Gate:
        """The human gate: drift events, and the champions people put in force."""
        return self.store.gate

    @cached_property
    def registry(self) -> Registry:
        """The registry of models; nothing of it is opened before it is needed."""
        from pricing_assets import models

        return models.open_registry(self.settings.registry, self.settings.home)

    def recorded_model(self, made_by: str) -> DemandModel:
        """The model that made a forecast, as its rows name it: name/version@hash."""
        from pricing_assets import demand, models

        with TemporaryDirectory() as folder:
            return demand.load(models.recorded(self.registry, made_by, Path(folder)))

    @property
    def bench(self) -> Bench:
        """What a retraining works with."""
        from pricing_assets import models

        settings = self.settings
        return models.Bench(
            self.gate,
            self.registry,
            second_approval=settings.second_approval,
            lasting=self.approval_time,
            alone=self.lake.alone,
        )

    @property
    def approval_time(self) -> timedelta:
        """How long a person has to answer."""
        return timedelta(days=self.settings.approval_days)

    @property
    def calendar(self) -> Calendar:
        """Cut-offs and holidays of the shop."""
        return Calendar(self.source.time_zone, self.source.markets)

    @property
    def decision_settings(self) -> dict[str, Any]:
        """The settings a decision depends on; replay builds its calendar from them."""
        return {
            "logic": pricing.LOGIC_VERSION,
            "time_zone": self.source.time_zone,
            "publish_at": self.source.publish_at.isoformat("minutes"),
            "countries": dict(sorted(self.source.markets.items())),
            **self.design.settings(),
            **({"law": law} if (law := {name: list(rules) for name, rules in sorted(self.source.law.items())}) else {}),
        }

    @property
    def design(self) -> experiments.Design:
        """How the shop draws who is held out and which prices are tested."""
        said = self.source.experiments
        return experiments.Design(said.hold_out, said.period_days, said.salt or self.source.name)

    def now(self) -> datetime:
        """The clock. Kept as provenance, judged by only where a day may be late."""
        return datetime.now(UTC)

    def today(self, at_least: date) -> date:
        """The shop's calendar day: rows dated after it are from the future."""
        return max(at_least, self.now().astimezone(ZoneInfo(self.source.time_zone)).date())

    def found_at(self, last: date) -> datetime | None:
        """When corrections a run of days up to `last` finds count as known: now, once the prices of `last` are out."""
        now = self.now()
        return now if not self.source.historical and now > self.source.effective_from(last) else None

    def timing(self, days: Sequence[date]) -> pricing.Timing:
        """When the days are judged and take effect: by the clock, or by their own cut-off where the shop is history."""
        now = self.now()
        return pricing.Timing(
            as_of={day: self.source.cutoff(day) if self.source.historical else now for day in days},
            effective_from={day: self.source.effective_from(day) for day in days},
            settings=self.decision_settings,
        )

    def known_to(self, context: dg.AssetExecutionContext) -> int:
        """The last event of governance that the run knows: what people decide later waits for the next run.

        The run's first station notes it as a tag of the run, so that a step tried again knows no more. An event's
        number, because a clock set back would hide what people said before.
        """
        run = context.instance.get_run_by_id(context.run_id)
        noted, _, number = (run.tags if run else {}).get(_KNOWN, "").rpartition(":")
        if noted == context.run_id:  # Dagster hands the tags of a run to the one that starts it again
            return int(number)
        newest = self.store.newest()
        continuity.require_words(self.lake, self.store.word)
        marks.note(self.lake, events=newest, word=self.store.word(newest))
        if run:
            context.instance.add_run_tags(context.run_id, {_KNOWN: f"{context.run_id}:{newest}"})
        return newest

    def strategies(self, known_to: int) -> list[pricing.Active]:
        """The strategies people had activated up to an event; the packaged one at the first start."""
        from pricing_assets import strategies

        return [
            pricing.Active(strategies.parse(each.text, each.name), each.version, each.activated_by)
            for each in self.store.active(known_to)
        ]

    def overrides(self, known_to: int) -> pl.DataFrame:
        """Every override set up to an event and not ended, as decisions.overrides but for its date."""
        rows = [
            {"override_id": each.id, **vars(each), **vars(each.scope)}
            for each in self.store.overrides(known_to)
            if each.ended_by is None
        ]
        return Overrides.cast(pl.DataFrame(rows, schema=Overrides.create_empty().schema)).drop("date")

    def reviews(self, known_to: int) -> pl.DataFrame:
        """Every answer given up to an event and not taken back, as decisions.reviews but for its date.

        A price of the audit that was approved is out already, and asks for nothing.
        """
        from pricing_assets.pricing import queue

        return queue.answers(self.store.desk.reviews(known_to))

    def autonomy(self, known_to: int) -> pl.DataFrame:
        """What governance had tightened up to an event, as decisions.autonomy but for its date."""
        from pricing_assets.pricing import queue

        return queue.limits(self.store.desk.autonomy(known_to))

    def people(self, known_to: int) -> pricing.People:
        """All that people had decided up to an event and runs obey."""
        return pricing.People(self.overrides(known_to), self.reviews(known_to), self.autonomy(known_to))

    def decided_by_people(self) -> dict[type[Table], pl.DataFrame]:
        """The governance store as tables for analysts."""
        from pricing_assets import governance

        return governance.exported(self.store, self.source.next_effective_day(self.now()))

    def exports(self) -> dict[type[Table], pl.DataFrame]:
        """What the lake does not have, for analysts. A registry that is down keeps nobody from their prices, and
        models.versions keeps the rows it had."""
        from pricing_assets import models

        try:
            versions = models.registered(self.gate, self.registry)
        except models.ModelUnavailable as fault:
            dg.get_dagster_logger().warning(f"models.versions keeps the rows it had: {fault.what}")
            versions = self._versions_before()
        return self.decided_by_people() | {Versions: versions}

    def _versions_before(self) -> pl.DataFrame:
        """models.versions of the last warehouse; none where there is none."""
        from pricing_assets.lake import warehouse
        from pricing_assets.models.listing import last_known

        try:
            rows = warehouse.query(self.settings.analytics, f"select * from {Versions.table_name()}")
        except PricingError:  # no warehouse yet, or one that cannot be read
            rows = pl.DataFrame()
        return last_known(rows, self.gate.champion_history())

    def provenance(self, context: dg.AssetExecutionContext) -> Provenance:
        """Who commits."""
        return Provenance(context.run_id, __version__)

    def commit(
        self, context: dg.AssetExecutionContext, table: type[Table], frame: pl.DataFrame, days: Sequence[date]
    ) -> None:
        """Replaces the days of a table by what a station made, unless its run has lost the days it works on.

        A process may be stopped between the two: what it leaves in a table then no day names, for decisions put in
        force what they have read (pricing.batch).
        """
        claims.require(self.lake, days_of(context), context.run_id)
        self.lake.commit(table, frame, days, self.provenance(context))

    @contextmanager
    def at_work(self, context: dg.AssetExecutionContext, days: Sequence[date]) -> Iterator[None]:
        """Keeps the days for this run alone, across its steps (see lake.claims).

        A PricingError ends the step as dg.Failure without retries: a person must mend it, trying again will not. So
        does a signal in a run of the shell: Dagster would start the station again, and nobody could stop the run. Runs
        that Dagster watches are started again by it.
        """
        worker = executions.worker(self.settings.executor)
        live = partial(executions.may_be_live, context.instance)
        try:
            refuse_unfinished(self.settings.home)
            span = {"first_day": days[0], "last_day": days[-1]} if days else {}
            name = context.op_execution_context.op.name
            with journal.station(self.settings, run_id=context.run_id, station=name, **span):
                if not live(context.run_id):
                    raise PricingError(f"run {context.run_id} was ended while it worked", "run its days again")
                self.lake.belongs_to(self.source.name)
                continuity.require(self.lake)
                with claims.claim(self.lake, days, context.run_id, live, pid=worker):
                    require_kept(self.lake, days)
                    if days:
                        with suppress(PricingError):  # a store that is down stops the station that needs it
                            self.known_to(context)
                    yield
        except PricingError as fault:
            raise _for_good(fault) from fault
        except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt) as signal:
            if executions.BY_HAND not in context.run.tags:
                raise
            raise _for_good(executions.STOPPED) from signal

    def journal(self, **fields: Any) -> AbstractContextManager[list[int]]:
        """Lets what is said within go to the log of this home."""
        return journal.about(self.settings, **fields)


def _for_good(fault: PricingError) -> dg.Failure:
    return dg.Failure(str(fault), metadata={"what": fault.what, "remedy": fault.remedy}, allow_retries=False)


@dg.definitions
def resources() -> dg.Definitions:
    """The platform as the settings have it, and how steps are run."""
    executors = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}
    return dg.Definitions(resources={"platform": Platform()}, executor=executors[SETTINGS.executor])
