"""Command `pricing strategy backtest`: a draft strategy on days that stand, in words, a table and a picture.

Here: the file in, progress, what is said, where rows and picture go. Not here: deciding again and judging (pricing/),
backtests of forecasts (backtesting).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pricing_assets import drawing, strategies
from pricing_assets.counting import counted
from pricing_assets.shell.backtesting import require_writable, with_progress, write_table
from pricing_assets.shell.command import Shell
from pricing_assets.shell.deciding import read_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pricing_assets.pricing.backtest import Backtest

_REASONS = 3
_BLUE, _PALE, _GREY = "#3b6ea5", "#c9d8ea", "#8a8a8a"


@dataclass(frozen=True)
class Asked:
    """What is asked for, as typed."""

    file: Path
    first: date
    last: date
    out: Path | None
    top: int


def backtest(shell: Shell, asked: Asked) -> None:
    """Compares a draft with the decisions that stand; writes the picture, and the rows where a file is named."""
    from pricing_assets.pricing.backtest import backtest

    draft = strategies.parse(read_text(asked.file), str(asked.file))
    if asked.out:
        require_writable(asked.out)
    found = with_progress(shell, lambda tell: backtest(shell.lake, draft, asked.first, asked.last, tell))
    picture = shell.settings.home / "backtests" / f"{draft.name}-{asked.first}-{asked.last}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(drawn(found))
    if asked.out:
        write_table(found.rows, asked.out)
    _answer(shell, found, asked, picture)
    _say(shell, found, asked, picture)


def _answer(shell: Shell, found: Backtest, asked: Asked, picture: Path) -> None:
    shell.answer(
        {
            "strategy": found.draft.name,
            "hash": found.draft.hash,
            "days": found.days,
            "left_out": [{"date": day, "why": why} for day, why in found.left_out],
            "claimed": found.claimed,
            "response_model": _model(found),
            "elasticities": found.referee.elasticities.to_dicts(),
            "summary": found.summary().to_dicts(),
            "by_day": found.by_day().to_dicts(),
            "top": found.top(asked.top).to_dicts(),
            "plot": picture,
            "out": asked.out,
        }
    )


def _say(shell: Shell, found: Backtest, asked: Asked, picture: Path) -> None:
    if shell.json:
        return
    compared = f"{counted(len(found.days), 'day')}, {found.days[0]} to {found.days[-1]}"
    shell.say(f"{found.draft.name} {found.draft.hash[:12]} on {compared}: {counted(found.rows.height, 'decision')}")
    for line in _left_out(found):
        shell.say(line)
    if not found.claimed:
        shell.say(f"{found.draft.name} claims no SKU on these days: look at its scope, active window and priority")
    shell.rows(_by_category(found), "by category and market; profit of 28 days, mean of the days")
    top = found.top(asked.top)
    if top.height:
        shell.rows(_by_sku(top), "SKUs whose price differs, largest difference first; the mean of those days")
    else:
        shell.say("no price differs")
    for line in (*_beside(found), *_model(found)):
        shell.say(line)
    shell.say(f"picture: {picture}")
    if asked.out:
        shell.say(f"{counted(found.rows.height, 'row')} written to {asked.out}")


def _left_out(found: Backtest) -> list[str]:
    """Days left out, those in a row with one reason as one line."""
    lines = []
    for why, group in groupby(found.left_out, key=lambda each: each[1]):
        days = [day for day, _ in group]
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]} ({counted(len(days), 'day')})"
        lines.append(f"left out: {span}: {why}")
    return lines


def _model(found: Backtest) -> list[str]:
    """Under which response model profits are expected, and what they are not."""
    from pricing_assets.demand.response import PUBLISHED
    from pricing_assets.pricing.referee import DIVERSION

    judge = found.referee
    crossed = judge.elasticities["cross"].is_not_null().any()
    others = "by the cross effects of that estimate" if crossed else f"{DIVERSION:.0%} of the revenue a price loses"
    if judge.estimated_on is None:
        source = f"the published mean elasticity {PUBLISHED}, for the lake has no estimate"
    else:
        source = f"the mean elasticity of each category and market in the newest estimate, of {judge.estimated_on}"
    lines = [
        f"response model, chosen by neither side: the recorded forecast of each day × {source};",
        f"  every move counts as a lasting one, stock as unlimited; a category's other SKUs gain {others}",
        "  low and high: the range of the difference, 80 %, were that elasticity off as far as its error says, for all",
        "  SKUs of a category and market alike; the forecast's own doubt is not in it",
        f"  published elasticity: the same difference at {PUBLISHED}, to show how much hangs on the elasticity",
        "day by day from the prices really in force: no day starts from the price a draft set the day before, and the",
        "  28 days of one day overlap those of the next, so days are averaged, not added up; prices count as decided,",
        "  published or not",
    ]
    if found.foreseen:
        lines.append(f"on {counted(found.foreseen, 'day')} that estimate was known already: no hindsight there")
    return lines


def _by_category(found: Backtest) -> pl.DataFrame:
    """The summary as people read it: amounts to the cent, both sides beside each other."""
    rows = found.summary()
    return rows.select(
        "category",
        "market",
        "currency",
        "rows",
        pl.format("{} → {}", "live_changed", "draft_changed").alias("changed"),
        pl.col("other_price").alias("differ"),
        pl.col("mean_price_difference_pct").round(1).alias("price %"),
        *_profits(rows),
    )


def _by_sku(top: pl.DataFrame) -> pl.DataFrame:
    return top.select(
        *("sku", "market", "category", "currency", "days"),
        pl.format("{} → {}", *(_plain(name) for name in ("live_price", "draft_price"))).alias("last price"),
        *_profits(top),
    )


def _profits(rows: pl.DataFrame) -> list[pl.Series]:
    """Profit of both sides, their difference, its range, and the difference under the published elasticity."""
    names = ("live_profit", "draft_profit", "difference", "low", "high", "published_difference")
    live, draft, difference, low, high, told = ([_cents(value) for value in rows[name]] for name in names)
    columns = {
        "profit live → draft": [f"{one} → {other}" if one else "" for one, other in zip(live, draft, strict=True)],
        "draft − live": difference,
        "low to high": [f"{one} to {other}" if one else "" for one, other in zip(low, high, strict=True)],
        "published": told,
    }
    return [pl.Series(name, values, dtype=pl.String) for name, values in columns.items()]


def _cents(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _plain(name: str) -> pl.Expr:
    """An amount without decimals that say nothing."""
    return pl.col(name).cast(pl.String).str.replace(r"(\.\d\d)00$", "$1")


def _beside(found: Backtest) -> list[str]:
    """What the table does not say: actions that differ, rows nobody can judge, why the draft holds most."""
    rows = found.rows
    lines = [f"{counted(rows.filter(pl.col('live_action') != pl.col('draft_action')).height, 'action')} differ"]
    if unknown := rows["difference"].null_count():
        lines.append(f"{counted(unknown, 'decision')} without expected profit: no forecast, cost or price known")
    held = rows.filter(draft_action="hold")
    reasons = held.group_by("draft_reason").len().sort(["len", "draft_reason"], descending=[True, False]).head(_REASONS)
    if held.height:
        lines.append(f"the draft holds {counted(held.height, 'price')}, most of them for:")
        lines += [f"  {number:,} × {reason}" for reason, number in reasons.iter_rows()]
    return lines


def drawn(found: Backtest) -> bytes:
    """The difference in expected profit day by day with its range, by currency; and how far prices are apart."""
    days, currencies = found.by_day(), found.rows["currency"].drop_nulls().unique().sort().to_list()
    apart = found.rows.filter(pl.col("live_price") != pl.col("draft_price"))
    percent = apart.select((pl.col("draft_price").cast(pl.Float64) / pl.col("live_price").cast(pl.Float64) - 1) * 100)

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(currencies) + 1, 1, squeeze=False)[:, 0]
        figure.suptitle(f"{found.draft.name}, {found.days[0]} to {found.days[-1]}", fontsize=9)
        for axes, currency in zip(grid, currencies, strict=False):
            mine = days.filter(currency=currency)
            on = mine["date"].to_list()
            axes.axhline(0, color=_GREY, linewidth=0.8)
            bars = [(mine["difference"] - mine["low"]).to_list(), (mine["high"] - mine["difference"]).to_list()]
            axes.errorbar(on, mine["difference"].to_list(), yerr=bars, fmt="o", color=_BLUE, ecolor=_PALE, markersize=4)
            axes.set_ylabel(f"draft − live, {currency}", fontsize=7)
            axes.set_title("expected profit of 28 days under one response model, 80 % range", fontsize=8)
            axes.tick_params(labelsize=7)
        grid[-1].set_title(f"{counted(apart.height, 'price')} of {found.rows.height:,} differ", fontsize=8)
        grid[-1].hist(percent.to_series().to_list(), bins=41, color=_BLUE)
        grid[-1].set_xlabel("draft price against the live one, %", fontsize=7)
        grid[-1].set_ylabel("decisions", fontsize=7)
        grid[-1].tick_params(labelsize=7)

    return drawing.png(draw, (7.0, 2.2 * (len(currencies) + 1)))
