"""Commands on publishing: send what is due, show where prices stand, return a scope to its former prices.

Here: people in, words out. Not here: the way of a price out (publishing/), the audit (governance/).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import polars as pl
import typer

from pricing_assets import __version__
from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import Provenance, claims
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import require_kept
from pricing_assets.shell.command import REFUSED, Shell
from pricing_assets.shell.deciding import key_of, open_store
from pricing_assets.shell.open_prices import open_prices

if TYPE_CHECKING:
    from pricing_assets.publishing import Published, Return
    from pricing_assets.sources import Source

_SHOWN_FAULTS = 20
_WEEK = 7


class Asked(NamedTuple):
    """What is to return, as it was typed."""

    sku: str | None
    category: str | None
    market: str | None
    everything: bool
    undo: str | None


def publish(shell: Shell, span: tuple[date, date] | None) -> None:
    """Makes a pass, compares with what is charged, and says what came of it; exit code 1 where a person must look."""
    from pricing_assets import publishing

    source = _source(shell)
    if span and not source.historical:
        raise PricingError(
            f"{source.name} goes on: what is due goes out as of now, whatever day decided it",
            "leave the days out; they are for a shop that is history",
        )
    if not shell.lake.root.exists():
        shell.answer({"days": [], "mismatches": 0, "states": [], "faults": []})
        shell.say("nothing was due")
        shell.say("  no day stands yet; `pricing run` decides one")
        return
    days = _days(span) if span else publishing.days_to_publish(shell.lake, source, datetime.now(UTC))
    done = _pass(shell, source, days)
    wrong = _compared(shell, source, days).height
    _told(shell, done, {"days": days, "mismatches": wrong})
    if wrong:
        shell.say(f"{counted(wrong, 'price')} charged otherwise than sent: `pricing publish status`")
    if done.faults:
        raise typer.Exit(REFUSED)


def status(shell: Shell, span: tuple[date, date] | None) -> None:
    """What is not as it should be, then prices by moment, market and state."""
    from pricing_assets import publishing

    days = _days(span) if span else _last_week(shell)
    wrong, states = _wrong(shell, days), publishing.states(shell.lake, days)
    if shell.json:
        shell.answer({"mismatches": wrong.to_dicts(), "states": states.to_dicts()})
        return
    if wrong.height:
        shell.rows(wrong, f"{wrong.height:,} not as they should be")
    elif states.height:
        shell.say("every price sent is as it should be")
    if states.height:
        shell.rows(states, "prices by the moment they take effect")
    else:
        shell.say("the price book has no entry for these days; `pricing run` decides prices")


def to_be_seen(shell: Shell) -> pl.DataFrame:
    """What of the last week's prices is not as it should be, the newest of each kind: sku, market, reason.

    A price that is stopped since it waits for an answer is in the queue of reviews, and not here.
    """
    days = _last_week(shell)
    recent = [day for day in days if day > days[-1] - timedelta(days=_WEEK)]
    waits = open_prices(shell).select("sku", "market", what=pl.lit("stopped"))
    wrong = _wrong(shell, recent).unique(["sku", "market", "what"], keep="first", maintain_order=True)
    said = pl.format("{} of {}: {}", "what", "day", pl.col("message").fill_null("`pricing publish status` says more"))
    return wrong.join(waits, on=waits.columns, how="anti", maintain_order="left").select("sku", "market", reason=said)


def _last_week(shell: Shell) -> list[date]:
    from pricing_assets.tables.decisions import PriceBook

    return sorted(manifests.manifested(shell.lake, PriceBook))[-_WEEK:]


def _wrong(shell: Shell, days: list[date]) -> pl.DataFrame:
    from pricing_assets import publishing

    return publishing.mismatched(shell.lake, days, [*days, days[-1] + timedelta(days=1)] if days else [])


def rollback(shell: Shell, asked: Asked, day: date | None, reason: str, *, anyway: bool) -> None:
    """Returns a scope to its former prices, with an audit row, and sends them."""
    from pricing_assets.tables.decisions import PriceBook

    source = _source(shell)
    books = manifests.manifested(shell.lake, PriceBook)
    decided = day or max(books, default=None)
    if decided is None or decided not in books:
        raise PricingError(
            f"{decided or source.name}: no price was decided to go out", "`pricing publish status` shows the days"
        )
    require_kept(shell.lake, [decided])
    run_id = f"rollback-{uuid4()}"
    claims.claim(shell.lake, [decided], run_id, lambda _: True)
    try:
        found = _former(shell, source, asked, decided)
        rows = pl.concat([found.entries, found.broken.drop("why")]) if anyway else found.entries
        made = _returned(shell, asked, decided, rows, reason, run_id=run_id) if rows.height else None
    finally:
        claims.release(shell.lake, run_id)
    _say_returned(shell, decided, found, made, rows.height, anyway=anyway)
    done = _pass(shell, source, [decided])
    left = [] if anyway else found.broken.select("sku", "market", "former", "why").to_dicts()
    answer = {"id": made, "day": decided, "returned": rows.height, "left": left, "overtaken": found.overtaken}
    _told(shell, done, answer)
    if done.faults or left:
        raise typer.Exit(REFUSED)


def _former(shell: Shell, source: Source, asked: Asked, day: date) -> Return:
    from pricing_assets import publishing
    from pricing_assets.governance import Scope
    from pricing_assets.governance.rollbacks import identity

    named = {name: getattr(asked, name) for name in ("sku", "category", "market") if getattr(asked, name) is not None}
    if asked.undo and (named or asked.everything):
        raise PricingError("rollback: --undo and a scope at once", "--undo returns all that the rollback returned")
    if not asked.undo:
        Scope(asked.sku, asked.category, asked.market, asked.everything)  # refuses what names nothing, or too much
    as_of = source.effective_from(day) if source.historical else datetime.now(UTC)
    undone = identity(asked.undo) if asked.undo else None
    last = day if source.historical else source.last_ended(as_of)
    return publishing.former_prices(shell.lake, day, named, undone, last=last, as_of=as_of)


def _returned(shell: Shell, asked: Asked, day: date, rows: pl.DataFrame, reason: str, *, run_id: str) -> str:
    """Records who returns what and why, then enters the prices; the id of the rollback.

    The key is the request on this state of the book: killed in between and asked again, it goes on under one id.
    """
    from pricing_assets import publishing
    from pricing_assets.tables.decisions import PriceBook

    book = manifests.manifested(shell.lake, PriceBook)[day].hash
    said = {"day": day.isoformat(), **asked._asdict(), "prices": rows.height}
    key = key_of("return_prices", *asked, day, book, rows.height, shell.by, reason)
    made = open_store(shell).return_prices(said, shell.by, reason, key)
    provenance = Provenance(run_id, __version__)
    publishing.return_prices(shell.lake, day, rows, made, provenance=provenance, now=datetime.now(UTC))
    return made


def _say_returned(shell: Shell, day: date, found: Return, made: str | None, returned: int, *, anyway: bool) -> None:
    if made:
        shell.say(f"{made}: {counted(returned, 'price')} decided for {day} return to what they were before")
        shell.say(f"  `pricing publish rollback --undo {made} --reason …` takes it back")
        shell.say("  a run of a later day decides them again; `pricing freeze …` keeps them where they are")
    else:
        shell.say(f"nothing to return: no price of it decided for {day} is another than before")
    if found.overtaken:
        shell.say(f"  {counted(found.overtaken, 'price')} not: a later day decided them again")
    for sku, market, former, why in [] if anyway else found.broken.select("sku", "market", "former", "why").rows():
        shell.say(f"  {sku} in {market} not to {former}: {why}; --anyway returns it all the same")


def _pass(shell: Shell, source: Source, days: list[date]) -> Published:
    from pricing_assets import publishing
    from pricing_assets.lake import warehouse
    from pricing_assets.tables.publishing import Publications, Reconciliations

    provenance = Provenance(f"publish-{uuid4()}", __version__)
    if not source.historical:  # of a day that is over nobody can approve anything in time
        _enter_answers(shell, source.last_ended(datetime.now(UTC)), provenance)
    done = publishing.publish(shell.lake, source, shell.settings, days, provenance)
    warehouse.renew(shell.lake, shell.settings.analytics, [Publications, Reconciliations])
    if not source.historical:
        _say_figures(shell, source)
    return done


def _say_figures(shell: Shell, source: Source) -> None:
    """Writes the metrics file again: an alert on prices that were due must not ring on after they went out by hand."""
    from pricing_assets.defs import metrics
    from pricing_assets.shell.instance import is_made, open_instance

    if is_made(shell.settings):
        with open_instance(shell.settings, to_look=True) as instance:
            metrics.write(instance, shell.lake, source, shell.settings, datetime.now(UTC))


def _enter_answers(shell: Shell, day: date, provenance: Provenance) -> None:
    """What people approved since the day's run goes into its book before the cut-off."""
    from pricing_assets.pricing import approved, queue

    claims.claim(shell.lake, [day], provenance.run_id, lambda _: True)
    try:
        given = queue.answers(open_store(shell).desk.reviews())
        approved.commit_answers(shell.lake, day, given, provenance, datetime.now(UTC))
    finally:
        claims.release(shell.lake, provenance.run_id)


def _compared(shell: Shell, source: Source, days: list[date]) -> pl.DataFrame:
    """The mismatches between what was sent and what is charged, up to the day after the last one."""
    from pricing_assets import publishing
    from pricing_assets.lake import warehouse
    from pricing_assets.tables.publishing import Publications, Reconciliations

    every = sorted({*days, *(day + timedelta(days=1) for day in days)})
    ends = [source.end_of(day) for day in every]
    found = publishing.reconcile(shell.lake, every, ends, Provenance(f"publish-{uuid4()}", __version__))
    warehouse.renew(shell.lake, shell.settings.analytics, [Publications, Reconciliations])
    return found


def _told(shell: Shell, done: Published, more: dict[str, Any]) -> None:
    """How many prices came to which state in this pass, and what a person must know."""
    from pricing_assets.publishing.outbox import KEY

    ended = done.recorded.unique(KEY, keep="last", maintain_order=True)
    counts = ended.group_by("effective_from", "market", pl.col("state").cast(pl.String)).len("prices")
    counts = counts.sort("effective_from", "market", "state")
    shell.answer({**more, "states": counts.to_dicts(), "faults": done.faults})
    if not counts.height:
        shell.say("nothing was due")
    for moment, market, state, prices in counts.iter_rows():
        shell.say(f"{moment:%Y-%m-%d %H:%M} UTC, {market}: {counted(prices, 'price')} {state}")
    for fault in done.faults[:_SHOWN_FAULTS]:
        shell.say(f"  {fault}")
    if len(done.faults) > _SHOWN_FAULTS:
        shell.say(f"  and {len(done.faults) - _SHOWN_FAULTS:,} more: `pricing publish status`")


def _source(shell: Shell) -> Source:
    from pricing_assets import sources

    return sources.load(shell.settings.source, shell.settings)


def _days(span: tuple[date, date]) -> list[date]:
    return [span[0] + timedelta(days=number) for number in range((span[1] - span[0]).days + 1)]
