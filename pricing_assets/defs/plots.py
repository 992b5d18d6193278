"""Plots in asset metadata, where people would rather look than read.

Here: pictures of frames a station just made. Not here: computing what they show, the paper (drawing).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from pricing_assets import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (7.0, 2.6)
_RAREST = 12  # features named in a picture: more would be too small to read
_BLUE, _RED, _PALE = "#3b6ea5", "#b5483a", "#c9d8ea"
_AGES = ("#c6dbef", "#9ecae1", "#6baed6", "#3182bd", "#08519c", "lightgrey")  # darker is older, grey unknown


def price_changes(decisions: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How far decided prices are from current ones, in percent."""
    change = (pl.col("final_price").cast(pl.Float64) / pl.col("current_price").cast(pl.Float64) - 1) * 100
    values = decisions.filter(pl.col("action") != "hold").select(change.alias("change")).to_series().drop_nulls()

    def draw(axes: Axes) -> None:
        axes.hist(values.to_numpy(), bins=41, color=_BLUE)
        axes.set(xlabel="change against the current price, %", ylabel="decisions")

    return _picture(draw, f"{values.len()} changed prices")


def actions_by_day(decisions: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Decisions a day, by action."""
    counts = decisions.group_by("date", pl.col("action").cast(pl.String)).len().sort("date", "action")

    def draw(axes: Axes) -> None:
        for action, rows in counts.group_by("action", maintain_order=True):
            axes.plot(rows["date"].to_list(), rows["len"].to_list(), marker="o", markersize=3, label=str(action[0]))
        axes.set(ylabel="decisions")
        axes.figure.autofmt_xdate()

    return _picture(draw, "decisions by action")


def received(checks: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Rows accepted and in quarantine, table by table."""
    counts = checks.unique(["date", "table"]).group_by("table").agg(pl.col("accepted", "quarantined").sum())
    counts = counts.sort("table", descending=True)

    def draw(axes: Axes) -> None:
        axes.barh(counts["table"].to_list(), counts["accepted"].to_list(), color=_BLUE, label="accepted")
        left = counts["accepted"].to_list()
        axes.barh(
            counts["table"].to_list(), counts["quarantined"].to_list(), left=left, color=_RED, label="quarantined"
        )
        axes.set(xlabel="rows")

    return _picture(draw, f"{counts['quarantined'].sum()} rows in quarantine")


def step_moves(steps: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How often each step moved a price up and down."""
    change = pl.col("after") - pl.col("before")
    counts = (
        steps.filter(pl.col("step_no") > 1)
        .group_by(pl.col("step").cast(pl.String))
        .agg(up=(change > 0).sum().cast(pl.Int64), down=-(change < 0).sum().cast(pl.Int64))
        .sort("step", descending=True)
    )

    def draw(axes: Axes) -> None:
        for side, color in (("up", _BLUE), ("down", _RED)):
            axes.barh(counts["step"].to_list(), counts[side].to_list(), color=color, label=side)
        axes.set(xlabel="prices moved")
        axes.tick_params(axis="y", labelsize=7)

    return _picture(draw, "what moved prices")


def alarms_by_day(counts: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Alarms a day, by reason, from columns `date`, `reason` and `alarms`; no picture where there is none."""
    return _stacked(counts, "alarms")


def _stacked(counts: pl.DataFrame, noun: str) -> dg.MarkdownMetadataValue:
    """Things a day, by reason, one above the other."""
    if counts.is_empty():
        return dg.MetadataValue.md(f"no {noun}")
    days = counts["date"].unique().sort().to_list()
    of = {(day, reason): alarms for day, reason, alarms in counts.select("date", "reason", "alarms").iter_rows()}

    def draw(axes: Axes) -> None:
        below = [0] * len(days)
        for reason in counts["reason"].unique().sort().to_list():
            heights = [of.get((day, reason), 0) for day in days]
            axes.bar(days, heights, bottom=below, label=reason)
            below = [low + height for low, height in zip(below, heights, strict=True)]
        axes.set(ylabel=noun)
        axes.figure.autofmt_xdate()

    return _picture(draw, f"{counts['alarms'].sum()} {noun} on {len(days)} days")


def presence(snapshot: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Share of rows in which a feature is present, of the features some row lacks, the rarest first."""
    names = [name for name in snapshot.columns if name not in ("date", "sku", "market", "inputs", "inputs_hash")]
    shares = {name: 1 - snapshot[name].null_count() / max(snapshot.height, 1) for name in names}
    rare = sorted((share, name) for name, share in shares.items() if share < 1)
    shown = rare[:_RAREST]

    def draw(axes: Axes) -> None:
        axes.barh([name for _, name in reversed(shown)], [share for share, _ in reversed(shown)], color=_BLUE)
        axes.set(xlim=(0, 1), xlabel="share of rows")
        axes.tick_params(axis="y", labelsize=6)

    more = f"; the rarest {len(shown)} of the others" if len(rare) > len(shown) else ""
    return _picture(draw, f"{len(names) - len(rare)} of {len(names)} features are present in every row{more}")


def changed_by_day(counts: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How many of a day's decisions change a price, from columns `date`, `decisions` and `changed`."""

    def draw(axes: Axes) -> None:
        for column, color in (("decisions", "lightgrey"), ("changed", _BLUE)):
            axes.bar(counts["date"].to_list(), counts[column].to_list(), color=color, label=column)
        axes.figure.autofmt_xdate()

    return _picture(draw, f"{counts['changed'].sum()} of {counts['decisions'].sum()} decisions change a price")


def margins(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How margins are spread at the price in force and at the decided one, in percent of the price."""
    values = [rows[column].drop_nulls().to_numpy() for column in ("current_margin_pct", "decided_margin_pct")]

    def draw(axes: Axes) -> None:
        labels = ["at the price in force", "at the decided price"]
        axes.hist(values, bins=41, histtype="stepfilled", alpha=0.7, color=["lightgrey", _BLUE], label=labels)
        axes.set(xlabel="margin, % of the price", ylabel="prices")

    return _picture(draw, f"margins of {rows.height} prices")


def ageing(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Units on hand of each category by their age, from `category` and a column per bucket, in order."""
    names = rows["category"].fill_null("no category").to_list()

    def draw(axes: Axes) -> None:
        left = [0] * rows.height
        for bucket, color in zip(rows.columns[1:], _AGES, strict=True):
            axes.barh(names, rows[bucket].to_list(), left=left, color=color, label=bucket)
            left = [before + more for before, more in zip(left, rows[bucket].to_list(), strict=True)]
        axes.set(xlabel="units, by days since receipt")

    return _picture(draw, "stock of the last day by age")


def gaps(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How far our prices are from the lowest rival's, in percent of it."""
    values = rows["gap_to_lowest_pct"].drop_nulls()

    def draw(axes: Axes) -> None:
        axes.hist(values.to_numpy(), bins=41, color=_BLUE)
        axes.axvline(0, color=_RED, linewidth=1)
        axes.set(xlabel="our price against the lowest rival price, %", ylabel="prices")

    return _picture(draw, f"{(values <= 0).sum()} of {values.len()} prices are not beaten by a rival")


def units_to_come(forecasts: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Expected units of all SKUs on each date of a daily horizon, market by market; ranges do not add up over SKUs."""
    days = forecasts.group_by("market", "target_date").agg(pl.col("mean").sum()).sort("market", "target_date")

    def draw(axes: Axes) -> None:
        for (market,), rows in days.group_by("market", maintain_order=True):
            axes.plot(
                rows["target_date"].to_list(), rows["mean"].to_list(), marker="o", markersize=3, label=str(market)
            )
        axes.set(ylabel="units", ylim=(0, None))
        axes.figure.autofmt_xdate()

    return _picture(draw, f"{days['mean'].sum():,.0f} units expected in {days['target_date'].n_unique()} days")


def accuracy_by_age(scored: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Error of all daily forecasts of a day by how long before it they were made, beside a simple method's."""
    daily = scored.filter((pl.col("segment") == "all") & (pl.col("frequency") == "D")).sort("model", "origin")
    ages = daily.with_columns(age=(pl.col("date") - pl.col("origin")).dt.total_days())

    def draw(axes: Axes) -> None:
        for (model,), rows in ages.group_by("model", maintain_order=True):
            axes.plot(rows["age"].to_list(), rows["wape"].to_list(), marker="o", markersize=3, label=str(model))
        axes.set(xlabel="days the forecasts are old", ylabel="WAPE", ylim=(0, None))

    return _picture(
        draw, "error of daily forecasts, all dates since they were made; of the rate where no model served yet"
    )


def accuracy_by_segment(scored: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Error of the daily forecasts of one origin by segment, and the share of dates within the likely range."""
    rows = scored.filter((pl.col("frequency") == "D") & pl.col("coverage").is_not_null())
    rows = rows.sort("segment", descending=True)
    models, origins = (", ".join(map(str, rows[name].unique().sort())) for name in ("model", "origin"))

    def draw(axes: Axes) -> None:
        places = range(rows.height)
        axes.barh(
            [place + 0.2 for place in places], rows["wape"].fill_null(0).to_list(), 0.4, color=_BLUE, label="WAPE"
        )
        axes.barh([place - 0.2 for place in places], rows["coverage"].to_list(), 0.4, color=_PALE, label="within range")
        axes.axvline(0.8, color=_RED, linewidth=1)
        axes.set_yticks(list(places), rows["segment"].to_list())
        axes.tick_params(axis="y", labelsize=6)

    return _picture(draw, f"{models} of {origins}: error and coverage; 80 % of dates should be within range")


def elasticities(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How elasticities are spread, base and promotion apart."""
    kinds = rows.select(pl.col("kind").cast(pl.String), "elasticity").sort("kind")
    values = {str(kind): part["elasticity"].to_numpy() for (kind,), part in kinds.group_by("kind", maintain_order=True)}

    def draw(axes: Axes) -> None:
        axes.hist(list(values.values()), bins=31, histtype="stepfilled", alpha=0.7, label=list(values))
        axes.set(xlabel="% of units per % of price", ylabel="SKU-markets")

    return _picture(draw, f"elasticities of {rows.height // 2} SKU-markets")


def shadow_differences(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How far prices of shadows are from the live ones, in percent, where they differ."""
    distance = (pl.col("final_price").cast(pl.Float64) / pl.col("live_price").cast(pl.Float64) - 1) * 100
    found = rows.select("shadow", distance.alias("distance")).drop_nulls().filter(pl.col("distance") != 0)
    values = {
        str(name): part["distance"] for (name,), part in found.sort("shadow").group_by("shadow", maintain_order=True)
    }

    def draw(axes: Axes) -> None:
        if values:
            axes.hist([each.to_numpy() for each in values.values()], bins=41, histtype="step", label=list(values))
        axes.set(xlabel="price of the shadow against the live one, %", ylabel="decisions")

    return _picture(draw, f"{found.height} of {rows.height} decisions of shadows differ from the live ones")


def shadows_by_day(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Profit a day of shadows would earn more than the live decisions, expected under the same forecasts, in %."""
    share = pl.col("expected_profit_difference").cast(pl.Float64) / pl.col("live_expected_profit").cast(pl.Float64)
    found = rows.with_columns(share=100 * share).filter(pl.col("share").is_finite()).sort("shadow", "date")

    def draw(axes: Axes) -> None:
        for (name,), part in found.group_by("shadow", maintain_order=True):
            axes.plot(part["date"].to_list(), part["share"].to_list(), marker="o", markersize=3, label=str(name))
        axes.axhline(0, color="lightgrey", linewidth=1)
        axes.set(ylabel="profit against live, %")
        axes.figure.autofmt_xdate()

    return _picture(draw, "profit of shadows against the live decisions, expected under the same forecasts")


def effectiveness(days: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Growth of clusters priced and held out by period, under the effect they show; or that they are too few."""
    from pricing_assets import experiments

    said = experiments.sentence(experiments.effectiveness(days))
    growths = (
        experiments.period_rows(days, "profit").group_by("period", "held").agg(growth=100 * pl.col("growth").mean())
    )
    growths = growths.sort("held", "period")

    def draw(axes: Axes) -> None:
        for held, color, label in ((False, _BLUE, "priced"), (True, _RED, "held out")):
            part = growths.filter(held=held)
            axes.plot(part["period"].to_list(), part["growth"].to_list(), "o-", color=color, markersize=3, label=label)
        axes.set(xlabel="period", ylabel="growth, % of past revenue")

    return _picture(draw, said)


def prices_by_state(recorded: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How many prices came to which state, from rows of publishing.publications."""
    counts = recorded.group_by(pl.col("state").cast(pl.String)).len().sort("state", descending=True)

    def draw(axes: Axes) -> None:
        axes.barh(counts["state"].to_list(), counts["len"].to_list(), color=_BLUE)
        axes.set(xlabel="prices")

    return _picture(draw, f"{counts['len'].sum()} states of prices recorded")


def mismatches_by_day(found: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mismatches a day, by kind; no picture where there is none."""
    counts = found.group_by("date", pl.col("kind").cast(pl.String).alias("reason")).len("alarms")
    return _stacked(counts, "mismatches")


def _picture(draw: Callable[[Axes], None], title: str) -> dg.MarkdownMetadataValue:
    """A drawing as a PNG inside Markdown, which the Dagster UI shows."""
    return embedded(drawing.plot(draw, title, _SIZE), title)


def embedded(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """A PNG drawn elsewhere, inside Markdown, which the Dagster UI shows."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
