"""Commands on overrides: set, end, list.

Here: people in, words out; what a scope names, against what was on sale on the last decided day. Not here: the store
(governance/), what a row obeys (pricing/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import key_of, look, open_store

if TYPE_CHECKING:
    from pricing_assets.governance import Override, Scope
    from pricing_assets.governance.records import OverrideKind
    from pricing_assets.sources import Source

_NAMES = ("sku", "category", "market")
_DOES = {"PRICE_FREEZE": "the current price stays, of {}", "FORCE_RULE_BASED": "rules alone decide {}"}
_COUNTING = ("active", "scheduled")
_SAYS = {"PRICE_FREEZE": "frozen", "FORCE_RULE_BASED": "decided by rules alone"}


class Asked(NamedTuple):
    """The scope as it was typed."""

    sku: str | None
    category: str | None
    market: str | None
    everything: bool


class Days(NamedTuple):
    """First and last effective day as they were typed; without a first, the next one."""

    first: date | None
    last: date


class Listed(NamedTuple):
    """What was on sale on the last decided day: sku, market, category. No day where none stands yet."""

    day: date | None
    rows: pl.DataFrame


def set_override(shell: Shell, kind: OverrideKind, asked: Asked, days: Days, *, reason: str, anyway: bool) -> None:
    """Sets an override and says what it will do. The same one in force already is not set twice."""
    from pricing_assets.governance import Scope

    source, now = _source(shell), datetime.now(UTC)
    scope, listed = Scope(*asked), _listed(shell)
    next_day = source.next_effective_day(now)
    span = (days.first or min(next_day, days.last), days.last)
    if not anyway:
        _refuse_unknown(scope, listed)
    store = open_store(shell)
    same = [each for each in store.overrides() if _says(each) == (kind, scope, *span)]
    standing = next((each for each in same if each.ended_by is None), None)
    key = key_of("set", kind, *asked, *span, shell.by, reason, len(same))
    today = source.first_effective_day(now) if days.first else next_day
    made = standing or store.set_override(kind, scope, span, by=shell.by, reason=reason, key=key, today=today)
    covers = covered(listed.rows, scope).height
    shell.answer({**_row(made, next_day), "changed": not standing, "sku_markets": covers})
    shell.say(f"{made.id}{' already stands' if standing else ''}: {_sentence(made)}")
    shell.say(f"  {_effect(made, listed, covers)}")
    for day in _decided_already(shell, source, span, now):
        taken = f"`pricing run --date {day}` decides them again"
        shell.say(f"  prices that take effect on {day + timedelta(days=1)} are decided already: {taken}")
    shell.say(f"  `pricing end-override {made.id} --reason …` ends it; it expires by itself after {made.active_until}")


def end_override(shell: Shell, name: str, reason: str) -> None:
    """Ends an override."""
    from pricing_assets.governance.overrides import identity

    name, store = identity(name), open_store(shell)
    done = store.end_override(name, shell.by, reason, key_of("end", name, shell.by, reason))
    day = _source(shell).next_effective_day(datetime.now(UTC))
    others = _others(done, store.overrides(), _listed(shell).rows, day)
    shell.answer({**_row(done, day), "still_in_force": [each.id for each in others]})
    shell.say(f"{done.id} is ended, on the word of {shell.by}: {reason}")
    shell.say(f"  no run that starts from now on obeys it; it was: {_sentence(done)}")
    for each in others:
        shell.say(f"  {each.id} still stands over some of it: {_sentence(each)}")


def show(shell: Shell, *, everything: bool) -> None:
    """The overrides that count now or later, in force first; with `everything` also those that no longer do."""
    day = _source(shell).next_effective_day(datetime.now(UTC))
    order = [*_COUNTING, "expired", "ended"]
    rows = [_row(each, day) for each in look(shell).overrides()]
    rows = [row for row in rows if everything or row["state"] in _COUNTING]
    rows.sort(key=lambda row: order.index(row["state"]))
    if not rows and not shell.json:
        shell.say("no override is in force" + ("" if everything else "; --all shows expired and ended ones"))
        return
    named = ["id", "kind", "scope", "from", "until", "state", "by", "reason", "ended_by", "end_reason"]
    schema = dict.fromkeys(named if everything else named[:-2], pl.String)
    frame = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
    shell.rows(frame, f"overrides, as of the prices of {day}")


def covered(listed: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """The rows of what is listed that a scope is about."""
    named = {name: getattr(scope, name) for name in _NAMES if getattr(scope, name) is not None}
    return listed.filter(**named) if named else listed


def _others(done: Override, overrides: Sequence[Override], listed: pl.DataFrame, day: date) -> list[Override]:
    """The overrides that go on, from `day` on, for something the ended one was about and is on sale."""
    mine = covered(listed, done.scope)
    going_on = [each for each in overrides if each.state(day) in _COUNTING and each.active_from <= done.active_until]
    return [each for each in going_on if covered(mine, each.scope).height]


def _decided_already(shell: Shell, source: Source, span: tuple[date, date], now: datetime) -> list[date]:
    """The days whose published prices take effect within the span and can still be taken back."""
    published = manifests.standing(shell.lake).filter(
        (pl.col("published") > 0)
        & pl.col("date").dt.offset_by("1d").is_between(*span)
        & ((pl.col("effective_from") > now) | source.historical)
    )
    return published["date"].to_list()


def _source(shell: Shell) -> Source:
    from pricing_assets import sources

    return sources.load(shell.settings.source, shell.settings)


def _listed(shell: Shell) -> Listed:
    from pricing_assets.tables.features import FeatureSnapshots

    columns = ["sku", "market", "category"]
    files = manifests.manifested(shell.lake, FeatureSnapshots)
    if not files:
        return Listed(None, shell.lake.read_files(FeatureSnapshots, [], columns))
    day = max(files)
    return Listed(day, shell.lake.read_files(FeatureSnapshots, [files[day]], columns))


def _refuse_unknown(scope: Scope, listed: Listed) -> None:
    """Refuses a SKU, category or market that was not on sale on the last decided day, where one was decided."""
    if listed.day is None:
        return
    for name in _NAMES:
        said = getattr(scope, name)
        known = listed.rows[name].drop_nulls().unique().sort().to_list()
        if said is not None and said not in known:
            raise PricingError(f"{name} {said}: nothing of that name was on sale on {listed.day}", _meant(said, known))
    if not covered(listed.rows, scope).height:
        markets = listed.rows.filter(pl.col("sku" if scope.sku else "category") == (scope.sku or scope.category))
        names = ", ".join(markets["market"].unique().sort())
        raise PricingError(f"{scope}: was not on sale there on {listed.day}", f"it is listed in {names}; else --anyway")


def _meant(said: str, known: list[str]) -> str:
    close = get_close_matches(said, known, 3, 0.5)
    folded = [name for name in known if name.lower() == said.lower()]
    names = ", ".join(list(dict.fromkeys([*folded, *close])) or known[:5])
    return f"did you mean {names}? If it is still to come, say --anyway" if names else "none is known; else --anyway"


def _says(override: Override) -> tuple[Any, ...]:
    return (override.kind, override.scope, override.active_from, override.active_until)


def _sentence(override: Override) -> str:
    span = f"from {override.active_from} to {override.active_until}"
    return f"{override.scope} is {_SAYS[override.kind]} {span}, on the word of {override.set_by}: {override.reason}"


def _effect(override: Override, listed: Listed, covers: int) -> str:
    """What runs will do, and for how much of what is on sale."""
    many = (
        f"{counted(covers, 'SKU-market')} on sale on {listed.day}" if listed.day else "what it names, once it is sold"
    )
    return f"from the next run on: {_DOES[override.kind].format(many)}"


def _row(override: Override, day: date) -> dict[str, Any]:
    return {
        "id": override.id,
        "kind": override.kind,
        "scope": str(override.scope),
        "from": str(override.active_from),
        "until": str(override.active_until),
        "state": override.state(day),
        "by": override.set_by,
        "reason": override.reason,
        "ended_by": override.ended_by,
        "end_reason": override.end_reason,
    }
