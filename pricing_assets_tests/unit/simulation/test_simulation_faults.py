"""Every malformed row is refused by the contract of a source, every other row accepted, and no day stops."""

import polars as pl
import pytest
import yaml
from simulation_markets import DEFAULT

from pricing_assets import sources
from pricing_assets.settings import Settings
from pricing_assets.simulation import Simulated
from pricing_assets.simulation.faults import CONTRADICTION, DAYS, KINDS
from pricing_assets.sources import Received, Source
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

DATED: dict[str, type[Table]] = {
    "prices": raw.Prices,
    "sales": raw.Sales,
    "stock": raw.Stock,
    "promotions": raw.Promotions,
    "competitor_snapshots": raw.CompetitorSnapshots,
}
SETTINGS = {
    "name": "simulated market",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "currencies": ["EUR", "GBP"],
    "markets": {"DE": {"country": "DE"}, "UK": {"country": "GB"}},
    "first_day": DEFAULT.first_day,
    "last_day": DEFAULT.last_day,
    "historical": True,
}
PRICES = " UNION ALL ".join(
    f"SELECT date, sku, market, '{kind}' AS price_type, known_at, {kind}_price AS price, cost, currency"
    " FROM 'prices.parquet'"
    for kind in ("list", "current")
)
MASTER = {
    "products": "SELECT d.date, p.* EXCLUDE (map_price, number) FROM 'products.parquet' p, 'days.parquet' d",
    "listings": "SELECT d.date, l.sku, l.market FROM 'listings.parquet' l, 'days.parquet' d"
    " WHERE d.date >= l.listed_from AND d.date <= coalesce(l.listed_until, '9999')",
}


@pytest.fixture(scope="module")
def source(market: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A source whose files hold the market as it is delivered: good and malformed rows together."""
    folder = tmp_path_factory.mktemp("market")
    (folder / "source.yaml").write_text(yaml.safe_dump(SETTINGS))
    for name, frame in market.frames.items():
        good = frame.with_columns(pl.col(pl.Date, pl.Enum).cast(pl.String), fault=pl.lit(None, dtype=pl.String))
        rows = pl.concat([good, market.faults[name]]).with_row_index("number")
        rows.write_parquet(folder / f"{name}.parquet")
        names = [column for column in frame.columns if column != "map_price"]
        select = f"SELECT {', '.join(names)} FROM '{name}.parquet'"
        (folder / f"{name}.sql").write_text(MASTER.get(name, PRICES if name == "prices" else select))
    days = pl.date_range(DEFAULT.first_day, DEFAULT.last_day, eager=True).cast(pl.String)
    pl.DataFrame({"date": days}).write_parquet(folder / "days.parquet")
    master = pl.read_parquet(folder / "products.parquet").drop("fault")
    master.write_parquet(folder / "products.parquet")
    return sources.load(folder, Settings(_env_file=None))  # type: ignore[call-arg]


def received(source: Source, table: type[Table]) -> Received:
    return sources.receive(source, table, DEFAULT.first_day, DEFAULT.last_day, DEFAULT.last_day)


def lines(name: str) -> int:
    """Rows of the raw table that one row of a frame becomes."""
    return 2 if name == "prices" else 1


@pytest.mark.parametrize("name", DATED)
def test_the_contract_refuses_all_malformed_rows_and_accepts_all_others(
    source: Source, market: Simulated, name: str
) -> None:
    came = received(source, DATED[name])
    good, bad = market.frames[name].unique(), market.faults[name]
    twice = market.frames[name].height - good.height
    assert came.accepted.height == lines(name) * good.height
    assert came.quarantined.height == lines(name) * (twice + bad.height)
    assert came.accepted.height + came.quarantined.height == came.counts["received"].sum()


@pytest.mark.parametrize("name", MASTER)
def test_malformed_master_data_is_refused_every_day(source: Source, market: Simulated, name: str) -> None:
    came = received(source, raw.Products if name == "products" else raw.Listings)
    assert not came.accepted.filter(pl.col("sku") == "").height
    assert came.quarantined.height >= market.faults[name].height * 20
    assert set(came.quarantined["rule"].str.extract(r"^(\w+)")) <= {"pack_quantity", "sku", "market"}


@pytest.mark.parametrize("name", [*DATED, *MASTER])
def test_no_day_stops_for_its_malformed_rows(source: Source, name: str) -> None:
    table = {**DATED, "products": raw.Products, "listings": raw.Listings}[name]
    days = pl.date_range(DEFAULT.first_day, DEFAULT.last_day, eager=True).to_list()
    verdicts = sources.judge(source, table, received(source, table), days)
    assert verdicts["passed"].all(), verdicts.filter(~pl.col("passed"))["message"].to_list()


def test_there_are_a_thousand_malformed_rows_of_more_than_twenty_kinds(market: Simulated) -> None:
    planted = pl.concat([rows.select("fault", table=pl.lit(name)) for name, rows in market.faults.items()])
    assert planted.height >= 1000
    assert planted.unique().height >= 40
    for name in set(DAYS) - {"promotions"}:
        assert set(market.faults[name]["fault"]) > set(KINDS[name])


def test_contradictions_come_in_pairs(market: Simulated) -> None:
    for name in ("prices", "sales", "stock", "competitor_snapshots"):
        rows = market.faults[name].filter(fault=CONTRADICTION)
        key = [column for column in ("date", "sku", "market", "known_at", "competitor") if column in rows.columns]
        assert rows.height and (rows.group_by(key).len()["len"] == 2).all()
