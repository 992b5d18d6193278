from datetime import date, timedelta

import polars as pl
import pytest
from sources_shop import DAY, GOOD, Shop

from pricing_assets import sources
from pricing_assets.sources import Source
from pricing_assets.tables import raw, runs
from pricing_assets.tables.base import Table

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
NEXT = DAY + timedelta(days=1)
DAYS = [DAY, NEXT]


def verdicts(source: Source, table: type[Table], no_trade: tuple[date, ...] = ()) -> pl.DataFrame:
    received = sources.receive(source, table, DAY, NEXT, LAST)
    judged = sources.judge(source, table, received, DAYS, no_trade)
    runs.Checks.validate(judged.with_columns(pl.lit("run").alias("run_id")))
    return judged


def failed(judged: pl.DataFrame) -> list[tuple[date, str]]:
    return judged.filter(~pl.col("passed")).select("date", "check").rows()


def rows(*prices: str) -> str:
    """A SELECT of the good price row, once per price, each a SKU of its own."""
    good = "SELECT DATE '2026-03-0{}' AS date, '{}' AS sku, 'UK' AS market, {} AS price"
    parts = [good.format(3 if index == 0 else 2, index, price) for index, price in enumerate(prices)]
    return " UNION ALL ".join(parts)


def test_a_good_window_passes(shop: Shop) -> None:
    judged = verdicts(shop(prices=rows("1", "2", "3")), raw.Prices)
    assert failed(judged) == []
    assert judged["check"].unique().sort().to_list() == ["balance", "contract", "dated", "not_empty"]
    assert judged.filter(date=DAY, check="balance").select("received", "accepted", "quarantined").row(0) == (2, 2, 0)


def test_too_much_in_quarantine_stops_only_that_day(shop: Shop) -> None:
    judged = verdicts(shop(prices=rows("1", "2", "-3")), raw.Prices)
    assert failed(judged) == [(DAY, "contract")]
    message = judged.filter(date=DAY, check="contract")["message"][0]
    assert message.startswith("1 of 2 rows in quarantine (50.00%), limit 5.00%; most often: price: found '-3.0000'")
    assert "prices.sql" in message


def test_rows_the_shop_sets_aside_are_no_fault(shop: Shop) -> None:
    postage = GOOD["sales"] + ", 'postage' AS quarantine UNION ALL " + GOOD["sales"] + ", NULL"
    judged = verdicts(shop(sales=postage), raw.Sales)
    assert failed(judged) == []
    message = judged.filter(date=DAY, check="contract")["message"][0]
    assert message == "0 of 1 row in quarantine (0.00%), limit 5.00%, 1 more for the shop's own reasons"


def test_the_limit_is_the_sources(shop: Shop) -> None:
    source = shop({"limits": {"quarantine_share": 0.5}}, prices=rows("1", "2", "-3"))
    assert failed(verdicts(source, raw.Prices)) == []


def test_a_day_of_trade_has_prices(shop: Shop) -> None:
    judged = verdicts(shop(), raw.Prices)
    assert failed(judged) == [(NEXT, "not_empty")]
    assert "mend prices.sql" in judged.filter(date=NEXT, check="not_empty")["message"][0]
    assert failed(verdicts(shop(), raw.Prices, no_trade=(NEXT,))) == []


@pytest.mark.parametrize("table", [raw.Listings, raw.Prices])
def test_rows_known_too_late_are_no_rows_of_the_day(shop: Shop, table: type[Table]) -> None:
    name = table.table_name().split(".")[1]
    late = GOOD[name] + ", TIMESTAMP '2026-03-03 02:00' AS known_at"
    judged = verdicts(shop(**{name: late}), table, no_trade=(NEXT,))
    assert failed(judged) == [(DAY, "not_empty")]
    message = judged.filter(date=DAY, check="not_empty")["message"][0]
    assert message.startswith("1 row accepted, but all known only after 02:00 of the next day; load them earlier, or")
    assert message.endswith("leave the column out")
    other = GOOD[name].replace("'A'", "'B'")
    one_in_time = f"{late} UNION ALL {other}, TIMESTAMP '2026-03-03 01:59:59'"
    assert failed(verdicts(shop(**{name: one_in_time}), table, no_trade=(NEXT,))) == []
    assert failed(verdicts(shop(**{name: late}), table, no_trade=(DAY, NEXT))) == []


def test_a_day_of_trade_has_something_on_sale(shop: Shop) -> None:
    said = "SELECT DATE '2026-03-02' AS date, '{}' AS sku, 'UK' AS market, {} AS on_sale, {} AS known_at"
    on_time, late = "TIMESTAMP '2026-03-03 01:00'", "TIMESTAMP '2026-03-03 02:00'"
    listed = said.format("A", "true", "TIMESTAMP '2026-03-02 12:00'")
    withdrawn = f"{listed} UNION ALL {said.format('A', 'false', on_time)}"
    judged = verdicts(shop(listings=withdrawn), raw.Listings, no_trade=(NEXT,))
    assert failed(judged) == [(DAY, "not_empty")]
    message = judged.filter(date=DAY, check="not_empty")["message"][0]
    assert message.startswith(
        "2 rows accepted, but all withdrawn: no row known in time says on_sale; mend on_sale in l"
    )
    assert "closed_days" in message
    other = f"{withdrawn} UNION ALL {said.format('B', 'true', on_time)}"
    assert failed(verdicts(shop(listings=other), raw.Listings, no_trade=(NEXT,))) == []
    too_late = f"{listed} UNION ALL {said.format('A', 'false', late)}"
    assert failed(verdicts(shop(listings=too_late), raw.Listings, no_trade=(NEXT,))) == []
    assert failed(verdicts(shop(listings=withdrawn), raw.Listings, no_trade=(DAY, NEXT))) == []


def test_sales_may_be_empty_for_a_window_but_not_at_all(shop: Shop) -> None:
    elsewhere = GOOD["sales"].replace("2026-03-02", "2026-03-20")
    assert failed(verdicts(shop(), raw.Sales)) == []
    assert failed(verdicts(shop(sales=elsewhere), raw.Sales)) == []
    restricted = f"SELECT * FROM ({elsewhere}) WHERE date <= getvariable('last_day')"
    assert failed(verdicts(shop(sales=restricted), raw.Sales)) == []
    none = shop(sales=GOOD["sales"] + " WHERE false")
    assert failed(verdicts(none, raw.Sales)) == [(DAY, "not_empty"), (NEXT, "not_empty")]
    assert failed(verdicts(none, raw.Sales, no_trade=(DAY, NEXT))) == []


def test_rows_without_a_date_stop_every_day(shop: Shop) -> None:
    undated = f"{rows('1', '2')} UNION ALL SELECT NULL, 'x', 'UK', 1"
    judged = verdicts(shop(prices=undated), raw.Prices)
    assert failed(judged) == [(DAY, "dated"), (NEXT, "dated")]
    assert "1 of 3 rows without a usable date" in judged.filter(date=DAY, check="dated")["message"][0]
    source = shop({"limits": {"undated_share": 0.5}}, prices=undated)
    assert failed(verdicts(source, raw.Prices)) == []


def test_the_share_without_a_date_is_of_the_whole_select(shop: Shop) -> None:
    elsewhere = rows("1", *"1234").replace("2026-03-0", "2026-03-2")
    everything = f"{rows('1', '2')} UNION ALL {elsewhere} UNION ALL SELECT NULL, 'x', 'UK', 1"
    source = shop({"limits": {"undated_share": 0.1}}, prices=everything)
    for first, last in ((DAY, DAY), (DAY, NEXT), (FIRST, LAST)):
        received = sources.receive(source, raw.Prices, first, last, LAST)
        assert (received.undated, received.total) == (1, 8)
        judged = sources.judge(source, raw.Prices, received, [DAY]).filter(check="dated")
        assert judged["message"][0].startswith("1 of 8 rows without a usable date (12.50%), limit 10.00%")


def test_rows_without_a_date_do_not_count_against_the_first_day(shop: Shop) -> None:
    source = shop({"first_day": DAY}, prices=f"{rows('1', '2')} UNION ALL SELECT NULL, 'x', 'UK', 1")
    assert failed(verdicts(source, raw.Prices)) == [(DAY, "dated"), (NEXT, "dated")]


def test_a_day_without_trade(shop: Shop) -> None:
    def status(source: Source) -> list[str]:
        parts = [sources.receive(source, table, DAY, NEXT, LAST) for table in (raw.Listings, raw.Sales)]
        return list(sources.trade_status(source, parts[0], parts[1], DAYS).values())

    assert status(shop()) == ["trade", "no_trade"]
    assert status(shop({"empty_days": "error"})) == ["trade", "trade"]
    assert status(shop({"empty_days": "error", "closed_days": ["tuesday"]})) == ["trade", "no_trade"]
    assert status(shop({"empty_days": "error", "closed_days": ["2026-03-03"]})) == ["trade", "no_trade"]
    assert status(shop(sales=GOOD["sales"].replace("03-02", "03-03"))) == ["trade", "trade"]


def test_rows_without_a_date_are_no_trade(shop: Shop) -> None:
    nothing = GOOD["listings"].replace("DATE '2026-03-02'", "NULL")
    source = shop({"first_day": DAY}, listings=nothing, sales=GOOD["sales"].replace("03-02", "03-20"))
    parts = [sources.receive(source, table, DAY, NEXT, LAST) for table in (raw.Listings, raw.Sales)]
    assert set(sources.trade_status(source, parts[0], parts[1], DAYS).values()) == {"no_trade"}
