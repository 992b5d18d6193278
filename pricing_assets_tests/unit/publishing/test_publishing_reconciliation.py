"""The price sent against the price charged: every kind of mismatch, and nothing where they agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from publishing_shop import DAY, EFFECTIVE, Place

from pricing_assets.publishing.reconciliation import mismatches

NEXT = DAY + timedelta(days=1)
MONEY = pl.Decimal(18, 4)
Prices = dict[str, tuple[str, str]]  # sku → price, currency


def prices(rows: Prices) -> pl.DataFrame:
    schema = {"sku": pl.String, "market": pl.String, "price": MONEY, "currency": pl.String}
    listed = [(sku, "UK", Decimal(price), code) for sku, (price, code) in rows.items()]
    return pl.DataFrame(listed, schema=schema, orient="row")


def found(sent: Prices, charged: Prices, before: Prices, planned: dict[str, str] | None = None) -> dict[str, str]:
    out = prices(sent).with_columns(effective_from=pl.lit(EFFECTIVE), decision_id=pl.lit("d"))
    plans = [(sku, "UK", Decimal(price)) for sku, price in (planned or {}).items()]
    schema = {"sku": pl.String, "market": pl.String, "planned_price": MONEY}
    rows = mismatches(out, prices(charged), prices(before), pl.DataFrame(plans, schema=schema, orient="row"))
    return dict(rows.select("sku", "kind").iter_rows())


def test_each_kind_of_mismatch_has_its_name() -> None:
    gbp = dict.fromkeys(("same", "other", "former", "gone", "euro"), ("4.49", "GBP"))
    charged = {
        "same": ("4.49", "GBP"),
        "other": ("4.45", "GBP"),
        "former": ("5.00", "GBP"),
        "euro": ("4.49", "EUR"),
        "byhand": ("3.00", "GBP"),
        "quiet": ("5.00", "GBP"),
        "new": ("6.00", "GBP"),
    }
    before = dict.fromkeys([*gbp, "byhand", "quiet"], ("5.00", "GBP"))
    assert found(gbp, charged, before) == {
        "other": "other_price",
        "former": "not_charged",
        "gone": "no_price",
        "euro": "other_currency",
        "byhand": "charged_unsent",
    }


def test_a_price_as_a_promotion_planned_it_is_no_mismatch() -> None:
    sent, before = {"A": ("4.49", "GBP")}, {"A": ("5.00", "GBP"), "B": ("5.00", "GBP")}
    charged = {"A": ("3.99", "GBP"), "B": ("3.99", "GBP")}
    assert found(sent, charged, before, {"A": "3.99", "B": "3.99"}) == {}
    assert found(sent, charged, before, {"A": "3.89"}) == {"A": "other_price", "B": "charged_unsent"}


def test_where_nothing_was_sent_no_change_is_ours() -> None:
    assert found({}, {"A": ("4.00", "GBP")}, {"A": ("5.00", "GBP")}) == {}


PRICED = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from([("1.00", "GBP"), ("2.00", "GBP"), ("2.00", "EUR")]))


@given(PRICED, PRICED, PRICED, st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["1.00", "2.00"])))
def test_every_mismatch_is_found_and_no_other(
    sent: Prices, charged: Prices, before: Prices, planned: dict[str, str]
) -> None:
    def slow(sku: str) -> bool:
        paid: Any = charged.get(sku)
        as_planned = paid is not None and planned.get(sku) == paid[0]
        if sku in sent:
            return paid is None or paid[1] != sent[sku][1] or (paid[0] != sent[sku][0] and not as_planned)
        changed = paid is not None and sku in before and paid[0] != before[sku][0]
        return bool(sent) and changed and not as_planned

    assert set(found(sent, charged, before, planned)) == {sku for sku in "ABCD" if slow(sku)}


def test_a_day_is_compared_with_what_was_in_force_and_compared_again(place: Place) -> None:
    place.decide()
    place.publish()
    place.charge(NEXT, [("A", "UK", "4.49"), ("B", "UK", "5.00")])
    assert place.reconcile(NEXT) == [("B", "not_charged", "sent was 9.9900, charged is 5.0000 as the day before")]
    place.charge(NEXT, [("A", "UK", "4.49"), ("B", "UK", "9.99")])
    assert place.reconcile(NEXT) == [], "the shop corrected itself"
    assert place.reconcile(DAY) == [], "on its own day nothing was in force yet"
    place.charge(NEXT, [("A", "UK", "4.50"), ("B", "UK", "9.99")], price_kind="realised")
    assert place.reconcile(NEXT) == [], "an average of what was paid is no price charged: the day is left alone"
