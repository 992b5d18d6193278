"""Publishing: a pass over what is due, then the reconciliation of the days; for a shop that is history, day by day.

Here: which days, which moment, who may be at it. Not here: the pass itself (passes).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.publishing import guards, reconciliation
from pricing_assets.publishing.agenda import agenda
from pricing_assets.publishing.connectors import connect, described
from pricing_assets.publishing.facts import Standing
from pricing_assets.publishing.outbox import KEY, UNDERWAY, Outbox, latest
from pricing_assets.publishing.passes import Pass, Route, Terms
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import Publications

_LOGGER = logging.getLogger(__name__)
HORIZON = 7
"""Days back a pass looks: an older price is not sent, and not followed up."""

_WAITING = [*UNDERWAY, "scheduled", "sent", "acknowledged"]


@dataclass
class Published:
    """What was done: the states recorded, in order, and what a person must know."""

    recorded: pl.DataFrame = field(default_factory=Publications.create_empty)
    faults: list[str] = field(default_factory=list)


def publish(
    lake: Lake,
    source: Source,
    settings: Settings,
    days: Sequence[date],
    provenance: Provenance,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    wait: Callable[[float], None] = time.sleep,
) -> Published:
    """Sends what is due and reads what came back.

    A shop that goes on is taken as it is now, whatever `days` say; one that is history day by day, each as of the
    moment its prices took effect. Raises PricingError where a connector cannot be made; then nothing goes out.
    """
    if not source.publish.enabled:
        return Published()
    routes = {market: Route(described(source, market), connect(source, market, settings)) for market in source.markets}
    now = clock()
    moments = [source.effective_from(day) for day in sorted(days)] if source.historical else [now]
    done = Published()
    with lake.alone("publishing"):
        standing = Standing.of(lake)
        for as_of in moments:
            terms = Terms(
                as_of=as_of,
                last_day=source.last_ended(as_of),
                routes=routes,
                lead=timedelta(minutes=source.publish.lead_minutes),
                expires=timedelta(days=source.publish.expires_days),
                attempts=source.publish.attempts,
                wait=wait,
            )
            _pass(standing, terms, provenance, clock, done)
    for fault in done.faults:
        _LOGGER.warning("publication_fault", extra={"error": fault})
    return done


def _pass(
    standing: Standing, terms: Terms, provenance: Provenance, clock: Callable[[], datetime], done: Published
) -> None:
    days = _trailing(terms.last_day)
    outbox = Outbox(standing.lake, days, provenance, clock)
    day = terms.last_day + timedelta(days=1)  # the day the moment of the pass lies on
    work = Pass(outbox, terms, partial(reconciliation.keep, standing.lake, day, provenance=provenance))
    work.finish()
    due = _schedule(standing, days, outbox, terms)
    held = guards.stopped(standing, due, terms.routes, terms.last_day, terms.as_of)
    work.stop(held)
    work.send(due.join(held, on=KEY, how="anti"))
    work.ask_again()
    work.read_receipts()
    work.look_again()
    work.go_live()
    done.recorded = pl.concat([done.recorded, *work.outcome.recorded])
    done.faults += work.outcome.faults


def _schedule(standing: Standing, days: Sequence[date], outbox: Outbox, terms: Terms) -> pl.DataFrame:
    """Gives every entry of the book its first state, and those that never go out their last; returns what is due."""
    names = {market: route.name for market, route in terms.routes.items()}
    routed = pl.col("market").replace_strict(names, default=None, return_dtype=pl.String)
    book = standing.rows(PriceBook, days).with_columns(connector=routed)
    found = agenda(book, outbox.latest(), terms.as_of, terms.lead, terms.expires)
    late = "it was not handed over in time, and is too old to be now"
    outbox.record(
        (found.new, [("scheduled", None)]),
        (found.replaced, [("superseded", "a newer price of it goes out instead")]),
    )
    found = agenda(book, outbox.latest(), terms.as_of, terms.lead, terms.expires)
    outbox.record((found.expired, [("expired", late)]))
    return found.due


def _trailing(last: date) -> list[date]:
    return [last - timedelta(days=number) for number in range(HORIZON, -1, -1)]


def days_to_publish(lake: Lake, source: Source, now: datetime) -> list[date]:
    """The days a pass is for where none is named: the last one that ended; of a history all with something left."""
    if not source.historical:
        return [source.last_ended(now)]
    standing = Standing.of(lake)
    entries = standing.rows(PriceBook, standing.days(PriceBook), KEY)
    states = latest(lake.read(Publications)).select(*KEY, pl.col("state").cast(pl.String))
    rows = entries.join(states, on=KEY, how="left")
    left = rows.filter(pl.col("state").is_null() | pl.col("state").is_in(_WAITING))
    return left["date"].unique().sort().to_list()


def waiting(lake: Lake, source: Source, settings: Settings, now: datetime) -> str | None:
    """Why a shop that goes on needs a pass now, in a few words; None where nothing waits."""
    if source.historical or not source.publish.enabled:
        return None
    days = _trailing(source.last_ended(now))
    lead, expires = timedelta(minutes=source.publish.lead_minutes), timedelta(days=source.publish.expires_days)
    files = [file for file in lake.files(Publications) if file.partition in set(days)]
    states = latest(lake.read_files(Publications, files))
    book = Standing.of(lake).rows(PriceBook, days).with_columns(connector=pl.lit(None, dtype=pl.String))
    due = agenda(book, states, now, lead, expires).due
    if due.height:
        return f"{due.height} due"
    open_now = states.filter(
        pl.col("state").cast(pl.String).is_in([*UNDERWAY, "sent"])
        | ((pl.col("state") == "acknowledged") & (pl.col("effective_from") <= now))
    )
    if open_now.height:
        return f"{open_now.height} not answered or not live yet"
    read = sum(len(connect(source, market, settings).receipts()) for market in source.markets)
    return f"{read} acknowledgement files" if read else None
