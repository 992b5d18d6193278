"""The publishing station: a decided day goes out, is compared, and warns; what asks for a pass and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from tiny_shop import DAYS, FIRST, Begin, Line, Shop
from unadorned import unadorned

from pricing_assets.governance import Proposal
from pricing_assets.pricing.queue import queue
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import Publications

TRIAL = """strategy: trial
type: rules
priority: 10
rules: [{name: less, then: {multiply: 0.95}}]
autonomy: {mode: manual}
"""
CUT_OFF = datetime(2026, 3, 3, 6, tzinfo=UTC)
"""Of the second day."""


def publish(line: Line, *days: Any) -> Any:
    from pricing_assets.defs import executions, publishing

    with unadorned():
        return dg.materialize(
            [publishing.publications, publishing.reconciliations],
            partition_key=str(days[0]) if len(days) == 1 else None,
            tags=executions.range_tags(list(days)) if len(days) > 1 else None,
            resources={"platform": line.platform()},
            instance=line.instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def test_decided_days_go_out_and_what_is_charged_is_compared(line: Line, begin: Begin) -> None:
    begin(line, DAYS[0], DAYS[1])
    result = publish(line, *DAYS[:2])
    assert result.success
    sent = line.lake.read(Publications)
    book = line.lake.read(PriceBook)
    assert book.height and sent.filter(state="live").height == book.height, "history has its own moments"
    (check,) = result.get_asset_check_evaluations()
    assert check.check_name == "charged_as_sent" and not check.passed, "a history never charges what we send"
    assert check.severity == dg.AssetCheckSeverity.WARN
    (shown,) = result.asset_materializations_for_node("reconciliations")[-1:]
    assert shown.metadata["mismatches by day"].value.endswith("mismatches on 1 days")
    assert shown.metadata["mismatches"].value.records[0].data["message"].startswith("sent was ")
    again = publish(line, *DAYS[:2])
    assert again.success and line.lake.read(Publications).equals(sent), "once"


def test_the_daily_job_decides_and_the_publishing_job_sends(location: object) -> None:
    from pricing_assets.definitions import defs

    def keys(job: str) -> set[str]:
        layer = defs().resolve_job_def(job).asset_layer
        return {key.to_user_string() for key in layer.executable_asset_keys}

    assert keys("publish") == {"publishing/publications", "publishing/reconciliations"}
    assert not keys("daily") & keys("publish") and "decisions/price_book" in keys("daily")


@pytest.fixture
def live(line: Line, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Line:
    """The shop as one that goes on, at the cut-off of its second day."""
    from pricing_assets.defs import publishing

    shop.goes_on(DAYS[1])
    line.clock = lambda: CUT_OFF - timedelta(hours=3)
    monkeypatch.setattr(publishing, "SOURCE", shop.load())
    return line


def ask(line: Line, at: datetime, what: str = "unsettled") -> Any:
    from pricing_assets.defs import publishing

    line.clock = lambda: at
    resources = {"platform": line.platform()}
    if what == "unsettled":
        return publishing.unsettled(dg.build_sensor_context(instance=line.instance, resources=resources))
    context = dg.build_schedule_context(line.instance, scheduled_execution_time=at, resources=resources)
    return publishing.at_cut_off(context)


def test_a_pass_is_asked_for_while_prices_wait_and_no_longer(live: Line, begin: Begin) -> None:
    begin(live, FIRST, DAYS[1])
    assert ask(live, CUT_OFF - timedelta(hours=1)).skip_message == "nothing waits"
    assert ask(live, CUT_OFF, "at_cut_off").partition_key == "2026-03-02"
    assert ask(live, CUT_OFF).partition_key == "2026-03-02"
    assert publish(live, DAYS[1]).success
    assert ask(live, CUT_OFF).skip_message == "nothing waits"
    files = list((live.home / "outbox" / "UK" / "acks").parent.glob("*.csv"))
    assert files, "handed over"
    (live.home / "outbox" / "UK" / "acks" / "a.csv").write_text("sku,market,price,status\n")
    assert ask(live, CUT_OFF).partition_key == "2026-03-02", "an acknowledgement waits"


def test_history_and_a_shop_that_publishes_nothing_ask_for_no_pass(line: Line, live: Line, shop: Shop) -> None:
    shop.settings(historical=None, last_day=None, publish=False)
    assert "publish: false" in ask(live, CUT_OFF).skip_message
    shop.settings()
    assert "is history" in ask(live, CUT_OFF, "at_cut_off").skip_message


def test_what_a_person_approves_between_run_and_cut_off_goes_out_with_the_day(live: Line) -> None:
    with live.platform().store as store:
        store.activate(TRIAL, "ann", "trial", "activate")
    assert live.run(FIRST).success
    assert live.run(DAYS[1]).success
    asked = queue(live.lake, live.platform().store.desk.reviews(), CUT_OFF.date())
    row = asked.sort("sku", "market").row(0, named=True)
    said = {name: row[name] for name in Proposal.__dataclass_fields__ if name in row}
    proposal = Proposal(**said, day=row["date"], binds_until=CUT_OFF.date() + timedelta(days=row["days"]))
    live.platform().store.desk.decide("ann", proposal, "approve", "fine", "once", today=CUT_OFF.date())
    live.ended()
    assert ask(live, CUT_OFF - timedelta(minutes=5)).partition_key == "2026-03-02", "an answer waits"
    assert publish(live, DAYS[1]).success
    assert ask(live, CUT_OFF - timedelta(minutes=4)).skip_message == "nothing waits"
    (entry,) = live.lake.read(PriceBook).to_dicts()
    assert (entry["sku"], entry["price"], entry["review_id"] is None) == (row["sku"], row["price"], False)
    ask(live, CUT_OFF)
    live.ended()
    assert publish(live, DAYS[1]).success
    sent = live.lake.read(Publications).filter(sku=row["sku"], market=row["market"])
    assert "sent" in sent["state"].cast(str).to_list()
