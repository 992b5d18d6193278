"""What people decided, for analysts. The store itself is governance/, in SQL.

Strategies are kept in the lake, day by day, for replay. The other tables are exported whole into analytics.duckdb at
each refresh and nowhere else: names and free text stay where they can be erased.
"""

from __future__ import annotations

import dataframely as dy

from pricing_assets.tables.base import Table, currency, day, identifier, moment, money
from pricing_assets.tables.decisions import ANSWERS, MODES, OVERRIDE_KINDS

OVERRIDE_STATES = ["active", "scheduled", "expired", "ended"]
DRIFT_STATES = ["open", "approved", "rejected", "expired", "superseded", "training", "validated", "finished"]
LATE_STATES = ["open", "closed"]
REVIEW_STATES = ["standing", "expired", "withdrawn"]
RESULTS = ["promoted", "kept", "failed"]


class Strategies(Table):
    """One row per strategy in force when the day was decided, with its whole text: replay needs nothing else."""

    kept = "audit"

    date = day()
    name = identifier("name of the strategy")
    version = dy.Int64(min=1, description="counts the activations of this strategy", metadata={"provenance": True})
    hash = identifier("SHA-256 of the text", key=False)
    priority = dy.Int64(description="the highest claims the SKU")
    text = dy.String(description="the strategy as activated, YAML")
    activated_by = dy.String(description="who activated it", metadata={"provenance": True})


class Events(Table):
    """One row per thing a person or the platform decided or proposed, in the order it was recorded."""

    seq = dy.Int64(primary_key=True, min=1, description="order of recording, over all streams")
    stream = identifier(
        "what it is about: strategy:NAME, override:ID, approval:NAME, review:DECISION, autonomy:SCOPE, rollback:ID, "
        "late:DAY",
        key=False,
    )
    version = dy.Int64(min=1, description="counts the events of its stream")
    kind = identifier("what happened, e.g. override_set", key=False)
    payload = dy.String(description="what it says, as JSON")
    actor = identifier("on whose word", key=False)
    reason = dy.String(description="why, in the person's own words")
    recorded_at = moment("when it was recorded, UTC")


class Audit(Table):
    """One row per change: who, what, and the state of its subject before and after."""

    seq = dy.Int64(primary_key=True, min=1, description="order of recording")
    event_seq = dy.Int64(min=1, description="the event that made the change")
    subject = identifier("what was changed: the stream of the event", key=False)
    actor = identifier("on whose word", key=False)
    action = identifier("what was done: the kind of the event", key=False)
    before = dy.String(nullable=True, description="state before, as JSON; null where there was none")
    after = dy.String(description="state after, as JSON")
    recorded_at = moment("when it was recorded, UTC")


class Overrides(Table):
    """One row per override ever set, as it stands when exported."""

    override_id = identifier("override, e.g. OV-000012")
    kind = dy.Enum(OVERRIDE_KINDS, description="PRICE_FREEZE or FORCE_RULE_BASED")
    sku = dy.String(nullable=True, description="only this SKU; null for any")
    category = dy.String(nullable=True, description="only SKUs of this category; null for any")
    market = dy.String(nullable=True, description="only this market; null for any")
    active_from = dy.Date(description="first effective day")
    active_until = dy.Date(description="last effective day")
    state = dy.Enum(OVERRIDE_STATES, description="what it was when exported, on the day the next prices take effect")
    set_by = identifier("on whose word", key=False)
    set_at = moment("when it was set, UTC")
    reason = dy.String(description="why it was set")
    ended_by = dy.String(nullable=True, description="who ended it before it expired; null where nobody did")
    ended_at = moment("when it was ended, UTC; null where nobody did", nullable=True)
    end_reason = dy.String(nullable=True, description="why it was ended; null where nobody did")


class Reviews(Table):
    """One row per answer to a price, as it stands when exported: what was asked, who answered, and why."""

    review_id = identifier("answer, e.g. RV-000012")
    decision_id = identifier("decision that was answered", key=False)
    date = dy.Date(description="day decided")
    sku = identifier("stock keeping unit", key=False)
    market = identifier("market", key=False)
    category = dy.String(nullable=True, description="category; null where it has none")
    current_price = money("price in force when it was decided; null where unknown", nullable=True)
    proposed_price = money("price it was about")
    currency = currency()
    confidence = dy.Float64(nullable=True, description="confidence of the decision; null where unknown")
    mode = dy.Enum(MODES, nullable=True, description="mode in force; null without")
    threshold = dy.Float64(nullable=True, description="threshold in force; null without")
    audit = dy.Bool(description="whether it was published without asking, and drawn for the blind audit")
    answer = dy.Enum(ANSWERS, description="approved, rejected, or amended: another price approved instead")
    price = money("price it binds; null where rejected", nullable=True)
    binds_until = dy.Date(description="last effective day it counts on")
    state = dy.Enum(REVIEW_STATES, description="standing, expired or withdrawn, on the day of the next prices")
    answered_by = identifier("on whose word", key=False)
    answered_at = moment("when, UTC")
    reason = dy.String(description="why")
    group = dy.String(nullable=True, description="key of the bulk answer it was part of; null alone")
    withdrawn_by = dy.String(nullable=True, description="who took it back; null where nobody did")
    withdrawn_at = moment("when it was taken back, UTC; null where it was not", nullable=True)
    withdrawal_reason = dy.String(nullable=True, description="why it was taken back; null where it was not")


class Autonomy(Table):
    """One row per category and market with verdicts or a tightening: what people say of what autonomy publishes."""

    scope = identifier("CATEGORY/MARKET; * is any, (none) has no category")
    category = dy.String(nullable=True, description="category, empty where of none; null for any")
    market = dy.String(nullable=True, description="market; null for any")
    mode = dy.Enum(MODES, nullable=True, description="the loosest mode governance leaves; null where it leaves each")
    threshold = dy.Float64(nullable=True, description="the lowest threshold it leaves; null where it leaves each")
    claimed = dy.Float64(nullable=True, description="the threshold that verdicts are held against; null without any")
    approved = dy.Int64(min=0, description="verdicts that approved what the threshold would publish")
    rejected = dy.Int64(min=0, description="verdicts that did not")
    audited_approved = dy.Int64(min=0, description="of those given blind, the ones that approved")
    audited_rejected = dy.Int64(min=0, description="of those given blind, the ones that did not")
    rate_low = dy.Float64(nullable=True, description="lower end of the likely rate of approval (5 %); null without any")
    rate_high = dy.Float64(nullable=True, description="upper end (95 %); null without any")
    said_by = dy.String(nullable=True, description="on whose word it stands so; null where nobody said anything")
    said_at = moment("when, UTC; null where nobody said anything", nullable=True)
    reason = dy.String(nullable=True, description="why; null where nobody said anything")


class LateDays(Table):
    """One row per day that did not stand when it was due: since when it does, and how late that was."""

    date = dy.Date(primary_key=True, description="business day that was late")
    due = moment("when it had to stand, UTC")
    state = dy.Enum(LATE_STATES, description="open while it does not stand, closed since it does")
    opened_at = moment("when it was found to be late, UTC")
    stood_at = moment("when it stood at last, UTC; null while it does not", nullable=True)
    late_seconds = dy.Int64(nullable=True, min=0, description="how late it stood; null while it does not")


class DriftEvents(Table):
    """One row per drift event, as it stands when exported: what was found, who answered, what came of it."""

    event_id = identifier("drift event, e.g. drift-12")
    model = identifier("model it is about", key=False)
    champion = dy.Int64(nullable=True, min=1, description="version in force when it was found; null before the first")
    metric = identifier("what drifted, e.g. psi; schedule and first_start ask for a training without drift", key=False)
    segment = identifier("where", key=False)
    evidence = dy.String(description="what was measured, as JSON")
    reason = dy.String(description="why it was opened")
    state = dy.Enum(
        DRIFT_STATES,
        description="open, approved or rejected; expired unanswered, untrained or without a second word; superseded by "
        "a new champion; training, validated, finished",
    )
    opened_by = identifier("on whose word", key=False)
    opened_at = moment("when it was opened, UTC")
    expires = moment("until when it may be approved and claimed, UTC")
    answered_by = dy.String(nullable=True, description="who approved or rejected it; null where nobody did")
    answered_at = moment("when, UTC; null where nobody did", nullable=True)
    answer_reason = dy.String(nullable=True, description="why; null where nobody did")
    root_run_id = dy.String(nullable=True, description="the run that claimed the approval; null where none did")
    claimed_at = moment("when it was claimed, UTC; null where it was not", nullable=True)
    challenger = dy.Int64(nullable=True, min=1, description="version trained and validated; null where none was")
    artifact_hash = dy.String(nullable=True, description="SHA-256 of the challenger's files")
    report_hash = dy.String(nullable=True, description="SHA-256 of its validation report")
    outcome = dy.Enum(RESULTS, nullable=True, description="promoted, kept the old champion, or failed; null before")
    outcome_reasons = dy.String(nullable=True, description="why it ended so")
    ended_at = moment("when it ended, UTC; null before", nullable=True)
