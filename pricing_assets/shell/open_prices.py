"""The prices open for review: which are meant, and what another price must be to be charged.

Here: the queue as the shell asks about it, names of prices, the present of the shop. Not here: the queue itself
(pricing/), answering (shell/reviewing).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import look
from pricing_assets.tables import money

if TYPE_CHECKING:
    from pricing_assets.governance import Proposal, Review
    from pricing_assets.sources import Source

_LEAST_ID = 4
_SEE = "`pricing review list` shows what is open"


class Wanted(NamedTuple):
    """Which open prices: of a category, a market, or those named."""

    category: str | None = None
    market: str | None = None
    names: Sequence[str] = ()
    everything: bool = False


class Moment(NamedTuple):
    """When it is: the effective day, and the instant prices are judged by. In a shop of history the last decided day
    is the present."""

    day: date
    at: datetime


def now(shell: Shell) -> Moment:
    """The present of the shop."""
    source = _source(shell)
    at = datetime.now(UTC)
    if source.historical:
        decided = manifests.standing(shell.lake).filter(~pl.col("status").is_in(["no_trade", "expired"]))["date"]
        last = decided.max()
        if isinstance(last, date):
            return Moment(last + timedelta(days=1), source.cutoff(last))
    return Moment(source.last_ended(at) + timedelta(days=1), at)


def proposal(row: dict[str, Any], today: date) -> Proposal:
    """What a person is asked, from a row of the queue; an answer of today binds as long as the strategy says."""
    from pricing_assets.governance import Proposal

    named = {name: row[name] for name in Proposal.__dataclass_fields__ if name in row}
    answered_on = max(today, row["date"] + timedelta(days=1))
    return Proposal(**named, day=row["date"], binds_until=answered_on + timedelta(days=row["days"]))


def _source(shell: Shell) -> Source:
    from pricing_assets import sources

    return sources.load(shell.settings.source, shell.settings)


def open_prices(shell: Shell) -> pl.DataFrame:
    """What is open now, as queue.QUEUE."""
    from pricing_assets.pricing.queue import queue

    return queue(shell.lake, look(shell).desk.reviews(), now(shell).day)


def matching(rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The rows of a category or a market, where one is named."""
    scope = {name: value for name in ("category", "market") if (value := getattr(wanted, name)) is not None}
    return rows.filter(**scope) if scope else rows


def named(shell: Shell, wanted: Wanted) -> pl.DataFrame:
    """The open prices meant. Raises PricingError where none is, and for an id that is none or means several."""
    rows = open_prices(shell)
    if not wanted.names:
        if not (wanted.category or wanted.market or wanted.everything):
            raise PricingError(
                "no price is named", "name ids, or --category, --market or --all; see `pricing review list`"
            )
        found = matching(rows, wanted)
        if not found.height:
            raise PricingError(nothing(shell, wanted), _SEE)
        return found
    parts = [_one(shell, rows, name) for name in dict.fromkeys(wanted.names)]
    return pl.concat(parts).unique("decision_id", maintain_order=True)


def _one(shell: Shell, rows: pl.DataFrame, name: str) -> pl.DataFrame:
    if len(name) < _LEAST_ID or set(name) - set("0123456789abcdef"):
        raise PricingError(
            f"{name}: is no id of a price", "`pricing review list` shows the ids; the beginning is enough"
        )
    found = rows.filter(pl.col("decision_id").str.starts_with(name))
    if found.height > 1:
        raise PricingError(f"{name}: {found.height} prices begin so", "write more of the id")
    if not found.height:
        given = [each for each in look(shell).desk.reviews() if is_id(each, name) and each.withdrawn_by is None]
        raise PricingError(f"{name}: {_why_not(given)}", _SEE)
    return found


def _why_not(given: Sequence[Review]) -> str:
    """Why a price is not open, from the answers to it that stand."""
    if not given:
        return "is not open: answered, expired, or decided anew since"
    last = given[-1]
    return f"is {last.answer} by {last.by} at {last.at:%Y-%m-%d %H:%M} UTC: {last.reason}"


def is_id(review: Review, name: str) -> bool:
    """Whether a name means the decision that was answered."""
    return len(name) >= _LEAST_ID and review.proposal.decision_id.startswith(name)


def other_price(shell: Shell, row: dict[str, Any], text: str) -> Decimal:
    """The price of an amendment. Raises PricingError for one that cannot be charged: it names why and by how much."""
    from pricing_assets.pricing.approved import broken_at

    places = money.exponent(row["currency"])
    try:
        price = Decimal(text)
        whole = price.is_finite() and price > 0 and price == round(price, places)
    except InvalidOperation:
        whole = False
    if not whole:
        raise PricingError(
            f"{text}: is no price in {row['currency']}", f"write it with at most {places} decimals, above 0"
        )
    if price == row["current_price"]:
        raise PricingError(f"{text} is the current price", "`pricing review reject` keeps it")
    asked = pl.DataFrame([row]).with_columns(price=pl.lit(price).cast(money.AT_REST))
    hashes = _strategy_of(shell, row)
    [broken] = broken_at(shell.lake, row["date"], asked.with_columns(strategy_hash=pl.lit(hashes, dtype=pl.String)))
    if broken:
        raise PricingError(
            f"{text} {row['currency']} for {row['sku']} in {row['market']}: {broken}", "give a higher price"
        )
    return price


def _strategy_of(shell: Shell, row: dict[str, Any]) -> str | None:
    from pricing_assets.tables.decisions import PriceDecisions

    file = manifests.manifested(shell.lake, PriceDecisions)[row["date"]]
    rows = shell.lake.read_files(PriceDecisions, [file], ["decision_id", "strategy_hash"])
    found: str | None = rows.filter(decision_id=row["decision_id"])["strategy_hash"].cast(pl.String).item()
    return found


def nothing(shell: Shell, wanted: Wanted) -> str:
    """Why nothing is open."""
    scope = [f"{name} {value}" for name in ("category", "market") if (value := getattr(wanted, name)) is not None]
    if scope:
        return f"no price of {', '.join(scope)} is open for review"
    if manifests.standing(shell.lake).is_empty():
        return "no day is decided yet, so nothing is open for review; `pricing run` decides one"
    return "no price is open for review: what waits for a person comes from the `autonomy` of a strategy"
