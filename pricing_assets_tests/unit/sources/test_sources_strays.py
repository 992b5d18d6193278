"""Strays come and go; the first day stands as a fresh reading of it would have it."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_shop import DAY, GOOD, Shop, write_settings

from pricing_assets import sources
from pricing_assets.settings import Settings
from pricing_assets.sources import Intake, Source
from pricing_assets.tables import raw, runs

FIRST, LATER, LAST = date(2026, 3, 1), date(2026, 3, 20), date(2026, 3, 31)
TOLERANT = {"quarantine_share": 0.5, "undated_share": 0.9}
Frames = tuple[pl.DataFrame, pl.DataFrame]


def price(day: str, sku: str, amount: str = "1") -> str:
    return f"SELECT {day} AS date, '{sku}' AS sku, 'UK' AS market, {amount} AS price"


def prices(*more: str) -> str:
    """Two prices of the first day, one of them at fault, one of a later day, and more."""
    ordinary = [price("'2026-03-01'", "A"), price("'2026-03-01'", "B", "-1"), price("'2026-03-20'", "A")]
    return " UNION ALL ".join([*ordinary, *more])


UNDATED, FUTURE = price("NULL", "X"), price("'2026-12-24'", "Y")


def read(source: Source, first: date, last: date, run: str = "run") -> Intake:
    return sources.take_in(source, first, last, LAST, run)


def first_day(intake: Intake) -> Frames:
    """The first day's rows of raw.quarantine and runs.checks, as the lake hands them back."""
    quarantine = raw.Quarantine.validate(intake.quarantine.filter(received_on=FIRST))
    checks = runs.Checks.validate(intake.checks.filter(date=FIRST))
    return quarantine.sort(raw.Quarantine.order()), checks.sort(runs.Checks.order())


def said(frames: Frames) -> list[list[tuple[object, ...]]]:
    """Their content, provenance left out."""
    return [frame.drop("run_id").rows() for frame in frames]


def balanced(frames: Frames) -> None:
    quarantine, checks = frames
    assert (checks["received"] == checks["accepted"] + checks["quarantined"]).all()
    held = dict(quarantine.group_by("table").len().iter_rows())
    for table, counted in checks.select("table", "quarantined").iter_rows():
        assert counted == held.get(table, 0)


def skus(frames: Frames) -> list[str]:
    return sorted(frames[0].select(pl.col("record").str.json_path_match("$.sku")).to_series())


def test_new_strays_join_what_the_first_day_has(shop: Shop) -> None:
    before = first_day(read(shop({"limits": TOLERANT}, prices=prices()), FIRST, FIRST))
    source = shop({"limits": TOLERANT}, prices=prices(UNDATED, FUTURE))
    after = first_day(sources.settle(source, read(source, LATER, LATER), *before))
    assert (skus(before), skus(after)) == (["B"], ["B", "X", "Y"])
    counts = after[1].filter(table="raw.prices").select("received", "accepted", "quarantined").unique().rows()
    assert counts == [(4, 1, 3)]
    assert after[1].filter(table="raw.prices")["check"].to_list() == ["balance", "contract", "dated", "not_empty"]
    assert said(after) == said(first_day(read(source, FIRST, FIRST)))
    balanced(after)


def test_mended_strays_go_and_others_stay(shop: Shop) -> None:
    source = shop({"limits": TOLERANT}, prices=prices(UNDATED, FUTURE))
    before = first_day(read(source, FIRST, FIRST))
    source = shop({"limits": TOLERANT}, prices=prices(FUTURE, price("'2026-03-20'", "X")))
    later = sources.settle(source, read(source, LATER, LATER), *before)
    assert skus(first_day(later)) == ["B", "Y"]
    assert later.received[raw.Prices].accepted["sku"].sort().to_list() == ["A", "X"]
    balanced(first_day(later))
    source = shop({"limits": TOLERANT}, prices=prices())
    assert skus(first_day(sources.settle(source, read(source, LATER, LATER), *before))) == ["B"]


def test_the_same_strays_say_nothing_new(shop: Shop) -> None:
    source = shop({"limits": TOLERANT}, prices=prices(UNDATED))
    before = first_day(read(source, FIRST, FIRST))
    again = sources.settle(source, read(source, LATER, LATER, "later"), *before)
    assert said(first_day(again)) == said(before)


def test_too_many_strays_fail_the_first_day_too(shop: Shop) -> None:
    before = first_day(read(shop(prices=prices().replace("-1", "2")), FIRST, FIRST))
    assert before[1].filter(table="raw.prices")["passed"].all()
    source = shop(prices=prices(UNDATED).replace("-1", "2"))
    checks = first_day(sources.settle(source, read(source, LATER, LATER), *before))[1]
    failed = checks.filter(~pl.col("passed"), table="raw.prices")
    assert failed["check"].to_list() == ["dated"]
    assert failed["message"][0].startswith("1 of 4 rows without a usable date (25.00%), limit 5.00%; look at them in")


def test_a_reading_of_the_first_day_is_taken_as_it_is(shop: Shop) -> None:
    source = shop(prices=prices(UNDATED))
    whole = read(source, FIRST, LATER)
    assert sources.settle(source, whole, *first_day(read(shop(prices=prices(FUTURE)), FIRST, FIRST))) is whole


def test_strays_of_other_tables_are_left_alone(shop: Shop) -> None:
    lost = GOOD["sales"] + " UNION ALL " + GOOD["sales"].replace("DATE '2026-03-02'", "NULL")
    source = shop(
        {"limits": TOLERANT}, sales=lost, prices=prices(), stock=price("NULL", "S").replace("price", "on_hand")
    )
    before = first_day(read(source, FIRST, FIRST))
    (source.folder / "stock.sql").unlink()
    without = sources.load(source.folder, Settings(_env_file=None))  # type: ignore[call-arg]
    after = first_day(sources.settle(without, read(without, LATER, LATER), *before))
    assert said(after) == said(before)


def test_a_table_new_to_the_first_day_joins_with_its_strays(shop: Shop) -> None:
    before = first_day(read(shop({"limits": TOLERANT}), FIRST, FIRST))
    dated = price("'2026-03-20'", "S").replace("price", "on_hand")
    source = shop({"limits": TOLERANT}, stock=dated)
    assert said(first_day(sources.settle(source, read(source, LATER, LATER), *before))) == said(before)
    source = shop({"limits": TOLERANT}, stock=dated + " UNION ALL " + dated.replace("'2026-03-20'", "NULL"))
    after = first_day(sources.settle(source, read(source, LATER, LATER), *before))
    stock = after[1].filter(table="raw.stock")
    assert stock.select("check", "received", "accepted", "quarantined").rows() == [
        ("balance", 1, 0, 1),
        ("contract", 1, 0, 1),
        ("dated", 1, 0, 1),
    ]
    balanced(after)


def test_strays_need_the_first_day(shop: Shop) -> None:
    source = shop(prices=prices(UNDATED))
    assert sources.homeless(source, read(source, LATER, LATER), [DAY])
    assert not sources.homeless(source, read(source, LATER, LATER), [FIRST])
    assert not sources.homeless(source, read(source, FIRST, LATER), [])
    assert not sources.homeless(shop(prices=prices()), read(shop(prices=prices()), LATER, LATER), [])


ROW = st.fixed_dictionaries(
    {
        "sku": st.sampled_from(["A", "B", ""]),
        "market": st.sampled_from(["UK", "DE", "FR"]),
        "price": st.sampled_from(["1", "2.5", "-1", "nan", "x"]),
        "quarantine": st.sampled_from([None, "sample"]),
    }
)
ORDINARY = st.sampled_from(["2026-03-01", "2026-03-01", "2026-03-20", "2026-03-21"])
ASTRAY = st.sampled_from([None, "", "x", "2026-02-30", "2026-04-01", "2027-01-01"])


def rows_of(days: st.SearchStrategy[str | None], least: int = 0) -> st.SearchStrategy[list[dict[str, str | None]]]:
    return st.lists(st.builds(lambda row, day: {**row, "date": day}, ROW, days), min_size=least, max_size=8)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(rows_of(ORDINARY, least=1), st.lists(rows_of(ASTRAY), min_size=2, max_size=3))
def test_after_every_reading_the_first_day_is_as_read_afresh(
    ordinary: list[dict[str, str | None]], moments: list[list[dict[str, str | None]]]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_settings(folder)
        for table, sql in GOOD.items():
            (folder / f"{table}.sql").write_text(sql)
        (folder / "prices.sql").write_text("SELECT * FROM 'prices.parquet'")
        source = sources.load(folder, Settings(_env_file=None))  # type: ignore[call-arg]
        known: Frames | None = None
        for strays in moments:
            rows = pl.DataFrame(ordinary + strays, schema=dict.fromkeys(ordinary[0], pl.String))
            rows.write_parquet(folder / "prices.parquet")
            fresh = first_day(read(source, FIRST, FIRST))
            known = first_day(sources.settle(source, read(source, LATER, LAST), *known)) if known else fresh
            assert said(known) == said(fresh)
            balanced(known)
