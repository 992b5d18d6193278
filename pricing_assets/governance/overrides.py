"""Overrides: what people put before the strategies for some SKUs and some days, as events of the ledger.

Here: setting one, ending one, and what the events come to. Not here: which override a SKU obeys (pricing/), whether a
scope names anything that is sold (whoever asks has the lake).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, get_args

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event, Override, OverrideKind, Scope

SET, ENDED = "override_set", "override_ended"
STREAM = "override:"
_ID = re.compile(r"(?:OV-)?0*([1-9][0-9]{0,11})", re.IGNORECASE)


def identity(text: str) -> str:
    """The id as the store writes it, from what a person types: OV-000012, ov-12 or 12. Raises PricingError for others.

    >>> identity("ov-12"), identity("1234567")
    ('OV-000012', 'OV-1234567')
    """
    found = _ID.fullmatch(text.strip())
    if not found:
        raise PricingError(f"{text}: is no id of an override", "write it like OV-12; `pricing overrides` lists them")
    return f"OV-{int(found[1]):06}"


def terms(kind: str, scope: Scope, first: date, last: date) -> dict[str, Any]:
    """What an override says, as the ledger keeps it. Raises PricingError where it ends before it begins."""
    if kind not in get_args(OverrideKind):
        raise PricingError(f"override: {kind} is no kind", f"use one of {', '.join(get_args(OverrideKind))}")
    if last < first:
        raise PricingError(f"override: it ends on {last}, before it begins on {first}", "give --until a later day")
    scoped = {"sku": scope.sku, "category": scope.category, "market": scope.market}
    return {"override": kind, **scoped, "from": first.isoformat(), "until": last.isoformat()}


def put(connection: sa.Connection, request: Request, said: dict[str, Any], today: date) -> Event:
    """Records a new override under the next id. Writers come one after another, so no id is given twice.

    `today` is the first effective day that may still be priced. Raises PricingError where the override ends before it.
    """
    if said["until"] < today.isoformat():
        raise PricingError(
            f"override: it lies wholly in the past: it ends on {said['until']}, the next prices take effect on {today}",
            f"give --until {today} or a later day",
        )
    newest = ledger.last_of_kind(connection, SET)
    number = int(newest.stream.removeprefix(f"{STREAM}OV-")) + 1 if newest else 1
    return ledger.append(connection, STREAM + identity(str(number)), request, SET, said)


def end(connection: sa.Connection, request: Request) -> Event:
    """Records the end of an override. Raises PricingError where there is none, or somebody ended it before."""
    stream = STREAM + request.name
    last = ledger.latest(connection, stream)
    if last is None:
        raise PricingError(f"no override is named {request.name}", "`pricing overrides --all` lists them")
    if last.kind == ENDED:
        when = f"{last.recorded_at:%Y-%m-%d %H:%M} UTC"
        raise PricingError(
            f"override {request.name} was ended by {last.actor} at {when}: {last.reason}",
            "nothing is left to do; a new override is set with `pricing freeze` or `pricing force-rules`",
        )
    ledger.expect(request, stream, last)
    return ledger.append(connection, stream, request, ENDED, last.payload, after=last)


def one(connection: sa.Connection, name: str) -> Override:
    """An override by its id."""
    return folded(ledger.history(connection, STREAM + name))[0]


def folded(events: Iterable[Event]) -> list[Override]:
    """What the events of overrides, in the order they were recorded, come to: each override, oldest first."""
    found: dict[str, Override] = {}
    for event in events:
        if event.kind == SET:
            found[event.stream] = _set(event)
        elif event.kind == ENDED:
            found[event.stream] = replace(
                found[event.stream], ended_by=event.actor, ended_at=event.recorded_at, end_reason=event.reason
            )
    return list(found.values())


def _set(event: Event) -> Override:
    said = event.payload
    named = {name: said[name] for name in ("sku", "category", "market")}
    return Override(
        id=event.stream.removeprefix(STREAM),
        kind=said["override"],
        scope=Scope(**named, everything=not any(named.values())),
        active_from=date.fromisoformat(said["from"]),
        active_until=date.fromisoformat(said["until"]),
        set_by=event.actor,
        set_at=event.recorded_at,
        reason=event.reason,
    )
