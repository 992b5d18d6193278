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

_BLUE, _PALE, _GREY = "#3b6ea5", "#c9d8ea", "#8a8a8a"
_MONEY = ("live_profit", "draft_profit", "difference", "low", "high", "published_difference")
_NAMES = {
    "live_changed": "changed live",
    "draft_changed": "changed draft",
    "other_price": "price differs",
    "other_action": "action differs",
    "mean_price_difference_pct": "mean price difference %",
    "live_profit": "profit live",
    "draft_profit": "profit draft",
    "difference": "draft − live",
    "published_difference": "same, published elasticity",
}


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
    shell.rows(_readable(found.summary()), "by category and market; profit of 28 days, mean of the days")
    top = found.top(asked.top)
    if top.height:
        shell.rows(_readable(top), "SKUs whose price differs, largest difference first; the mean of those days")
    else:
        shell.say("no price differs")
    for line in _model(found):
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
    others = "as estimated with it" if crossed else f"by {DIVERSION:.0%} of the revenue a price loses"
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


def _readable(rows: pl.DataFrame) -> pl.DataFrame:
    """As people read it: amounts to the cent, shares to a tenth."""
    rounded = rows.with_columns(pl.col(name).round(2) for name in _MONEY)
    if "mean_price_difference_pct" in rows.columns:
        rounded = rounded.with_columns(pl.col("mean_price_difference_pct").round(1))
    return rounded.rename(lambda name: _NAMES.get(name, name.replace("_", " ")))


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
