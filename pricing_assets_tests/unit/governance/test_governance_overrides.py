"""Overrides in the store, on both databases: set, ended, listed; bad input refused; nothing lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import Override, Scope, Store
from pricing_assets.governance.database import _MIGRATIONS
from pricing_assets.governance.overrides import identity

TODAY = date(2026, 11, 21)
SPAN = (TODAY, TODAY + timedelta(days=9))


def put(store: Store, key: str = "k", **other: Any) -> Override:
    asked: dict[str, Any] = {"kind": "PRICE_FREEZE", "scope": Scope(sku="A", market="UK"), "days": SPAN}
    return store.set_override(**{**asked, "by": "ann", "reason": "talks", "key": key, "today": TODAY, **other})


def test_an_override_has_a_short_id_and_says_what_was_asked(store: Store) -> None:
    made = put(store)
    assert (made.id, made.kind, str(made.scope)) == ("OV-000001", "PRICE_FREEZE", "SKU A in UK")
    assert (made.active_from, made.active_until, made.set_by, made.reason) == (*SPAN, "ann", "talks")
    assert put(store, "k2", scope=Scope(everything=True), kind="FORCE_RULE_BASED").id == "OV-000002"
    assert [each.id for each in store.overrides()] == ["OV-000001", "OV-000002"]


def test_an_override_is_scheduled_active_expired_by_itself_and_ended_by_people(store: Store) -> None:
    made = put(store)
    days = [TODAY - timedelta(days=1), *SPAN, SPAN[1] + timedelta(days=1)]
    assert [made.state(day) for day in days] == ["scheduled", "active", "active", "expired"]
    ended = store.end_override("ov-1", "bob", "talks are over", "k2")
    assert {ended.state(day) for day in days} == {"ended"}
    assert (ended.ended_by, ended.end_reason, ended.set_by) == ("bob", "talks are over", "ann")
    assert store.overrides() == [ended]


def test_setting_and_ending_are_audited_with_before_and_after(store: Store) -> None:
    put(store)
    store.end_override("1", "bob", "over", "k2")
    first, second = store.audit()
    assert first["before"] is None and first["after"]["sku"] == "A" and first["after"]["override"] == "PRICE_FREEZE"
    assert (second["subject"], second["actor"], second["before"]) == ("override:OV-000001", "bob", first["after"])
    assert (second["after"]["kind"], second["after"]["version"]) == ("override_ended", 2)


def test_a_key_retried_has_one_effect_and_with_another_body_is_refused(store: Store) -> None:
    assert len({put(store) for _ in range(10)}) == 1
    for other in ({"scope": Scope(sku="B")}, {"reason": "other"}, {"days": (TODAY, TODAY)}, {"by": "bob"}):
        with pytest.raises(PricingError, match="key k was used for another request: override_set"):
            put(store, **other)
    ended = [store.end_override("1", "bob", "over", "e") for _ in range(10)]
    assert len(set(ended)) == 1 and len(store.events()) == len(store.audit()) == 2
    with pytest.raises(PricingError, match="key e was used for another request: override_ended"):
        put(store, "e")
    assert put(store, today=SPAN[1] + timedelta(days=9)).id == "OV-000001", "a retry after it expired"


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"days": SPAN[::-1]}, "ends on 2026-11-21, before it begins on 2026-11-30"),
    ({"days": (date(2026, 1, 1), date(2026, 11, 20))}, "lies wholly in the past: it ends on 2026-11-20"),
    ({"reason": " "}, "reason is empty"),
    ({"by": ""}, "by is empty"),
    ({"kind": "FREEZE"}, "FREEZE is no kind"),
]


def test_what_makes_no_sense_is_refused_and_leaves_nothing(store: Store) -> None:
    for asked, what in SENSELESS:  # one store for all: a database takes longer than a test
        with pytest.raises(PricingError, match=what) as refused:
            put(store, **asked)
        assert refused.value.remedy
    assert store.overrides() == [] and store.audit() == []


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ({}, "names no SKU, category or market"),
        ({"sku": " "}, "its sku is empty"),
        ({"sku": "A", "category": "HOME"}, "a SKU and a category at once"),
        ({"market": "UK", "everything": True}, "everything and one market at once"),
    ],
)
def test_a_scope_says_what_it_is_about(names: dict[str, Any], what: str) -> None:
    with pytest.raises(PricingError, match=what):
        Scope(**names)


@pytest.mark.parametrize("text", ["", "A", "OV-", "OV-0", "12a", "OV-99999999999999"])
def test_an_id_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PricingError, match="is no id of an override"):
        identity(text)


def test_the_second_to_end_an_override_is_told_who_was_first(store: Store) -> None:
    with pytest.raises(PricingError, match="no override is named OV-000007"):
        store.end_override("7", "ann", "r", "k7")
    put(store)
    with pytest.raises(PricingError, match="override OV-000001 is at version 1, last changed by ann, not at 2"):
        store.end_override("1", "bob", "over", "k2", expected_version=2)
    store.end_override("1", "bob", "over", "k3", expected_version=1)
    with pytest.raises(PricingError, match=r"override OV-000001 was ended by bob at .* UTC: over"):
        store.end_override("1", "cleo", "mine", "k4")


def test_of_eight_people_ending_one_override_one_does(url: str) -> None:
    with governance.open_store(url) as store:
        put(store)

    def person(number: int) -> bool:
        with governance.open_store(url) as mine:
            try:
                mine.end_override("1", f"p{number}", "over", f"k{number}")
            except PricingError as error:
                assert "was ended by p" in str(error)
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(person, range(8))) == 1


def test_ids_go_on_past_a_million(store: Store) -> None:
    """The number after the last id set, not one more than there are."""
    from pricing_assets.governance import ledger, overrides

    request = ledger.Request("set", "PRICE_FREEZE", "ann", "r", "k0")
    said = overrides.terms("PRICE_FREEZE", Scope(sku="A"), *SPAN)
    with store._database.writing() as connection:
        ledger.append(connection, "override:OV-999999", request, overrides.SET, said)
    assert [put(store, "k1").id, put(store, "k2").id] == ["OV-1000000", "OV-1000001"]


def test_a_database_of_the_version_before_is_migrated_with_what_it_holds(url: str) -> None:
    old = sa.create_engine(sa.make_url(url.replace("postgresql://", "postgresql+psycopg://")))
    with old.begin() as connection:  # a store as revision 0001 left it
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO events (stream, version, kind, payload, actor, reason, idempotency_key, request,"
                " recorded_at) VALUES ('strategy:s', 1, 'strategy_activated', '{}', 'ann', 'r', 'k0', 'x',"
                " '2026-11-01T00:00:00.000000+00:00')"
            )
        )
    old.dispose()
    with governance.open_store(url) as store:
        assert [event.stream for event in store.events()] == ["strategy:s"]
        assert put(store).id == "OV-000001"


def test_the_store_is_exported_for_analysts(store: Store) -> None:
    from pricing_assets.tables.governance import Audit, Events, Overrides

    put(store)
    put(store, "k2", scope=Scope(category="HOME"))
    store.end_override("2", "bob", "over", "k3")
    rows = governance.exported(store, TODAY)
    assert rows[Overrides].select("override_id", "sku", "category", "state", "ended_by").rows() == [
        ("OV-000001", "A", None, "active", None),
        ("OV-000002", None, "HOME", "ended", "bob"),
    ]
    assert rows[Events]["kind"].to_list() == ["override_set", "override_set", "override_ended"]
    assert rows[Audit]["before"].null_count() == 2
