"""Data Docs: days held against their expectations once more, as pages Great Expectations draws.

Here: that site, built on demand, with a first page of our own: theirs needs scripts from other people's servers, and
what a browser would fetch there is taken out of all pages. Not here: verdicts a run obeys (expectations), reading the
lake.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from datetime import date
from html import escape
from pathlib import Path

import polars as pl

from pricing_assets.sources.expectations import DETAILS, batch_of, days_out_of_band, silent_context
from pricing_assets.sources.judging import without_trade
from pricing_assets.sources.profiles import Frames, Profile, profiles
from pricing_assets.sources.receiving import is_stray
from pricing_assets.sources.source import Source
from pricing_assets.sources.suites import suite
from pricing_assets.tables import raw

Missed = dict[str, dict[tuple[date, str], float]]
"""Table → (day, check) → its figure, out of its band."""

_FETCHED = re.compile(r'<script[^>]*src="https?:[^>]*>\s*</script>|<(?:link|img)[^>]*(?:href|src)="https?:[^>]*>')
_STYLE = """<style>body {font: 15px sans-serif; margin: 2em} table {border-collapse: collapse; margin: 1em 0}
td, th {border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top}</style>"""


def build(source: Source, frames: Frames, days: Sequence[date], folder: Path) -> Path:
    """Draws the site of `days` into `folder`, in place of the one before, and returns its first page.

    `frames` as for `expect`. The first page says of every expectation on which days it was not met, and leads to a page
    per table; days source.yaml accepts are left out.
    """
    shutil.rmtree(folder, ignore_errors=True)
    closed = _closed(source, frames, days)
    judged = {
        table: Profile(found.days.filter(~pl.col("date").is_in(list(source.accepted))), found.figures)
        for table, found in profiles(source, frames, days, closed).items()
        if source.expectations.get(table)
    }
    missed = _draw(source, judged, folder)
    for page in folder.rglob("*.html"):
        text = _FETCHED.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_first_page(source, missed, days, folder), encoding="utf-8")
    return index


def _draw(source: Source, judged: dict[str, Profile], folder: Path) -> Missed:
    """Draws a page per table; returns what it found out of band."""
    from great_expectations import ValidationDefinition

    context = silent_context(folder)
    assets = context.data_sources.add_pandas("days")
    missed: Missed = {}
    for table, profile in judged.items():
        batch = assets.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        wanted = context.suites.add(suite(table, {each.check: each for each in source.expectations[table]}))
        definition = context.validation_definitions.add(ValidationDefinition(name=table, data=batch, suite=wanted))
        found = definition.run(batch_parameters={"dataframe": batch_of(profile.days)}, result_format=DETAILS)
        missed[table] = days_out_of_band(found)
    context.build_data_docs()
    return missed


def _first_page(source: Source, missed: Missed, days: Sequence[date], folder: Path) -> str:
    """What was expected of every table, and on which days it was not met."""
    parts = [f"<html><head><meta charset='utf-8'><title>{escape(source.name)}</title>{_STYLE}</head><body>"]
    parts.append(f"<h1>{escape(source.name)}: expectations from {min(days)} to {max(days)}</h1>")
    pages = {page.stem.removeprefix("days-"): page for page in (folder / "validations").rglob("*.html")}
    for table, beyond in missed.items():
        page = pages[table].relative_to(folder).as_posix()
        parts.append(f"<h2><a href='{page}'>{table}</a></h2><table>")
        parts.append("<tr><th>check</th><th>what is looked at</th><th>expected</th><th>not met</th></tr>")
        for each in source.expectations[table]:
            found = sorted((day, value) for (day, check), value in beyond.items() if check == each.check)
            on = "<br>".join(f"{day}: {value:g}" for day, value in found) or "none"
            parts.append(f"<tr><td>{each.check}</td><td>{escape(each.says)}</td><td>{each.band}</td><td>{on}</td></tr>")
        parts.append("</table>")
    return "\n".join([*parts, "</body></html>"])


def _closed(source: Source, frames: Frames, days: Sequence[date]) -> frozenset[date]:
    """The days without trade, by what listings and sales received: rows in the lake, and rows in quarantine."""
    tables = (raw.Listings, raw.Sales)
    names = [table.table_name() for table in tables]
    faulty = frames[raw.Quarantine].filter(pl.col("table").is_in(names) & ~is_stray())
    busy = {day for table in tables for day in frames[table]["date"].unique()} | set(faulty["received_on"])
    return without_trade(source, busy, days)
