"""Rollback: a scope back to its former prices the same day, through a row of runs.days of its own, and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from publishing_shop import DAY, EFFECTIVE, RUN, TWO, Place

from pricing_assets import publishing
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance, claims
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import enter
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.raw import Sales


def found(place: Place, undone: str | None = None, **scope: str) -> publishing.Return:
    last = place.source.last_ended(place.now)
    return publishing.former_prices(place.lake, DAY, scope, undone, last=last, as_of=place.now)


def back(place: Place, name: str = "RB-000001", undone: str | None = None, **scope: str) -> None:
    rows = found(place, undone, **scope).entries
    provenance = Provenance(f"rollback {name}", "0.1.0")
    with holding(place, provenance):
        publishing.return_prices(place.lake, DAY, rows, name, provenance=provenance, now=place.now)


@contextmanager
def holding(place: Place, provenance: Provenance) -> Iterator[Provenance]:
    """The day is claimed for whoever is said to commit."""
    claims.claim(place.lake, [DAY], provenance.run_id, lambda _: True)
    yield provenance
    claims.release(place.lake, provenance.run_id)


def book(place: Place, sku: str = "A") -> list[tuple[Any, ...]]:
    files = manifests.manifested(place.lake, PriceBook)
    rows = place.lake.read_files(PriceBook, files.values()).filter(sku=sku, market="UK").sort("entry_no")
    return rows.select("entry_no", "price", "review_id", "supersedes").rows()


@pytest.mark.parametrize(
    ("scope", "skus"),
    [({}, {"A", "B"}), ({"sku": "A"}, {"A"}), ({"category": "CAT-B"}, {"B"}), ({"market": "DE"}, set())],
)
def test_a_scope_names_what_returns(place: Place, scope: dict[str, str], skus: set[str]) -> None:
    place.decide()
    rows = found(place, **scope).entries
    assert set(rows["sku"]) == skus and set(rows["former"]) <= {Decimal("5.0000")}


def test_former_prices_go_out_like_any_other_and_can_be_taken_back(place: Place) -> None:
    place.decide()
    place.publish()
    before = manifests.standing(place.lake).to_dicts()[0]
    back(place, sku="A")
    place.publish()
    identity = f"A-UK-{DAY}"
    assert book(place) == [(1, Decimal("4.49"), None, None), (2, Decimal("5.00"), "RB-000001", identity)]
    assert place.state("A", entry_no=2) == "live" and place.state("B") == "live"
    assert found(place, sku="A").entries.is_empty(), "returned already"
    back(place, "RB-000002", undone="RB-000001")
    place.publish()
    assert book(place)[-1] == (3, Decimal("4.49"), "RB-000002", identity)
    assert place.state("A", entry_no=3) == "live"
    after = manifests.standing(place.lake).to_dicts()[0]
    same = ("basis", "late", "status", "decisions_hash", "settings", "inputs")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["run_id"] == "rollback RB-000002"
    assert {file["table"] for file in after["tables"]} == {file["table"] for file in before["tables"]}


def test_a_former_price_below_its_floor_by_now_is_named_and_left(place: Place) -> None:
    place.decide()
    place.charge(DAY, [("A", "UK", "5.00")], cost="4.60")
    away = found(place)
    assert away.entries["sku"].to_list() == ["B"]
    assert away.broken.select("sku", "why").rows() == [
        ("A", "the floor min_price: {cost_times: 1.1} is now 5.0600 GBP, above the price")
    ]


def test_a_price_a_later_day_decided_again_does_not_return(place: Place) -> None:
    place.decide()
    place.decide([("A", "UK", "4.29")], DAY + timedelta(days=1))
    place.now = EFFECTIVE + timedelta(days=1)
    away = found(place)
    assert away.entries["sku"].to_list() == ["B"] and away.overtaken == 1


def test_entries_are_added_to_days_that_stand_and_nothing_else_of_them_changes(place: Place) -> None:
    place.decide(TWO)
    hashes = {name: files for name, files in manifests.manifest(place.lake).items() if name != PriceBook.table_name()}
    rows = place.lake.read(PriceBook, DAY, DAY).with_columns(entry_no=2)
    with holding(place, Provenance("mine")) as mine:
        assert enter(place.lake, DAY, rows, mine, place.now)
    with holding(place, Provenance("mine again")) as mine:
        assert not enter(place.lake, DAY, rows.clear(), mine, place.now), "nothing new, no new row"
    now = manifests.manifest(place.lake)
    assert now[PriceDecisions.table_name()] == hashes[PriceDecisions.table_name()]
    with pytest.raises(PricingError, match="was never decided"):
        enter(place.lake, DAY + timedelta(days=1), rows, RUN, place.now)


def late_rows(place: Place) -> tuple[str, Callable[[], object]]:
    """The hash of a raw file of a decided day with late rows, and the run of the next day that puts it in force."""
    place.decide(TWO)
    (early,) = place.lake.commit(Sales, sales(1), [DAY], RUN)
    standing = manifests.standing(place.lake).drop("sequence")
    own = standing.row(0, named=True)
    own["tables"].append(asdict(early))
    manifests.commit_days(place.lake, pl.DataFrame([own], schema=standing.schema), RUN)
    (late,) = place.lake.commit(Sales, sales(2), [DAY], RUN)
    next_day = own | {"date": DAY + timedelta(days=1), "run_id": "the-next", "tables": [asdict(late)]}
    return late.hash, lambda: manifests.commit_days(place.lake, pl.DataFrame([next_day], schema=standing.schema), RUN)


def entered(place: Place) -> str:
    """An entry is made; the hash of the raw file of the day that is in force then."""
    rows = place.lake.read(PriceBook, DAY, DAY).with_columns(entry_no=2)
    with holding(place, Provenance("mine")) as mine:
        assert enter(place.lake, DAY, rows, mine, place.now)
    return manifests.manifested(place.lake, Sales)[DAY].hash


def test_an_entry_after_late_rows_leaves_these_in_force(place: Place) -> None:
    late, run_next_day = late_rows(place)
    run_next_day()
    assert entered(place) == late


def test_an_entry_that_waits_for_a_run_of_a_later_day_leaves_its_late_rows_in_force(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, run_next_day = late_rows(place)
    alone = manifests.alone

    def overtaken(lake: Lake) -> AbstractContextManager[manifests.Commit]:
        monkeypatch.setattr(manifests, "alone", alone)
        run_next_day()
        return alone(lake)

    monkeypatch.setattr(manifests, "alone", overtaken)
    assert entered(place) == late


def test_a_day_names_the_book_its_own_run_wrote_though_another_lost_it_and_wrote_since(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.decide(TWO)
    book_before = place.lake.read(PriceBook, DAY, DAY)
    held = claims.held

    def after_another_wrote(*asked: Any) -> AbstractContextManager[None]:
        cheap = PriceBook.cast(book_before.with_columns(price=pl.lit(Decimal("0.01")), entry_no=2))
        place.lake.commit(PriceBook, pl.concat([book_before, cheap]), [DAY], Provenance("the refused"))
        return held(*asked)

    monkeypatch.setattr(claims, "held", after_another_wrote)
    with holding(place, Provenance("mine")) as mine:
        assert enter(place.lake, DAY, PriceBook.cast(book_before.with_columns(entry_no=2)), mine, place.now)
    assert [price for _, price, *_ in book(place)] == [Decimal("4.49"), Decimal("4.49")]


def test_who_has_lost_the_day_enters_nothing(place: Place) -> None:
    place.decide(TWO)
    rows = place.lake.read(PriceBook, DAY, DAY).with_columns(entry_no=2)
    with holding(place, Provenance("another")), pytest.raises(PricingError, match="run mine no longer holds this day"):
        enter(place.lake, DAY, rows, Provenance("mine"), place.now)
    assert book(place) == [(1, Decimal("4.49"), None, None)] and manifests.standing(place.lake).height == 1


def sales(units: int) -> pl.DataFrame:
    row = {"date": DAY, "sku": "A", "market": "UK", "known_at": datetime.combine(DAY, time(12), UTC), "units": units}
    more = {"returned_units": 0, "revenue": Decimal("4.99"), "currency": "GBP", "source_lines": 1}
    return Sales.cast(pl.DataFrame([row | more]))
