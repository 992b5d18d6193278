"""The store's promises, on both databases: one effect per key, nothing lost, everything on record."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
import sqlalchemy as sa

from pricing_assets import governance, strategies
from pricing_assets.errors import PricingError
from pricing_assets.governance import Store, ledger
from pricing_assets.governance.database import Database

Text = Callable[..., str]


def test_an_activated_text_is_in_force(store: Store, text: Text) -> None:
    made = store.activate(text(), "ann", "spring sale", "k1")
    assert (made.name, made.version, made.priority, made.activated_by) == ("spring", 1, 1, "ann")
    assert made.text == text() and made.hash == strategies.parse(text()).hash
    assert abs(datetime.now(UTC) - made.activated_at) < timedelta(minutes=1)
    assert store.active() == [made]
    assert store.text(made.hash) == text()


def test_active_is_ordered_by_priority_then_name(store: Store, text: Text) -> None:
    for name, priority, sku in (("b", 1, "1"), ("a", 1, "2"), ("c", 9, "3")):
        store.activate(text(name, priority=priority, scope=f"{{sku: [{sku}]}}"), "ann", "r", f"k-{name}")
    assert [strategy.name for strategy in store.active()] == ["c", "a", "b"]


def test_a_key_retried_has_one_effect(store: Store, text: Text) -> None:
    results = [store.activate(text(), "ann", "r", "k") for _ in range(10)]
    assert len(set(results)) == 1
    assert len(store.history("spring")) == len(store.audit()) == 1


def test_a_retried_key_returns_its_own_result_even_when_later_ones_followed(store: Store, text: Text) -> None:
    first = store.activate(text(), "ann", "r", "k1")
    store.activate(text(factor=0.8), "ann", "r", "k2")
    assert store.activate(text(), "ann", "r", "k1") == first
    assert store.active()[0].version == 2


@pytest.mark.parametrize("other", [{"by": "bob"}, {"reason": "other"}, {"expected_version": 1}, {"factor": 0.7}])
def test_a_key_with_another_body_is_refused(store: Store, text: Text, other: dict[str, object]) -> None:
    store.activate(text(), "ann", "r", "k")
    request: dict[str, object] = {"by": "ann", "reason": "r", "key": "k", **other}
    body = text(factor=request.pop("factor", 0.9))
    with pytest.raises(PricingError, match="key k was used for another request: strategy_activated"):
        store.activate(body, **request)  # type: ignore[arg-type]
    with pytest.raises(PricingError, match="was used for another request"):
        store.rollback("spring", "ann", "r", "k")
    assert len(store.history("spring")) == 1


def test_a_stale_version_is_refused_by_name(store: Store, text: Text) -> None:
    store.activate(text(), "ann", "r", "k1", expected_version=0)
    with pytest.raises(PricingError, match=r"strategy spring is at version 1, last changed by ann, not at 0"):
        store.activate(text(factor=0.8), "bob", "r", "k2", expected_version=0)
    assert store.activate(text(factor=0.8), "bob", "r", "k3", expected_version=1).version == 2


def test_a_text_with_faults_changes_nothing(store: Store) -> None:
    with pytest.raises(strategies.StrategyError, match=r"draft.yaml:2:7: unknown type rulez"):
        store.activate("strategy: a\ntype: rulez\nrules: []\n", "ann", "r", "k", origin="draft.yaml")
    assert store.active() == [] and store.audit() == []


def test_a_conflict_names_both_strategies(store: Store, text: Text) -> None:
    store.activate(text("spring"), "ann", "r", "k1")
    with pytest.raises(PricingError, match="autumn and spring both claim category HOME at priority 1"):
        store.activate(text("autumn"), "ann", "r", "k2")
    store.activate(text("autumn", priority=2), "ann", "r", "k3")
    assert [strategy.name for strategy in store.active()] == ["autumn", "spring"]


def test_rollback_brings_back_the_previous_text_as_a_new_version(store: Store, text: Text) -> None:
    store.activate(text(factor=0.9), "ann", "r", "k1")
    store.activate(text(factor=0.8), "ann", "r", "k2")
    back = store.rollback("spring", "bob", "margin fell", "k3")
    assert (back.text, back.version, back.activated_by) == (text(factor=0.9), 3, "bob")
    assert store.rollback("spring", "bob", "margin fell", "k3") == back


def test_a_second_rollback_goes_further_back_not_forward(store: Store, text: Text) -> None:
    for number, factor in enumerate((0.9, 0.8, 0.7)):
        store.activate(text(factor=factor), "ann", "r", f"k{number}")
    assert store.rollback("spring", "bob", "too deep", "b1").text == text(factor=0.8)
    assert store.rollback("spring", "bob", "still too deep", "b2").text == text(factor=0.9)
    with pytest.raises(PricingError, match="has no version before this one"):
        store.rollback("spring", "bob", "on second thoughts", "b3")


def test_rollback_checks_conflicts_as_activation_does(store: Store, text: Text) -> None:
    store.activate(text("spring"), "ann", "r", "k1")
    store.activate(text("spring", priority=5), "ann", "r", "k2")
    store.activate(text("autumn"), "ann", "r", "k3")
    with pytest.raises(PricingError, match="both claim"):
        store.rollback("spring", "ann", "r", "k4")


def test_rollback_without_an_earlier_text_is_refused(store: Store, text: Text) -> None:
    with pytest.raises(PricingError, match="no strategy is named spring"):
        store.rollback("spring", "ann", "r", "k0")
    store.activate(text(), "ann", "r", "k1")
    with pytest.raises(PricingError, match="has no version before this one"):
        store.rollback("spring", "ann", "r", "k2")


def test_deactivation_and_back(store: Store, text: Text) -> None:
    store.activate(text(), "ann", "r", "k1")
    event = store.deactivate("spring", "bob", "season over", "k2", expected_version=1)
    assert store.deactivate("spring", "bob", "season over", "k2", expected_version=1) == event
    assert store.active() == []
    with pytest.raises(PricingError, match="spring is not active"):
        store.deactivate("spring", "bob", "season over", "k3")
    assert store.rollback("spring", "ann", "again", "k4").version == 3
    assert [event.kind for event in store.history("spring")] == [
        "strategy_activated",
        "strategy_deactivated",
        "strategy_rolled_back",
    ]


def test_the_audit_log_has_before_and_after(store: Store, text: Text) -> None:
    store.activate(text(factor=0.9), "ann", "r", "k1")
    store.activate(text(factor=0.8), "bob", "r", "k2")
    first, second = store.audit()
    assert first["before"] is None and second["before"] == first["after"]
    assert (second["actor"], second["subject"], second["after"]["version"]) == ("bob", "strategy:spring", 2)
    assert second["after"]["hash"] == strategies.parse(text(factor=0.8)).hash


@pytest.mark.parametrize("empty", ["by", "reason", "key"])
def test_nameless_decisions_are_refused(store: Store, text: Text, empty: str) -> None:
    with pytest.raises(PricingError, match=f"{empty} is empty"):
        store.activate(text(), **{"by": "ann", "reason": "r", "key": "k", empty: " "})


def test_the_default_is_activated_at_the_first_start_only(store: Store, text: Text) -> None:
    made = store.ensure_default()
    assert made and (made.name, made.activated_by) == ("default", "system")
    assert store.ensure_default() is None
    store.deactivate("default", "ann", "we have our own", "k")
    assert store.ensure_default() is None and store.active() == []


def test_a_store_opened_to_look_refuses_to_activate(url: str, text: Text) -> None:
    with governance.open_store(url) as store, pytest.raises(TypeError, match="opened to look only"):
        store.activate(text(), "ann", "r", "k")


def test_concurrent_activations_lose_nothing(url: str, text: Text) -> None:
    def person(number: int) -> int:
        done = 0
        with governance.open_store(url, strategies) as store:
            for round_no in range(6):
                name = f"s{(number + round_no) % 4}"
                body = text(name, factor=1 + number / 100, scope=f"{{sku: [{name}]}}")
                store.activate(body, f"p{number}", "r", f"{number}-{round_no}")
                store.activate(body, f"p{number}", "r", f"{number}-{round_no}")
                done += 1
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(person, range(8))) == 48
    with governance.open_store(url) as store:
        versions = [[event.version for event in store.history(f"s{number}")] for number in range(4)]
        assert all(found == list(range(1, len(found) + 1)) for found in versions)
        assert sum(len(found) for found in versions) == len(store.audit()) == 48


def test_of_concurrent_activations_on_one_version_one_wins(url: str, text: Text) -> None:
    def person(number: int) -> bool:
        with governance.open_store(url, strategies) as store:
            try:
                store.activate(text(factor=1 + number / 100), f"p{number}", "r", f"k{number}", expected_version=0)
            except PricingError:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(person, range(8))) == 1


def test_of_concurrent_conflicting_strategies_one_wins(url: str, text: Text) -> None:
    def person(number: int) -> bool:
        with governance.open_store(url, strategies) as store:
            try:
                store.activate(text(f"s{number}"), f"p{number}", "r", f"k{number}")
            except PricingError as error:
                assert "both claim" in str(error)
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(person, range(8))) == 1


def test_concurrent_first_starts_activate_one_default(url: str) -> None:
    def start(_: int) -> bool:
        with governance.open_store(url, strategies) as store:
            return store.ensure_default() is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(start, range(8))) == 1


def test_what_is_recorded_cannot_be_changed(url: str, text: Text) -> None:
    with governance.open_store(url, strategies) as store:
        store.activate(text(), "ann", "r", "k")
    database = Database(url)
    for table in ("events", "texts", "audit"):
        column = "text" if table == "texts" else "actor"
        for statement in (f"UPDATE {table} SET {column} = 'mallory'", f"DELETE FROM {table}"):
            with pytest.raises(PricingError, match=f"{table} is append-only"), database.writing() as connection:
                connection.execute(sa.text(statement))
    database.close()


def test_what_a_clock_set_back_has_dated_is_no_older_than_what_came_before_it(
    url: str, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Back(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime(1970, 1, 1, 0, 3, tzinfo=tz)

    with governance.open_store(url, strategies) as store:
        store.activate(text(), "ann", "r", "first")
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "datetime", Back)
            store.deactivate("spring", "ann", "over", "second")
        moment = datetime.now(UTC) - timedelta(days=1)
        assert store.audit_before(moment) == 0
        assert store.expire_audit(moment, by="system", reason="old", key="third") == 0
        assert len(store.audit()) == 2


def test_audit_rows_go_only_under_an_event_that_says_up_to_when(url: str, text: Text) -> None:
    with governance.open_store(url, strategies) as store:
        store.activate(text(), "ann", "r", "first")
        between = datetime.now(UTC)
        store.deactivate("spring", "ann", "over", "second")
        assert store.audit_before(between) == 1
        assert store.expire_audit(between, by="system", reason="old", key="third") == 1
        assert store.expire_audit(between, by="system", reason="old", key="third") == 0, "the same key, one effect"
        assert store.expire_audit(between, by="system", reason="old", key="fourth") == 0
        assert [row["action"] for row in store.audit()] == ["strategy_deactivated", "audit_expired"]
        assert [event.kind for event in store.events()][-1] == "audit_expired"
        assert store.events()[-1].payload["rows"] == 1
        assert len(store.events()) == 3, "events stay"
    database = Database(url)
    with pytest.raises(PricingError, match="audit is append-only"), database.writing() as connection:
        connection.execute(sa.text("DELETE FROM audit"))
    with pytest.raises(PricingError, match="audit is append-only"), database.writing() as connection:
        connection.execute(sa.text("UPDATE audit SET actor = 'mallory'"))
    database.close()
