"""The front door for the shell: `pricing …`.

Here: the names, arguments and help of the commands. Not here: what they do (shell/ and the rooms below).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricing_assets import (
    cli_archive,
    cli_demand,
    cli_elasticity,
    cli_experiments,
    cli_keeping,
    cli_models,
    cli_overrides,
    cli_publishing,
    cli_reviews,
    cli_simulation,
    cli_strategies,
    cli_watch,
)
from pricing_assets.shell.command import Shell, day_range, register, required_day, required_moment

_FOLDED = {"no_args_is_help": True, "rich_markup_mode": "markdown", "add_completion": False}

app = typer.Typer(
    help="""
    Price a shop by versioned strategies; explain every price to the cent; replay any past day.

    First steps:

    - `pricing run` prices the last day of the shop
    - `pricing explain SKU --market M --date D` shows why a price is what it is
    - `pricing trace SKU --market M --date D` follows it to the rows it came from
    - `pricing replay` proves that the same facts give the same prices
    - `pricing query "SELECT …"` asks anything else, in SQL
    - `pricing source init DIR` starts connecting a shop of your own
    - `pricing simulate` makes a market to try things on, with known truth
    - `pricing doctor` checks this installation

    Settings come from the environment or from `.env`:

    - `PRICING_HOME`: where everything written lives (default `.pricing`)
    - `PRICING_SOURCE`: the shop, a folder (default the demo's, examples/sap_like)
    - `PRICING_SOURCE_URL`: the database its SQL runs in (default the one its source.yaml names, if any)
    - `PRICING_GOVERNANCE_URL`: where activated strategies live (default SQLite under the home)

    Exit codes: 0 done, 1 refused or failed (the message names the remedy), 2 wrong usage.
    """,
    **_FOLDED,  # type: ignore[arg-type]
)
source = typer.Typer(help="Connect a shop: a folder with source.yaml and one SELECT per table.", **_FOLDED)  # type: ignore[arg-type]
lake = typer.Typer(help="The Delta tables underneath.", **_FOLDED)  # type: ignore[arg-type]
app.add_typer(source, name="source")
app.add_typer(cli_strategies.app, name="strategy")
app.add_typer(lake, name="lake")
lake.add_typer(cli_keeping.app)
app.add_typer(cli_simulation.app, name="simulate")
app.add_typer(cli_overrides.app)
app.add_typer(cli_reviews.app, name="review")
app.add_typer(cli_reviews.autonomy, name="autonomy")
app.add_typer(cli_publishing.app, name="publish")
app.add_typer(cli_models.app)
app.add_typer(cli_demand.app)
app.add_typer(cli_elasticity.app)
app.add_typer(cli_experiments.app)
app.add_typer(cli_watch.app)
app.add_typer(cli_archive.app)

Day = Annotated[str | None, typer.Option("--date", metavar="D", help="One business day, YYYY-MM-DD.")]
First = Annotated[str | None, typer.Option("--from", metavar="D", help="First business day of a range.")]
Last = Annotated[str | None, typer.Option("--to", metavar="D", help="Last business day of a range.")]


@register(app)
def run(shell: Shell, day: Day = None, first: First = None, last: Last = None) -> None:
    """Price a day or a range: raw → checks → features → anomalies → decisions → marts → analytics.duckdb.

    Without a date: yesterday, or the last day of a shop that only has history. Run again at will: equal inputs commit
    nothing new, changed inputs make decisions that supersede the old ones.

    Example: pricing run --from 2026-10-02 --to 2026-10-31
    """
    from pricing_assets.shell import running

    running.run_days(shell, day_range(day, first, last))


@register(app)
def status(shell: Shell) -> None:
    """Show whether today is on time, what waits for whom, what failed, how long the disk lasts, and the versions.

    Exit code 0 where all is well, 1 where something is late, failed or nearly full: so cron may ask.
    """
    from pricing_assets.shell import standing

    standing.status(shell)


@register(app)
def runs(shell: Shell, last: Annotated[int, typer.Option(min=1, help="How many.")] = 20) -> None:
    """List executions, newest first, failed ones with their error."""
    from pricing_assets.shell import showing

    showing.runs(shell, last)


@register(app)
def explain(
    shell: Shell,
    sku: Annotated[str, typer.Argument(help="Stock keeping unit.")],
    market: Annotated[str, typer.Option(help="Market, as in raw.listings.")],
    day: Day = None,
    drivers: Annotated[
        bool, typer.Option("--drivers", help="Ask the model what drives the demand it expects.")
    ] = False,
) -> None:
    """Show one price as a waterfall: from the list price through rules, model, constraints and ending, to the cent.

    Where a model decided, with what it went by: likely range, elasticity, what its category gains, and what drives the
    demand. Drivers are kept of prices that change or wait for a person; of others `--drivers` asks the model anew.

    Without a date: of the last decided day.

    Example: pricing explain SKU-0007 --market DE --date 2026-10-31
    """
    from pricing_assets.shell import showing

    asked = required_day(day) if day is not None else showing.last_decided_day(shell)
    showing.explain(shell, sku, market, asked, drivers=drivers)


@register(app)
def trace(
    shell: Shell,
    sku: Annotated[str, typer.Argument(help="Stock keeping unit.")],
    market: Annotated[str, typer.Option(help="Market, as in raw.listings.")],
    day: Day = None,
    *,
    at: Annotated[str | None, typer.Option(metavar="T", help="Instead of a day: the price in force then, UTC.")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the query for analytics.duckdb instead.")] = False,
) -> None:
    """Follow one price to its source rows: price book, decision, strategy, features, raw rows, files, checks, run.

    Example: pricing trace SKU-0007 --market DE --date 2026-10-31
    """
    from pricing_assets.shell import tracing

    if bool(day) == bool(at):
        raise typer.BadParameter("give one of --date and --at")
    on = required_day(day) if day else None
    tracing.trace(shell, sku, market, on, required_moment(at) if at else None, sql=sql)


@register(app)
def replay(shell: Shell, day: Day = None, first: First = None, last: Last = None) -> None:
    """Rebuild past days from recorded raw data and compare hashes; without a date, every standing day.

    Prints "equal SHA-256 rows" per day, or the first difference and exit code 1.
    """
    from pricing_assets.shell import showing

    showing.replay(shell, showing.days_of(day_range(day, first, last)))


@register(app)
def anomalies(  # noqa: PLR0917  the options of a command are its parameters
    shell: Shell,
    day: Day = None,
    first: First = None,
    last: Last = None,
    reason: Annotated[str | None, typer.Option(help="Only one kind, e.g. PRICE_TOO_LOW.")] = None,
    severity: Annotated[str | None, typer.Option(help="Only low, medium, high or severe.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only one SKU.")] = None,
    market: Annotated[str | None, typer.Option(help="Only one market.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many alarms.")] = 20,
) -> None:
    """List what looks wrong in prices: alarm by alarm, the worst first, and why in a sentence.

    Without a date: the last day that traded. Repeated alarms of one cause are one alarm.

    Example: pricing anomalies --from 2026-10-02 --to 2026-10-31 --severity high
    """
    from pricing_assets.shell import watching

    wanted = watching.Wanted(reason, severity, sku, market, limit)
    watching.anomalies(shell, day_range(day, first, last), wanted)


@register(app)
def query(shell: Shell, sql: Annotated[str, typer.Argument(help="One SQL statement.")]) -> None:
    """Ask analytics.duckdb, read-only; runs are never in the way.

    Example: pricing query "SELECT * FROM marts.decision_summary ORDER BY date DESC LIMIT 10"
    """
    from pricing_assets.shell import showing

    showing.query(shell, sql)


@register(app)
def checks(
    shell: Shell,
    what: Annotated[str | None, typer.Argument(metavar="[docs]", help="`docs` draws Data Docs instead.")] = None,
    day: Day = None,
    first: First = None,
    last: Last = None,
) -> None:
    """Show what was expected of the days received and which verdicts failed; without a date, of the last one.

    `pricing checks docs` draws the same days as pages into HOME/data_docs and prints where they begin.

    Example: pricing checks --date 2026-10-31
    """
    from pricing_assets.shell import checking

    if what not in (None, "docs"):
        raise typer.BadParameter(f"{what}: expected docs, or nothing")
    (checking.docs if what else checking.show)(shell, day_range(day, first, last))


@register(app)
def doctor(
    shell: Shell,
    *,
    backup: Annotated[Path | None, typer.Option(metavar="FILE", help="Look at this backup as well.")] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every file in force, and hold its rows against its hash.")
    ] = False,
) -> None:
    """Check this installation and say what to do about each fault."""
    from pricing_assets.shell import doctor as checkup

    checkup.examine(shell, backup, deep=deep)


@register(source, "init")
def source_init(shell: Shell, folder: Annotated[Path, typer.Argument(help="A new folder.")]) -> None:
    """Write a commented template of a source that works at once."""
    from pricing_assets.shell import connecting

    connecting.init(shell, folder)


@register(source, "check")
def source_check(shell: Shell, folder: Annotated[Path, typer.Argument(help="Folder of the source.")]) -> None:
    """Try a source on a sample of its rows and explain every fault."""
    from pricing_assets.shell import connecting

    connecting.check(shell, folder)


@register(lake, "log")
def lake_log(shell: Shell, table: Annotated[str, typer.Argument(help="A table, e.g. raw.prices.")]) -> None:
    """List the commits of a table: version, time, run, rows, days, hash."""
    from pricing_assets.shell import showing

    showing.lake_log(shell, table)
