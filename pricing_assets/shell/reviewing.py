"""Commands on reviews: what is open, answering it alone or together, taking an answer back.

Here: people in, words out. Not here: which price is meant (open_prices), the answers (governance/), autonomy
(shell/autonomy).

Nothing shown here tells a price that waits from one that autonomy published and the blind audit drew: no action, no
confidence. After the answer it is said.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import key_of, look, open_store
from pricing_assets.shell.open_prices import (
    Wanted,
    is_id,
    matching,
    named,
    nothing,
    now,
    open_prices,
    other_price,
    proposal,
)
from pricing_assets.tables import money

if TYPE_CHECKING:
    from pricing_assets.governance import Review
    from pricing_assets.governance.approvals import Answer
    from pricing_assets.governance.desk import Answered

_SHOWN_ID = 12
_DONE = {"approve": "approved", "reject": "rejected", "amend": "amended"}
_SHOWN = ["id", "sku", "market", "category", "now", "proposed", "change", "currency", "impact", "decided", "until"]


def show(shell: Shell, wanted: Wanted, limit: int) -> None:
    """The open prices, largest impact first."""
    rows = matching(open_prices(shell), wanted)
    shown = rows.head(limit)
    if shell.json:
        shell.answer([_row(row, short=False) for row in shown.to_dicts()])
        return
    if not rows.height:
        shell.say(nothing(shell, wanted))
        return
    table = pl.DataFrame([_row(row) for row in shown.to_dicts()], schema_overrides={"impact": pl.Float64})
    shell.rows(table.select(_SHOWN), "prices for review, the largest impact first")
    if rows.height > limit:
        shell.say(f"({counted(rows.height - limit, 'more price')}; --limit shows more)")
    shell.say(
        "`pricing review approve|reject ID --reason …`, `amend ID --price P`; `pricing explain` says how it was made"
    )


def held(shell: Shell) -> None:
    """What needs a person and has no price to approve.

    What the last day holds because a model cannot judge it, and which prices of the last week went wrong on their way.
    """
    from pricing_assets.pricing.queue import held as puzzling
    from pricing_assets.shell import publishing

    rows = pl.concat([puzzling(shell.lake, now(shell).day), publishing.to_be_seen(shell)], how="diagonal")
    if shell.json or rows.height:
        shell.rows(rows, "for a person to look at: held at the current price, or not as it should be at the tills")
    else:
        shell.say("nothing is held for a person to look at, and no price is wrong at the tills")


def answer(shell: Shell, said: Answer, wanted: Wanted, reason: str, price: str | None = None) -> None:
    """Answers what is named: one price, or several as one."""
    rows = named(shell, wanted)
    moment, store = now(shell), open_store(shell)
    other = other_price(shell, rows.row(0, named=True), price) if price is not None else None
    asked = [proposal(row, moment.day) for row in rows.to_dicts()]
    ids = sorted(each.decision_id for each in asked)
    answered = [each for each in store.desk.reviews() if each.proposal.decision_id in ids]
    key = key_of("review", said, other, *ids, shell.by, reason, len(answered))
    if len(asked) == 1 and len(wanted.names) == 1:
        done = store.desk.decide(shell.by, asked[0], said, reason, key, today=moment.day, price=other)
    else:
        done = store.desk.decide_together(shell.by, asked, said, reason, key, today=moment.day)
    _tell(shell, said, done, reason)


def withdraw(shell: Shell, name: str, reason: str) -> None:
    """Takes an answer back, as long as what it approved is not out."""
    store = open_store(shell)
    standing = [each for each in store.desk.reviews() if each.withdrawn_by is None]
    found = [each for each in standing if name in (each.id, each.proposal.sku) or is_id(each, name)]
    if len(found) != 1:
        said = "several answers are meant by it" if found else "no answer stands under it"
        raise PricingError(
            f"{name}: {said}", "name the answer (RV-…) or the decision; `pricing review answers` lists them"
        )
    [review] = found
    _refuse_out(shell, review)
    done = store.desk.withdraw(
        shell.by, review.proposal.subject, reason, key_of("withdraw", review.id, shell.by, reason)
    )
    shell.answer(answer_row(done))
    shell.say(f"{done.id} is withdrawn, on the word of {shell.by}: {reason}")
    shell.say(f"  {done.proposal.sku} in {done.proposal.market} is open again, until {done.proposal.expires}")


def answers(shell: Shell, last: int) -> None:
    """The answers given last, newest first."""
    today = now(shell).day
    given = look(shell).desk.reviews()[: -last - 1 : -1]
    rows = [answer_row(each, today) for each in given]
    if shell.json or rows:
        shell.rows(pl.DataFrame(rows, schema=dict.fromkeys(_ANSWER, pl.String)), "answers, newest first")
    else:
        shell.say("nobody answered anything yet; `pricing review list` shows what is open")


_ANSWER = ["id", "sku", "market", "answer", "price", "currency", "by", "reason", "state", "until", "decision_id"]


def answer_row(review: Review, today: date | None = None) -> dict[str, Any]:
    """An answer for programs and tables."""
    asked = review.proposal
    price = _amount(review.price if review.price is not None else asked.price, asked.currency)
    state = review.state(today or asked.day)
    row = (review.id, asked.sku, asked.market, review.answer, price, asked.currency, review.by, review.reason, state)
    return dict(zip(_ANSWER, (*row, str(asked.binds_until), asked.decision_id), strict=True))


def state_of(shell: Shell, decision: dict[str, Any]) -> list[str]:
    """What people said of a decision, or that it waits for them; nothing where it was not put to anybody."""
    if decision["action"] != "review":
        return []
    given = [each for each in look(shell).desk.reviews() if each.proposal.decision_id == decision["decision_id"]]
    standing = [each for each in given if each.withdrawn_by is None]
    if standing:
        last = standing[-1]
        price = "" if last.price is None else f" at {_amount(last.price, last.proposal.currency)}"
        return [f"{last.answer}{price} by {last.by}: {last.reason} ({last.id}, until {last.proposal.binds_until})"]
    short = decision["decision_id"][:_SHOWN_ID]
    if short in {row["decision_id"][:_SHOWN_ID] for row in open_prices(shell).to_dicts()}:
        return [f"waits for a person: `pricing review approve {short} --reason …`"]
    return ["nobody answered it in time, so nothing happens"]


def _refuse_out(shell: Shell, review: Review) -> None:
    """Refuses where a price this answer approved has taken effect."""
    from pricing_assets.tables.decisions import PriceBook

    at, files = now(shell).at, manifests.manifested(shell.lake, PriceBook)
    since = [file for day, file in files.items() if day >= review.proposal.day]
    book = shell.lake.read_files(PriceBook, since, ["review_id", "effective_from"])
    out = book.filter((pl.col("review_id") == review.id) & (pl.col("effective_from") <= at))
    if out.height:
        raise PricingError(
            f"{review.id}: its price took effect at {out['effective_from'][0]:%Y-%m-%d %H:%M} UTC",
            "`pricing publish rollback` returns a scope to its former prices",
        )


def _tell(shell: Shell, said: Answer, done: Answered, reason: str) -> None:
    shell.answer(
        {
            "reviews": [answer_row(each) | {"audit": each.proposal.audit} for each in done.reviews],
            "taken": done.taken,
            "tightened": [f"{each.scope}: {each.limits}" for each in done.tightened],
        }
    )
    for each in done.reviews[:10]:
        asked = each.proposal
        price = _amount(each.price if each.price is not None else asked.price, asked.currency)
        shell.say(f"{each.id}: {asked.sku} in {asked.market} {_DONE[said]} at {price} {asked.currency}")
        shell.say(f"  {_effect(each)}")
    if len(done.reviews) > 1:
        shell.say(f"{counted(len(done.reviews), 'price')} {_DONE[said]} as one, on the word of {shell.by}: {reason}")
    for told in done.taken:
        shell.say(f"left as it is: {told}")
    for word in done.tightened:
        shell.say(f"autonomy of {word.scope} is now {word.limits}: {word.reason}")


def _effect(review: Review) -> str:
    """What comes of an answer."""
    until = review.proposal.binds_until
    if review.answer == "rejected":
        keeps = f"it is not proposed again until {until}"
        return f"it was published before, for the blind audit; {keeps}" if review.proposal.audit else keeps
    if review.proposal.audit and review.answer == "approved":
        return "it was published before, for the blind audit: thank you"
    return f"it goes out by the cut-off of its day, else with the next run, until {until}"


def _row(row: dict[str, Any], *, short: bool = True) -> dict[str, Any]:
    """A row of the queue as a person sees it; blind to what was published."""
    before, after = row["current_price"], row["price"]
    return {
        "id": row["decision_id"][:_SHOWN_ID] if short else row["decision_id"],
        "sku": row["sku"],
        "market": row["market"],
        "category": row["category"],
        "now": None if before is None else _amount(before, row["currency"]),
        "proposed": _amount(after, row["currency"]),
        "change": None if not before else f"{(after - before) / before:+.1%}",
        "currency": row["currency"],
        "impact": None if row["impact"] is None else round(row["impact"], 2),
        "decided": str(row["date"]),
        "until": str(row["expires"]),
    }


def _amount(price: Decimal, currency: str) -> str:
    return f"{price:.{money.exponent(currency)}f}"
