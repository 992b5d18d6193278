"""`pricing simulate`, `pricing simulate score` and `pricing simulate evaluate`.

Here: the names, arguments and help of these commands. Not here: what they do (shell/simulating, shell/evaluating).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pricing_assets.shell.command import Shell, register, required_day

app = typer.Typer(rich_markup_mode="markdown")


@register(app, itself=True)
def simulate_market(
    shell: Shell,
    *,
    to: Annotated[str, typer.Option(metavar="URL", help="Database to write to; default HOME/market.db.")] = "",
    skus: Annotated[int, typer.Option(min=1, help="How many SKUs.")] = 60,
    markets: Annotated[int, typer.Option(min=1, help="How many markets: DE, UK, M03, …")] = 2,
    days: Annotated[int, typer.Option(min=1, help="How many days.")] = 400,
    last_day: Annotated[str, typer.Option(metavar="D", help="Last day of the market, YYYY-MM-DD.")] = "2026-10-31",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same market.")] = 1,
    law: Annotated[
        Literal["log_log", "logit", "linear", "reference_price", "stockpiling"],
        typer.Option(help="How demand answers prices."),
    ] = "log_log",
    until: Annotated[
        str | None, typer.Option(metavar="D", help="Write only what was known by the end of this day.")
    ] = None,
    shift: Annotated[
        str | None, typer.Option(metavar="CATEGORY=FACTOR", help="Plant a shift of demand, e.g. TOYS=0.6.")
    ] = None,
    shift_from: Annotated[str | None, typer.Option(metavar="D", help="First day of the planted shift.")] = None,
) -> None:
    """Simulate a market with planted truth and write it to a database, as a shop's own tables.

    Truth and labels go to HOME/simulation, which no run reads: `pricing simulate score` measures alarms by them.

    Example: pricing simulate --skus 60 --markets 2 --days 400 --seed 1
    """
    from pricing_assets.shell import simulating

    planted = simulating.planted(shift, required_day(shift_from) if shift_from else None)
    size = {"skus": skus, "markets": markets, "days": days, "last_day": required_day(last_day)}
    simulating.simulate(shell, to, required_day(until) if until else None, seed=seed, law=law, **size, **planted)


@register(app, "score")
def simulate_score(shell: Shell) -> None:
    """Compare the alarms of all days decided with what `pricing simulate` planted: recall and precision by size.

    Example: pricing simulate score --json
    """
    from pricing_assets.shell import simulating

    simulating.score(shell)


@register(app, "evaluate")
def simulate_evaluate(
    shell: Shell,
    *,
    policy: Annotated[Path, typer.Option(metavar="FILE", help="Strategy file to evaluate.")],
    days: Annotated[int, typer.Option(min=1, help="Days each policy prices.")] = 90,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, drawn from the operating system.")] = 20,
    seed_list: Annotated[
        str | None, typer.Option(metavar="N,N", help="These seeds instead: a run that was printed, again.")
    ] = None,
    off: Annotated[str, typer.Option(help="Shares by which starting prices are off the best ones.")] = "0.07,0.15",
    law: Annotated[str, typer.Option(help="Kinds of market, by comma; default all.")] = "",
    juice: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Dominick's orange juice: real prices and costs, as one more.")
    ] = None,
    skus: Annotated[int, typer.Option(min=2, help="How many SKUs.")] = 24,
    markets: Annotated[int, typer.Option(min=1, help="How many markets.")] = 2,
    decide_every: Annotated[int, typer.Option(min=1, help="Days from one decision of the strategy to the next.")] = 1,
    learn_every: Annotated[int, typer.Option(min=1, help="Days from one estimate of elasticities to the next.")] = 28,
    forecasts: Annotated[Literal["rate", "model"], typer.Option(help="What forecasts demand.")] = "rate",
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 2,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where page and pictures go; default HOME/simulation.")
    ] = None,
) -> None:
    """Let a strategy price simulated markets day by day, beside other policies and an oracle; report what it earns.

    Nothing of it touches the lake. Seeds are printed, so that a run can be repeated with --seed-list.

    Example: pricing simulate evaluate --policy examples/closed_loop/learned.yaml --seeds 20 --law log_log,linear
    """
    from pricing_assets.shell import evaluating

    product = {"decide_every": decide_every, "learn_every": learn_every, "forecasts": forecasts}
    size = {"days": days, "skus": skus, "markets": markets}
    chosen = evaluating.Chosen(policy, seeds, seed_list, off, law)
    evaluating.evaluate(shell, chosen, report, workers, juice=juice, product=product, **size)
