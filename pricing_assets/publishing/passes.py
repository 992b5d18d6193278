"""A pass: what is due goes out, what came back is read, and every price ends in the state it is in.

Here: the order of things, so that a pass killed anywhere and made again has one effect per price. Not here: states on
disk (outbox), which entries are due and may go out (agenda, guards), what an answer means (judging).

1. Dispatches that may have arrived go out again as they were, under their key, until an answer says what became of
   them. Until then their market gets nothing new: an old price must not arrive after a newer one.
2. Of the entries not yet sent, those due that pass the guards go out. Each dispatch is recorded as underway before the
   connector is asked, and what it answered after that.
3. Acknowledgements that came by themselves are read; what was delivered is looked at again; what is acknowledged and
   in effect is live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.publishing.connectors import Connector, Dispatch, Refused, Unreachable
from pricing_assets.publishing.dispatches import again, dispatches
from pricing_assets.publishing.judging import judge
from pricing_assets.publishing.outbox import IN_FORCE, KEY, OUT, UNDERWAY, Group, Outbox, Step

EDITED = "edited: "
"""How a message begins that says a delivered file is not what was written."""


@dataclass(frozen=True)
class Route:
    """The way to a market: its connector, and what it is called."""

    name: str
    connector: Connector


@dataclass(frozen=True)
class Terms:
    """What a pass is made on: the moment, the newest day that has ended by then, the ways out, and our patience."""

    as_of: datetime
    last_day: date
    routes: Mapping[str, Route]
    lead: timedelta
    expires: timedelta
    attempts: int
    wait: Callable[[float], None]


@dataclass
class Outcome:
    """What a pass came to: the states it recorded, and what to tell a person."""

    recorded: list[pl.DataFrame] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Pass:
    """One pass over an outbox. Nobody else may be at it: the caller holds the lock.

    `keep` puts answers about nothing that was sent on disk; `outcome` fills while the pass goes on.
    """

    def __init__(self, outbox: Outbox, terms: Terms, keep: Callable[[pl.DataFrame], None]) -> None:
        self._outbox, self._terms, self._keep = outbox, terms, keep
        self.outcome = Outcome(recorded=outbox.recorded)

    def finish(self) -> None:
        """Dispatches underway go out again, unless they are too old to."""
        underway = self._in(UNDERWAY)
        old = underway.filter(pl.col("effective_from") + self._terms.expires <= self._terms.as_of)
        said = "nobody could say whether it arrived, and it is too old to be sent again"
        self._outbox.record((old, [("expired", said)]))
        for dispatch, rows in again(underway.join(old, on=KEY, how="anti")):
            self._deliver(dispatch, rows["connector"][0])

    def send(self, prices: pl.DataFrame) -> None:
        """Sends prices: rows of the outbox that are due. Those of a market with something underway wait."""
        free = prices.filter(~pl.col("market").is_in(self._in(UNDERWAY)["market"].unique().to_list()))
        for dispatch, part in dispatches(self._fit(free)):
            self._outbox.record((part.with_columns(dispatch=pl.lit(dispatch.key)), [("sending", None)]))
            self._deliver(dispatch, part["connector"][0])

    def stop(self, prices: pl.DataFrame) -> None:
        """Keeps prices from going out, each for its reason `why`."""
        self._outbox.record((prices, [("stopped", pl.col("why"))]))
        for sku, market, why in prices.select("sku", "market", "why").iter_rows():
            self.outcome.faults.append(f"{sku} in {market} does not go out: {why}")

    def ask_again(self) -> None:
        """Prices sent whose answer was to come later: the same dispatch again, where that is how to ask.

        Not in the pass that sent them, and not once a newer price of theirs is out.
        """
        just_now = pl.concat([self._outbox.latest().clear(), *self._outbox.recorded]).select("dispatch").unique()
        out = self._outbox.latest().filter(pl.col("dispatch").is_not_null()).sort("effective_from", "entry_no")
        newest = out.unique(["sku", "market"], keep="last").filter(pl.col("state") == "sent")
        waiting = newest.join(just_now, on="dispatch", how="anti", nulls_equal=True)
        whole = self._outbox.latest().join(waiting.select("dispatch").unique(), on="dispatch", how="semi")
        for dispatch, rows in again(whole):
            route = self._terms.routes.get(dispatch.market)
            if route and route.connector.asks_again:
                self._deliver(dispatch, rows["connector"][0])

    def read_receipts(self) -> None:
        """Acknowledgements that came by themselves: put away once what they say is on disk."""
        for route in self._terms.routes.values():
            for receipt in route.connector.receipts():
                if receipt.fault:
                    self._keep(_unreadable(receipt.name, receipt.fault))
                    self.outcome.faults.append(f"{receipt.name}: {receipt.fault}")
                there = self._outbox.latest().filter(pl.col("state").cast(pl.String).is_in(OUT))
                self._hear(receipt.rows, receipt.name, there)
                receipt.done()

    def look_again(self) -> None:
        """What was delivered and can be looked at: a file that was edited is a mismatch, until it is as it was."""
        watched = self._in(IN_FORCE)
        for dispatch, rows in again(self._whole(watched)):
            route = self._terms.routes.get(dispatch.market)
            said = route.connector.edited(dispatch) if route else None
            was = pl.col("message").str.starts_with(EDITED).fill_null(False)
            there = rows.filter(pl.col("state").cast(pl.String).is_in(IN_FORCE))
            if said:
                self._outbox.record((there.filter(~was), [("mismatched", EDITED + said)]))
                self.outcome.faults.append(f"{counted(there.height, 'price')} of {dispatch.market}: {said}")
            else:
                mended = there.filter(was & (pl.col("state") == "mismatched"))
                self._outbox.record((mended, [("acknowledged", "the file is as it was written again")]))

    def go_live(self) -> None:
        """What is acknowledged and in effect is live; where a newer entry for the same moment is out, it is not."""
        in_effect = self._in(["acknowledged"]).filter(pl.col("effective_from") <= self._terms.as_of)
        out = self._outbox.latest().filter(pl.col("dispatch").is_not_null())
        newest = out.sort("entry_no").unique(["sku", "market", "effective_from"], keep="last")
        self._outbox.record(
            (in_effect.join(newest, on=KEY, how="anti"), [("superseded", "a newer price went out")]),
            (in_effect.join(newest, on=KEY, how="semi"), [("live", None)]),
        )

    def _in(self, states: list[str]) -> pl.DataFrame:
        return self._outbox.latest().filter(pl.col("state").cast(pl.String).is_in(states))

    def _whole(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The latest rows of every price of the dispatches that some rows went in."""
        return self._outbox.latest().join(rows.select("dispatch").unique(), on="dispatch", how="semi")

    def _fit(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows their receiver can take; the others are stopped."""
        unfit = [
            (sku, str(market), f"{self._terms.routes[str(market)].name}: {sku} {why}")
            for (market,), part in rows.group_by("market", maintain_order=True)
            for sku, why in self._terms.routes[str(market)].connector.unfit(part).items()
        ]
        said = pl.DataFrame(unfit, schema={"sku": pl.String, "market": pl.String, "why": pl.String}, orient="row")
        held = rows.join(said, on=["sku", "market"], how="inner", maintain_order="left")
        self.stop(held)
        return rows.join(held, on=KEY, how="anti")

    def _deliver(self, dispatch: Dispatch, connector: str) -> None:
        """Asks the connector until it answers or our patience ends; records what came of it."""
        try:
            answer = self._asked(dispatch, connector)
        except Refused as refusal:
            self._outbox.record((self._of(dispatch, [*UNDERWAY, "sent"]), [("refused", str(refusal))]))
            self.outcome.faults.append(f"{counted(dispatch.prices.height, 'price')} of {dispatch.market}: {refusal}")
        except (Unreachable, PricingError) as fault:
            said = fault.what if isinstance(fault, PricingError) else str(fault)
            news = self._of(dispatch, UNDERWAY).filter(pl.col("message").ne_missing(pl.lit(said)))
            self._outbox.record((news, [("failed", said)]))
            self.outcome.faults.append(f"{counted(dispatch.prices.height, 'price')} of {dispatch.market} wait: {said}")
        else:
            if answer is None:
                self._outbox.record((self._of(dispatch, UNDERWAY), [("sent", None)]))
            else:  # an answer to a request is about that request, whatever went out since
                mine = self._outbox.latest().filter(pl.col("dispatch") == dispatch.key)
                self._hear(answer, connector, mine)

    def _of(self, dispatch: Dispatch, states: list[str]) -> pl.DataFrame:
        return self._in(states).filter(pl.col("dispatch") == dispatch.key)

    def _asked(self, dispatch: Dispatch, connector: str) -> pl.DataFrame | None:
        route = self._terms.routes.get(dispatch.market)
        if route is None or route.name != connector:
            raise Unreachable(f"it went out through {connector}, which {dispatch.market} has no more")
        for attempt in range(self._terms.attempts - 1):
            try:
                return route.connector.send(dispatch)
            except Unreachable:
                self._terms.wait(float(2**attempt))
        return route.connector.send(dispatch)

    def _hear(self, answer: pl.DataFrame, origin: str, sent: pl.DataFrame) -> None:
        """Records what an answer says of prices sent; keeps what it says of others. Those underway are sent by it."""
        underway = sent.filter(pl.col("state").cast(pl.String).is_in(UNDERWAY)).select(KEY)
        judged = sent.with_columns(state=pl.col("state").cast(pl.String).replace(dict.fromkeys(UNDERWAY, "sent")))
        found = judge(judged, answer, list(self._terms.routes), origin)
        silent = judged.join(underway, on=KEY, how="semi").join(found.verdicts, on=KEY, how="anti")
        groups: list[Group] = [(silent, [("sent", None)])]
        for (now,), part in found.verdicts.group_by("now", maintain_order=True):
            verdict: Step = (str(now), pl.col("said"))
            groups.append((part.join(underway, on=KEY, how="semi"), [("sent", None), verdict]))
            groups.append((part.join(underway, on=KEY, how="anti"), [verdict]))
            if now != "acknowledged":
                said = part.select("sku", "market", "said").iter_rows()
                self.outcome.faults.extend(f"{sku} in {market}: {words}" for sku, market, words in said)
        self._outbox.record(*groups)
        if found.strays.height:
            self._keep(found.strays)
            self.outcome.faults.extend(f"{sku}: {said}" for sku, said in found.strays.select("sku", "message").rows())


def _unreadable(name: str, fault: str) -> pl.DataFrame:
    row = {"sku": name, "market": "", "kind": "unreadable_acknowledgement", "other_price": None, "message": fault}
    return pl.DataFrame([row], schema_overrides={"other_price": pl.Decimal(18, 4)})
