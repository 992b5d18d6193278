"""Commands that look: explain, replay, status, runs, query, lake log. They change nothing.

Here: what is shown and how. Not here: how it came about.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import typer

from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import REFUSED, Shell
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, PriceSteps

_BAR = 24


def explain(shell: Shell, sku: str, market: str, day: date) -> None:
    """The waterfall of one standing decision. Raises PricingError where there is none."""
    decision = _standing_decision(shell, sku, market, day)
    wanted = pl.col("decision_id") == decision["decision_id"]
    steps = shell.lake.read_files(PriceSteps, [manifests.manifested(shell.lake, PriceSteps)[day]]).filter(wanted)
    book = shell.lake.read(PriceBook, day, day).filter(wanted)
    shell.answer({"decision": decision, "steps": steps.to_dicts(), "price_book": book.to_dicts()})
    currency = decision["currency"] or ""
    shell.say(f"{sku} in {market} on {day}: {decision['action']}, {decision['reason']}")
    highest = max([1.0, *(float(step["after"]) for step in steps.iter_rows(named=True))])
    for step in steps.iter_rows(named=True):
        change, bar = step["after"] - step["before"], "█" * round(_BAR * float(step["after"]) / highest)
        shell.say(f"  {step['step']:<28} {change:>+12,.2f} {step['after']:>12,.2f}  {bar:<{_BAR}}  {step['reason']}")
    if decision["final_price"] is not None:
        shell.say(f"  final {decision['final_price']:.2f} {currency}, was {decision['current_price']:.2f}")
    for entry in book.iter_rows(named=True):
        shell.say(f"  in the price book from {entry['effective_from']:%Y-%m-%d %H:%M} UTC")
    shell.say(f"  decision {decision['decision_id']}, strategy {decision['strategy'] or 'none'}")


def _standing_decision(shell: Shell, sku: str, market: str, day: date) -> dict[str, Any]:
    standing = manifests.standing(shell.lake).filter(pl.col("date") == day)
    files = manifests.manifested(shell.lake, PriceDecisions)
    if not standing.height or day not in files:
        known = sorted(files)
        span = f"days from {known[0]} to {known[-1]} have decisions" if known else "no day has decisions yet"
        raise PricingError(f"{day}: no decisions", f"{span}; `pricing run --date {day}` decides it")
    rows = shell.lake.read_files(PriceDecisions, [files[day]]).filter(pl.col("basis") == standing["basis"][0])
    found = rows.filter((pl.col("sku") == sku) & (pl.col("market") == market))
    if not found.height:
        raise PricingError(f"{sku} in {market}: not listed on {day}", _suggestion(rows, sku, market, day))
    return found.row(0, named=True)


def _suggestion(rows: pl.DataFrame, sku: str, market: str, day: date) -> str:
    markets = rows.filter(pl.col("sku") == sku)["market"].unique().sort().to_list()
    if markets:
        return f"it is listed in {', '.join(markets)}"
    skus = rows.filter(pl.col("market") == market)["sku"].sort().head(5).to_list()
    if skus:
        return f"listed there are {', '.join(skus)}, …"
    return f"markets of that day are {', '.join(rows['market'].unique().sort().head(10).to_list())}"


def replay(shell: Shell, days: list[date] | None) -> None:
    """Replays standing days; exit code 1 with the first difference."""
    from pricing_assets.pricing.replay import replay as replayed

    outcomes = []
    for outcome in replayed(shell.lake, days):
        outcomes.append(outcome)
        if outcome.difference:
            shell.say(f"{outcome.day}: DIFFERS: {outcome.difference}")
        elif outcome.status == "no_trade":
            shell.say(f"{outcome.day}: no trade, nothing to rebuild")
        else:
            shell.say(f"{outcome.day}: equal {outcome.hash} {outcome.rows} rows")
    different = [outcome for outcome in outcomes if outcome.difference]
    shell.answer([vars(outcome) for outcome in outcomes])
    if not outcomes:
        raise PricingError("no day stands yet", "`pricing run` decides one")
    shell.say(f"{len(outcomes) - len(different)} of {len(outcomes)} days came out the same")
    if different:
        raise typer.Exit(REFUSED)


def runs(shell: Shell, last: int) -> None:
    """Executions, newest first, failed ones too."""
    from pricing_assets.tables.runs import Executions

    shell.rows(
        shell.lake.read(Executions)
        .sort("started_at", descending=True)
        .head(last)
        .select(
            pl.col("started_at").dt.to_string("%Y-%m-%d %H:%M:%S"),
            (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds().alias("seconds"),
            "outcome",
            "first_day",
            "last_day",
            "run_id",
            "error",
        ),
        "executions, newest first (UTC)",
    )


def status(shell: Shell) -> None:
    """What stands, what is claimed, what the last day came to."""
    from pricing_assets.lake import claims

    standing = manifests.standing(shell.lake)
    held = claims.holders(shell.lake)
    counts = dict(standing.group_by(pl.col("status").cast(pl.String)).len().sort("status").iter_rows())
    last = standing.filter(pl.col("status") != "no_trade").tail(1).to_dicts()
    shell.answer({"days": counts, "last": last, "claimed": {str(day): claim.run_id for day, claim in held.items()}})
    if not standing.height:
        shell.say(f"{shell.settings.home}: no day stands yet; `pricing run` decides one")
        return
    shell.say(f"{shell.settings.home}: {standing.height} days stand, {standing['date'][0]} to {standing['date'][-1]}")
    shell.say("  " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    for row in last:
        shell.say(
            f"  last decided day {row['date']}: {row['decided']} decided, {row['published']} to publish from "
            f"{row['effective_from']:%Y-%m-%d %H:%M} UTC, {row['held']} held, {row['quarantined']} quarantined"
        )
    for day, claim in held.items():
        shell.say(f"  {day} is held by run {claim.run_id} since {claim.since}")


def query(shell: Shell, sql: str) -> None:
    """Any SQL on analytics.duckdb, read-only."""
    from pricing_assets.lake import warehouse

    shell.rows(warehouse.query(shell.settings.analytics, sql))


def lake_log(shell: Shell, table: str) -> None:
    """The commits of one lake table."""
    shell.rows(shell.lake.log(table), f"commits of {table}, in order")


def days_of(span: tuple[date, date] | None) -> list[date] | None:
    """A range as days."""
    if span is None:
        return None
    return pl.date_range(*span, eager=True).to_list()
