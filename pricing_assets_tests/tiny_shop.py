"""A tiny shop: four articles on sale, twelve days, one of them without trade; and its line of stations.

Here: what tests of the stations, the shell and the entry routes share. Not here: the broken shops of single tests,
which start from this one.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from unadorned import unadorned

FIRST, LAST, CLOSED = date(2026, 3, 1), date(2026, 3, 12), date(2026, 3, 8)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
SETTINGS: dict[str, Any] = {
    "name": "tiny shop",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "currencies": ["GBP", "EUR"],
    "markets": {"UK": {"country": "GB"}, "DE": {"country": "DE"}},
    "first_day": FIRST,
    "last_day": LAST,
    "historical": True,
}
ARTICLES = [("A", "UK", "GBP", 4), ("B", "UK", "GBP", 12), ("C", "UK", "GBP", 30), ("A", "DE", "EUR", 5)]
COLUMNS = {
    "listings": "date, sku, market",
    "prices": "date, sku, market, price, cost, currency",
    "sales": "date, sku, market, quantity, unit_price, currency",
    "stock": "date, sku, market, on_hand",
    "competitor_snapshots": "date, sku, market, competitor, price, currency",
}
Row = dict[str, str]
Once = Callable[[str, Callable[[Path], object]], Path]  # the fixtures of these names
Begin = Callable[..., None]


class Shop:
    """A source folder of SELECTs over CSV files, which a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self) -> Shop:
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "source.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False))
        for table, columns in COLUMNS.items():
            select = f"SELECT {columns} FROM read_csv('data/{table}.csv', all_varchar = true)"
            (self.folder / f"{table}.sql").write_text(select)
            self.put(table, [row for day in DAYS if day != CLOSED for row in _rows(table, day)])
        return self

    def rows(self, table: str) -> list[Row]:
        with self._file(table).open(newline="") as file:
            return list(csv.DictReader(file))

    def put(self, table: str, rows: Sequence[Row]) -> None:
        with self._file(table).open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS[table].split(", "))
            writer.writeheader()
            writer.writerows(rows)

    def change(self, table: str, day: date, sku: str = "A", market: str = "UK", **values: str) -> None:
        """Gives the rows of an article on a day other values."""
        rows = self.rows(table)
        found = [row for row in rows if (row["date"], row["sku"], row["market"]) == (str(day), sku, market)]
        assert found, f"{table} has no row of {sku} in {market} on {day}"
        for row in found:
            row.update(values)
        self.put(table, rows)

    def drop(self, table: str, day: date) -> None:
        """Takes a day's rows away."""
        self.put(table, [row for row in self.rows(table) if row["date"] != str(day)])

    def add(self, table: str, **values: str) -> None:
        self.put(table, [*self.rows(table), values])

    def goes_on(self, until: date) -> None:
        """Makes it a shop that goes on trading, whose data reaches to a day."""
        self.settings(historical=None, last_day=None, empty_days="no_trade")
        for table in COLUMNS:
            self.put(table, [row for row in self.rows(table) if row["date"] <= str(until)])

    def settings(self, **changes: Any) -> None:
        """Rewrites source.yaml with other settings; None leaves a key out."""
        content = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not None}
        (self.folder / "source.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def digest(self) -> str:
        """The same for shops of the same files."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        content = [f"{path.relative_to(self.folder)}\n{path.read_text()}" for path in files]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]

    def load(self) -> Any:
        """The source as the platform reads it."""
        from pricing_assets import sources
        from pricing_assets.settings import Settings

        return sources.load(self.folder, Settings(source=self.folder))

    def _file(self, table: str) -> Path:
        return self.folder / "data" / f"{table}.csv"


def _rows(table: str, day: date) -> list[Row]:
    return [_row(table, day, number) for number in range(len(ARTICLES))]


def _row(table: str, day: date, number: int) -> Row:
    sku, market, currency, price = ARTICLES[number]
    values = {
        "date": str(day),
        "sku": sku,
        "market": market,
        "currency": currency,
        "cost": f"{price / 2:.2f}",
        "price": f"{price + day.day % 3 / 10:.2f}",
        "quantity": str(1 + (day.day + number) % 4),
        "unit_price": f"{price}.00",
        "on_hand": str(5 + 40 * number + day.day),
        "competitor": "rival",
    }
    return {name: values[name] for name in COLUMNS[table].split(", ")}


def load_location(folder: Path) -> None:
    """Imports the code location with this shop: defs/ reads PRICING_SOURCE once, when it is imported."""
    before = os.environ.get("PRICING_SOURCE")
    os.environ["PRICING_SOURCE"] = str(folder)
    try:
        from pricing_assets.defs import partitions
    finally:
        os.environ.pop("PRICING_SOURCE")
        if before:
            os.environ["PRICING_SOURCE"] = before
    assert partitions.SOURCE.name == SETTINGS["name"], "defs/ was imported with another source by an earlier test"


class Line:
    """The stations raw → features → anomalies, forecasts, elasticities → decisions on an instance of their own.

    Tests that look at what the UI shows of a run ask for it: `shown = True`.
    """

    shown = False

    def __init__(self, home: Path, shop: Shop, clock: Callable[[], datetime] | None = None) -> None:
        import dagster as dg

        from pricing_assets.lake import Lake

        self.home, self.shop, self.clock = home, shop, clock
        self.instance = dg.DagsterInstance.ephemeral()
        self.lake = Lake(home / "lake")

    def platform(self) -> Any:
        """The resource the stations are handed, with this line's shop and clock."""
        from pricing_assets.defs.resources import Platform

        source, clock = self.shop.load(), self.clock

        class Tried(Platform):
            @property
            def source(self) -> Any:
                return source

            def now(self) -> datetime:
                return clock() if clock else super().now()

        return Tried(home=str(self.home))

    def run(
        self, first: date, last: date | None = None, *, only: Sequence[str] = (), tables: Sequence[str] | None = None
    ) -> Any:
        """Materialises the stations (or `only` some) for the days in one run; of their assets all, or the `tables`."""
        import dagster as dg

        from pricing_assets.defs import (
            anomalies,
            decisions,
            elasticities,
            executions,
            experiments,
            features,
            forecasts,
            raw,
        )

        stations = {
            "raw": raw.raw,
            "features": features.feature_snapshots,
            "anomalies": anomalies.price_anomalies,
            "forecasts": forecasts.demand_forecasts,
            "elasticities": elasticities.elasticities,
            "decisions": decisions.price_decisions,
            "experiments": experiments.after_decisions,
        }
        days = [first + timedelta(days=number) for number in range(((last or first) - first).days + 1)]
        with nullcontext() if self.shown else unadorned():
            return dg.materialize(
                [station for name, station in stations.items() if not only or name in only],
                partition_key=str(first) if len(days) == 1 else None,
                tags=executions.range_tags(days) if len(days) > 1 else None,
                resources={"platform": self.platform()},
                instance=self.instance,
                selection=[dg.AssetKey(table.split(".")) for table in tables] if tables else None,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )

    def ended(self) -> None:
        """Frees the days of all runs, as the daemon does once a run has ended."""
        from pricing_assets.lake import claims

        for held in {claim.run_id for claim in claims.holders(self.lake).values()}:
            claims.release(self.lake, held)

    def hashes(self) -> dict[str, dict[date, str]]:
        """Table → day → content hash, of everything manifested but what is provenance."""
        from pricing_assets.lake import days

        found = {
            table: {day: file.hash for day, file in files.items()} for table, files in days.manifest(self.lake).items()
        }
        return {table: files for table, files in sorted(found.items()) if table != "runs.days"}

    def standing(self) -> dict[date, dict[str, Any]]:
        from pricing_assets.lake import days

        return {row["date"]: row for row in days.standing(self.lake).to_dicts()}

    def versions(self) -> dict[str, int]:
        from pricing_assets.tables import ALL

        return {table.table_name(): self.lake.version(table) for table in ALL}


def twice(act: Callable[[], Any]) -> list[Any]:
    """Does it in two threads at once; what each came to, refusals too."""

    def outcome(_: int) -> Any:
        try:
            return act()
        except Exception as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(outcome, range(2)))
