"""Raw data in: a source is a folder with `source.yaml` and one SQL file per raw table.

Here: reading a source's settings, running its SQL, the contract of every row, quarantine, the append-only union with
what is already known, the verdicts on what came in and on what its days look like, the template of a new source and
the trial of one. Not here: committing tables (lake), what the tables hold (tables), what they mean for a price
(features).

    settings → load → receive (SQL → coerce → contract → accepted | quarantined) → judge → settle → arrive → expect
"""

from __future__ import annotations

from pricing_assets.sources.arriving import arrive
from pricing_assets.sources.checking import Finding, check
from pricing_assets.sources.data_docs import build as data_docs
from pricing_assets.sources.database import reach
from pricing_assets.sources.expectations import Outcome, expect, judged
from pricing_assets.sources.intake import Intake, take_in
from pricing_assets.sources.judging import RECEIVED_CHECKS, failures, judge, trade_status
from pricing_assets.sources.profiles import HISTORY, looked_at
from pricing_assets.sources.receiving import Received, receive
from pricing_assets.sources.source import Source, load
from pricing_assets.sources.strays import homeless, settle
from pricing_assets.sources.template import init
from pricing_assets.sources.window import reading_window

__all__ = [
    "HISTORY",
    "RECEIVED_CHECKS",
    "Finding",
    "Intake",
    "Outcome",
    "Received",
    "Source",
    "arrive",
    "check",
    "data_docs",
    "expect",
    "failures",
    "homeless",
    "init",
    "judge",
    "judged",
    "load",
    "looked_at",
    "reach",
    "reading_window",
    "receive",
    "settle",
    "take_in",
    "trade_status",
]
