"""Commands that look: explain, replay, runs, query, lake log. They change nothing.

Here: what is shown and how. Not here: how it came about.
"""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from typing import Any

import polars as pl
import typer

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import require_kept
from pricing_assets.shell.absences import rows_set_aside, why_not_listed
from pricing_assets.shell.command import REFUSED, Shell
from pricing_assets.shell.expecting import expectation, sentences
from pricing_assets.shell.grounding import in_words, of_model
from pricing_assets.shell.reviewing import state_of
from pricing_assets.shell.standing import span
from pricing_assets.tables import Table, money
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, PriceSteps
from pricing_assets.watch.situation import stopped_days

_BAR = 24


def explain(shell: Shell, sku: str, market: str, day: date, *, drivers: bool = False) -> None:
    """The waterfall of one standing decision, and what its model went by; `drivers` asks the model where none are kept.

    Raises PricingError where there is none.
    """
    decision = standing_decision(shell, sku, market, day)
    wanted = pl.col("decision_id") == decision["decision_id"]
    steps, book = (_in_force(shell, table, day).filter(wanted) for table in (PriceSteps, PriceBook))
    units, told = expectation(shell, decision), of_model(shell, decision, ask=drivers)
    parts = {"decision": decision, "steps": steps.to_dicts(), "price_book": book.to_dicts(), "expectation": units}
    shell.answer(parts | {"model": told})
    if shell.json:
        return
    shell.say(f"{sku} in {market} on {day}: {decision['action']}, {decision['reason']}")
    places = money.exponent(decision["currency"] or "")
    highest = max([1.0, *(float(step["after"]) for step in steps.iter_rows(named=True))])
    for step in steps.iter_rows(named=True):
        change, bar = step["after"] - step["before"], "█" * round(_BAR * float(step["after"]) / highest)
        figures = f"{change:>+12,.{places}f} {step['after']:>12,.{places}f}"
        shell.say(f"  {step['step']:<28} {figures}  {bar:<{_BAR}}  {step['reason']}")
        for line in in_words(told) if step["step"] == "ml" else ():
            shell.say(f"    {line}")
    for line in () if "ml" in steps["step"] else in_words(told):
        shell.say(f"  {line}")
    if decision["final_price"] is not None:
        was = "unknown" if decision["current_price"] is None else f"{decision['current_price']:.{places}f}"
        shell.say(f"  final {decision['final_price']:.{places}f} {decision['currency']}, was {was}")
    for sentence in sentences(decision, units, places)[: 1 if told["sentences"] else None]:
        shell.say(f"  {sentence}")
    for sentence in state_of(shell, decision):
        shell.say(f"  {sentence}")
    for row in rows_set_aside(shell, sku, market, day):
        shell.say(f"  set aside: {row}")
    for entry in book.sort("entry_no").tail(1).iter_rows(named=True):
        shell.say(f"  in the price book from {entry['effective_from']:%Y-%m-%d %H:%M} UTC")
    shell.say(f"  decision {decision['decision_id']}, strategy {decision['strategy'] or 'none'}")


def last_decided_day(shell: Shell) -> date:
    """The last day that stands and traded. Raises PricingError where there is none."""
    standing = manifests.standing(shell.lake)
    decided: list[date] = standing.filter(~pl.col("status").is_in(["no_trade", "expired"]))["date"].to_list()
    if not decided:
        remedy = "`pricing run` decides one; `pricing status` says what was stopped"
        raise PricingError(f"{shell.settings.home}: no day is decided yet", remedy)
    return decided[-1]


def _in_force(shell: Shell, table: type[Table], day: date) -> pl.DataFrame:
    """Rows of a day as the manifest has them in force."""
    file = manifests.manifested(shell.lake, table).get(day)
    return shell.lake.read_files(table, [file] if file else [])


def standing_decision(shell: Shell, sku: str, market: str, day: date) -> dict[str, Any]:
    """The row of decisions.price_decisions that stands. Raises PricingError with the nearest hint where none does."""
    known = manifests.standing(shell.lake)
    standing = known.filter(pl.col("date") == day)
    if verdict := stopped_days(shell.lake, known).get(day):
        raise PricingError(f"{day} was stopped: {verdict}", "mend what it names, then run this day again")
    if not standing.height:
        stand = span(known) if known.height else "no day stands yet"
        home = f"home is {shell.settings.home}"
        remedy = f"{stand}; `pricing run --date {day}` decides a day of the shop that has ended; {home}"
        raise PricingError(f"{day}: no decisions", remedy)
    require_kept(shell.lake, [day])
    if standing["status"][0] == "no_trade":
        raise PricingError(f"{day}: the shop did not trade, nothing was decided", "name a day with trade")
    rows = _in_force(shell, PriceDecisions, day).filter(pl.col("basis") == standing["basis"][0])
    found = rows.filter((pl.col("sku") == sku) & (pl.col("market") == market))
    if not found.height:
        reason = why_not_listed(shell, sku, market, day)
        raise PricingError(f"{sku} in {market}: not listed on {day}", reason or _suggestion(rows, sku, market))
    return found.row(0, named=True)


def _suggestion(rows: pl.DataFrame, sku: str, market: str) -> str:
    markets = rows.filter(pl.col("sku") == sku)["market"].unique().sort().to_list()
    if markets:
        return f"it is listed in {', '.join(markets)}"
    skus = rows.filter(pl.col("market") == market)["sku"].sort().to_list()
    if skus:
        return f"listed there are {', '.join(get_close_matches(sku, skus, 5, 0.5) or skus[:5])}, …"
    return f"markets of that day are {', '.join(rows['market'].unique().sort().head(10).to_list())}"


def replay(shell: Shell, days: list[date] | None) -> None:
    """Replays standing days; exit code 1 with the first difference. Expired ones are named; a single one is refused."""
    from pricing_assets.pricing.replay import replay as replayed

    if days and len(days) == 1:
        require_kept(shell.lake, days)
    outcomes = []
    for outcome in replayed(shell.lake, days):
        outcomes.append(outcome)
        if outcome.status == "missing":
            shell.say(f"{outcome.day}: was never decided")
        elif outcome.difference:
            shell.say(f"{outcome.day}: DIFFERS: {outcome.difference}")
        elif outcome.status == "no_trade":
            shell.say(f"{outcome.day}: no trade, nothing to rebuild")
        elif outcome.expired_at:
            shell.say(f"{outcome.day}: expired on {outcome.expired_at:%Y-%m-%d}, its decisions are no longer kept")
        else:
            shell.say(f"{outcome.day}: equal {outcome.hash} {counted(outcome.rows, 'row')}")
    if not outcomes:
        raise PricingError("no day stands yet", "`pricing run` decides one")
    different = [outcome for outcome in outcomes if outcome.difference]
    shell.answer([vars(outcome) for outcome in outcomes])
    expired = sum(outcome.status == "expired" for outcome in outcomes)
    compared = len(outcomes) - expired
    beside = f", {counted(expired, 'day')} expired" if expired else ""
    shell.say(f"{compared - len(different)} of {counted(compared, 'day')} came out the same{beside}")
    if any(outcome.status != "missing" for outcome in different):
        shell.say("`pricing doctor --deep` names every file whose rows have changed since it was written")
    if different:
        raise typer.Exit(REFUSED)


def runs(shell: Shell, last: int) -> None:
    """Executions, newest first, failed ones too."""
    from pricing_assets.watch import work

    rows = work.executions(shell.lake).reverse().head(last)
    shown = rows.select(
        _to_the_second("started_at"),
        (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds().alias("seconds"),
        "outcome",
        "first_day",
        "last_day",
        "run_id",
        "error",
    )
    if shell.json:
        shell.answer(shown.to_dicts())
        return
    shell.rows(shown.drop("error"), "executions, newest first (UTC)", short=["run_id"])
    for row in shown.drop_nulls("error").iter_rows(named=True):
        shell.say(f"run {row['run_id']}: {row['error']}")


def _to_the_second(moment: str) -> pl.Expr:
    return pl.col(moment).dt.to_string("%Y-%m-%d %H:%M:%S")


def query(shell: Shell, sql: str) -> None:
    """Any SQL on analytics.duckdb, read-only."""
    from pricing_assets.lake import warehouse

    shell.rows(warehouse.query(shell.settings.analytics, sql))


def lake_log(shell: Shell, table: str) -> None:
    """The commits of one lake table."""
    commits = shell.lake.log(table).with_columns(_to_the_second("time"))
    shell.rows(commits, f"commits of {table}, in order (UTC)", short=["run", "hash"])


def days_of(span: tuple[date, date] | None) -> list[date] | None:
    """A range as days."""
    if span is None:
        return None
    return pl.date_range(*span, eager=True).to_list()
