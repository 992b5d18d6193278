"""A shop whose prices are decided by hand: what the tests of publishing start from.

Here: days of decisions and a price book, manifested as a run leaves them, and passes over them at a chosen moment.
Not here: any connector but those the platform has (publishing_receiver is one to talk to).
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from tiny_shop import Shop

from pricing_assets import publishing, sources
from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.publishing.outbox import latest
from pricing_assets.settings import Settings
from pricing_assets.strategies import parse
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.publishing import Publications, Reconciliations
from pricing_assets.tables.raw import Prices, Products
from pricing_assets.tables.runs import Days

DAY = date(2026, 3, 5)
EFFECTIVE = datetime(2026, 3, 6, 6, tzinfo=UTC)
RUN = Provenance("run-1", "0.1.0")
TEXT = (
    "strategy: floors\ntype: rules\npriority: 1\nscope: {}\nrules: [{name: all, then: {multiply: 0.9}}]\n"
    "constraints: [{map: required}, {min_price: {cost_times: 1.1}}]\n"
)
STRATEGY = parse(TEXT, "test")
Priced = tuple[str, str, str]  # sku, market, price
_DECIDED = Path(tempfile.mkdtemp(prefix="decided-"))
atexit.register(shutil.rmtree, _DECIDED, ignore_errors=True)
TWO = [("A", "UK", "4.49"), ("B", "UK", "9.99")]


def filled(table: type[Table], **values: Any) -> dict[str, Any]:
    """A row: what is not named is null where it may be, else the plainest value of its type."""
    plain: dict[Any, Any] = {pl.Boolean: False, pl.Int64: 1, pl.Float64: 0.0, pl.String: "x", pl.List: []}
    row = {}
    for name, column in table.columns().items():
        kind = column.dtype
        filler = (
            DAY
            if kind == pl.Date
            else EFFECTIVE
            if kind == pl.Datetime
            else Decimal(1)
            if isinstance(kind, pl.Decimal)
            else kind.categories[0]
            if isinstance(kind, pl.Enum)
            else plain.get(kind.base_type(), "x")
        )
        row[name] = values.get(name, None if column.nullable else filler)
    return row


def frame(table: type[Table], rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in table.columns().items()}
    return pl.DataFrame([filled(table, **row) for row in rows], schema=schema, orient="row")


def currency(market: str) -> str:
    return "EUR" if market == "DE" else "GBP"


class Place:
    """A home, its shop, and the clock of its passes."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.home, self.shop = folder / "home", Shop(folder / "source")
        if not self.shop.folder.exists():
            self.shop.write()
        self.shop.settings(**{"historical": None, "last_day": None, **settings})
        self.lake = Lake(self.home / "lake")
        self.now = EFFECTIVE
        self.waits: list[float] = []

    @property
    def outbox(self) -> Path:
        return self.home / "outbox" / "UK"

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, source=self.shop.folder)

    @property
    def source(self) -> sources.Source:
        return sources.load(self.shop.folder, self.settings)

    def decide(self, priced: Sequence[Priced] = TWO, day: date = DAY, **changes: Any) -> None:
        """A day as a run leaves it: current prices of 5.00, costs of 2.00, and these decided. Changes are of the book
        and the decisions alike. A first day like one decided before is copied."""
        made = _DECIDED / hashlib.sha256(repr((priced, day, sorted(changes.items()))).encode()).hexdigest()
        if self.lake.root.exists():
            self._decide(priced, day, **changes)
        elif made.exists():
            shutil.copytree(made, self.lake.root)
        else:
            self._decide(priced, day, **changes)
            shutil.copytree(self.lake.root, made)

    def _decide(self, priced: Sequence[Priced], day: date, **changes: Any) -> None:
        since = EFFECTIVE + timedelta(days=(day - DAY).days)
        keys = [{"date": day, "sku": sku, "market": market, "currency": currency(market)} for sku, market, _ in priced]
        prices = [Decimal(price) for _, _, price in priced]
        decided = [
            key
            | {"final_price": price, "current_price": Decimal(5), "cost": Decimal(2), "strategy_hash": STRATEGY.hash}
            | {"decision_id": f"{key['sku']}-{key['market']}-{day}", "action": "publish", "reason": "r"}
            | changes
            for key, price in zip(keys, prices, strict=True)
        ]
        book = [
            row | {"price": price, "effective_from": since, "entry_no": 1}
            for row, price in zip(decided, prices, strict=True)
        ]
        text = {"date": day, "name": "floors", "hash": STRATEGY.hash, "text": TEXT}
        self.put(PriceDecisions, decided, day)
        self.put(PriceBook, book, day)
        self.put(Strategies, [text], day)
        self.put(FeatureSnapshots, [key | {"category": f"CAT-{key['sku']}"} for key in keys], day)
        self.charge(day, [(sku, market, "5.00") for sku, market, _ in priced])
        self.stand(day, (PriceDecisions, PriceBook, Strategies, FeatureSnapshots), since)

    def put(self, table: type[Table], rows: Sequence[dict[str, Any]], day: date) -> None:
        self.lake.commit(table, frame(table, rows), [day], RUN)

    def stand(self, day: date, tables: Sequence[type[Table]], since: datetime = EFFECTIVE, run: str = "run-1") -> None:
        """Lets a day stand with the newest partitions of tables."""
        files = [asdict(self.lake.partitions(table)[day]) for table in tables]
        row = filled(Days, date=day, run_id=run, status="priced", effective_from=since, settings="{}", tables=files)
        del row["sequence"]
        schema = {name: column.dtype for name, column in Days.columns().items() if name != "sequence"}
        manifests.commit_days(self.lake, pl.DataFrame([row], schema=schema), Provenance(run))

    def charge(self, day: date, priced: Sequence[Priced], cost: str = "2.00", **changes: Any) -> None:
        """What the shop charged on a day, known at its midnight."""
        known = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
        rows = [
            {"date": day, "sku": sku, "market": market, "price_type": "current", "known_at": known}
            | {"price": Decimal(price), "cost": Decimal(cost), "currency": currency(market), "tax_basis": "gross"}
            | {"price_kind": "posted"}
            | changes
            for sku, market, price in priced
        ]
        self.put(Prices, rows, day)

    def catalogue(self, day: date, sku: str, attributes: str) -> None:
        self.put(Products, [{"date": day, "sku": sku, "attributes": attributes}], day)

    def enter(self, sku: str, market: str, price: str, *, day: date = DAY, entry_no: int = 2, **changes: Any) -> None:
        """One more entry of the book, by a person's word, unless it says otherwise."""
        known = self.lake.read(PriceBook, day, day)
        before = known.filter(sku=sku, market=market).sort("entry_no").tail(1).to_dicts()[0]
        row = before | {"entry_no": entry_no, "price": Decimal(price), "review_id": "review-1"} | changes
        self.put(PriceBook, [*known.to_dicts(), row], day)
        self.stand(day, (PriceBook,), before["effective_from"], run=f"run-{sku}-{entry_no}")

    def publish(self, *days: date) -> publishing.Published:
        """A pass at `now`; for a shop that is history, over days."""
        return publishing.publish(
            self.lake, self.source, self.settings, days or [DAY], RUN, clock=lambda: self.now, wait=self.waits.append
        )

    def reconcile(self, day: date) -> list[tuple[str, str, str]]:
        """sku, kind, message of a day's mismatches."""
        found = publishing.reconcile(self.lake, [day], [self.source.end_of(day)], RUN)
        return found.select("sku", pl.col("kind").cast(pl.String), "message").rows()

    def strays(self) -> list[tuple[str, str, str]]:
        rows = self.lake.read(Reconciliations)
        return rows.select("sku", "market", pl.col("kind").cast(pl.String)).rows()

    def rows(self) -> pl.DataFrame:
        return self.lake.read(Publications)

    def states(self) -> dict[tuple[str, str, int], str]:
        """sku, market, entry → the state it is in."""
        rows = latest(self.rows()).select("sku", "market", "entry_no", pl.col("state").cast(pl.String)).rows()
        return {(sku, market, number): state for sku, market, number, state in rows}

    def state(self, sku: str = "A", market: str = "UK", entry_no: int = 1) -> str:
        return self.states()[sku, market, entry_no]

    def message(self, sku: str = "A", market: str = "UK", entry_no: int = 1) -> str:
        rows = latest(self.rows()).filter(sku=sku, market=market, entry_no=entry_no)
        return str(rows["message"][0])

    def path(self, sku: str = "A") -> list[str]:
        """The states an article went through."""
        return self.rows().filter(sku=sku).sort("entry_no", "step")["state"].cast(pl.String).to_list()

    def files(self, ending: str = "csv") -> list[Path]:
        return sorted(self.outbox.glob(f"*.{ending}"))

    def acknowledge(self, text: str, name: str = "ack.csv") -> None:
        folder = self.outbox / "acks"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
