"""A draft strategy on past days: what it would have decided, beside what stands, and what both were expected to earn.

Here: deciding each day again with the draft, row by row comparison, its sums. Not here: reading a day (recorded), the
response model both are judged under (referee), printing and drawing (the shell).

Day by day from the prices really in force: a price the draft would have set on one day is not the price the next day
starts from. So days are looked at beside each other and their profits of 28 days, which overlap, are averaged, never
added up. Overrides and severe anomalies bind the draft as they bound the live decision. People's answers are about
prices of the text that was in force: they bind another text no more where it prices. No winner is declared: what a
difference is worth is for a person to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import expired
from pricing_assets.pricing.basis import LOGIC_VERSION
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.outlook import KEY, Outlook
from pricing_assets.pricing.recorded import Recorded
from pricing_assets.pricing.referee import Referee, judge, published, referee
from pricing_assets.strategies import Strategy, claims, conflicts
from pricing_assets.strategies.claims import REMEDY
from pricing_assets.tables import money
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts

LEVEL = 1.2815515655446004  # standard deviations from the middle to either end of an 80 % range
BY = ("category", "market", "currency")
_SUMS = ("live_profit", "draft_profit", "difference", "published_difference", "by_elasticity", "by_others")
_SIDES = ("price", "action", "reason", "strategy")
_AMOUNTS = dict.fromkeys(("current_price", "live_price", "draft_price"), money.AT_REST)
_SCHEMA: dict[str, Any] = {
    **{"date": pl.Date, "sku": pl.String, "market": pl.String, "category": pl.String, "currency": pl.String},
    **_AMOUNTS,
    **{f"{side}_{name}": pl.String for name in _SIDES[1:] for side in ("live", "draft")},
    **dict.fromkeys(_SUMS, pl.Float64),
}

Tell = Callable[[str, int, int], None]
"""Told before each day is decided: the day, its number, how many there are."""


@dataclass(frozen=True)
class Backtest:
    """A draft beside what stands. `rows` has one row per decision that stands on the days compared.

    `claimed` is how many of them the draft would have priced. Days `left_out` come with the reason why. Of the days
    compared, `foreseen` had the referee's estimate themselves, or a newer one.
    """

    draft: Strategy
    days: list[date]
    left_out: list[tuple[date, str]]
    claimed: int
    foreseen: int
    referee: Referee
    rows: pl.DataFrame

    def summary(self, by: Sequence[str] = BY) -> pl.DataFrame:
        """Rows and prices that differ, and what is expected to be earned over 28 days: the mean of the days."""
        rows = self.rows.with_columns(
            live_changed=_differ("live_price", "current_price"),
            draft_changed=_differ("draft_price", "current_price"),
            other_price=_differ("live_price", "draft_price"),
            other_action=_differ("live_action", "draft_action"),
            percent=(_float("draft_price") / _float("live_price") - 1) * 100,
        )
        counts = rows.group_by(by, maintain_order=True).agg(
            pl.len().alias("rows"),
            pl.col("live_changed", "draft_changed", "other_price", "other_action").sum(),
            pl.col("percent").mean().alias("mean_price_difference_pct"),
            pl.col("difference").is_null().sum().alias("not_judged"),
        )
        return counts.join(averaged(self.rows, by), on=by, how="left", nulls_equal=True).sort(by)

    def by_day(self) -> pl.DataFrame:
        """Expected profit of each day's 28 days, by currency: live, draft, the difference with its range."""
        return averaged(self.rows, ["date", "currency"])

    def top(self, number: int) -> pl.DataFrame:
        """The SKU-markets whose price differs and whose difference in profit is largest, `number` of each currency."""
        differ = self.rows.filter(_differ("live_price", "draft_price"))
        keys = ["sku", "market", "category", "currency"]
        last = differ.group_by(keys, maintain_order=True).agg(
            pl.len().alias("days"), pl.col("current_price", "live_price", "draft_price").last()
        )
        found = last.join(averaged(differ, keys).drop("days"), on=keys, how="left", nulls_equal=True)
        order = ["currency", pl.col("difference").abs(), "sku", "market"]
        found = found.sort(order, descending=[False, True, False, False], nulls_last=True)
        return found.group_by("currency", maintain_order=True).head(number).select(last.columns + _MEANS)


_MEANS = ["live_profit", "draft_profit", "difference", "low", "high", "published_difference"]


def averaged(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """What both sides earn in each group, the mean of its days; low and high are the 80 % range of the difference.

    Within a category and market, on all days, the elasticity is off alike; between them independently.
    """
    rows = rows.drop_nulls("difference").sort(KEY)
    cluster = list(dict.fromkeys([*by, "category", "market"]))
    days = rows.group_by(by, maintain_order=True).agg(pl.col("date").n_unique().alias("days"))
    sums = rows.group_by(cluster, maintain_order=True).agg(pl.col(_SUMS).sum())
    doubt = (pl.col("by_elasticity") ** 2 + pl.col("by_others") ** 2).sum().sqrt().alias("doubt")
    sums = sums.group_by(by, maintain_order=True).agg(pl.col(_SUMS[:4]).sum(), doubt)
    found = sums.join(days, on=by, nulls_equal=True)
    found = found.with_columns(pl.col(*_SUMS[:4], "doubt") / pl.col("days"))
    away = LEVEL * pl.col("doubt")
    found = found.with_columns(low=pl.col("difference") - away, high=pl.col("difference") + away)
    return found.select(*by, "days", *(pl.col(name).round(4) for name in _MEANS)).sort(by)


def _float(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64)


def _differ(one: str, other: str) -> pl.Expr:
    return pl.col(one).ne_missing(pl.col(other))


def backtest(lake: Lake, draft: Strategy, first: date, last: date, tell: Tell = lambda *_: None) -> Backtest:
    """Decides the standing days from `first` to `last` again with the draft, and compares.

    The draft stands in for the strategy of its name, or joins the others. Raises PricingError where no day of the range
    stands or none of them can be compared, and where the draft and a strategy of a day claim one SKU at equal priority.
    """
    standing = [row for row in manifests.standing(lake).to_dicts() if first <= row["date"] <= last]
    if not standing:
        raise PricingError(
            f"no day from {first} to {last} was ever decided",
            f"`pricing run --from {first} --to {last}` decides them; `pricing status` says which days stand",
        )
    decided = {row["date"] for row in standing}
    span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    left_out = [(day, "never decided") for day in span if day not in decided]
    judges = referee(lake), published()
    parts, days, claimed, foreseen = [pl.DataFrame(schema=_SCHEMA)], [], 0, 0
    for number, row in enumerate(standing):
        tell(str(row["date"]), number, len(standing))
        found = _read(Recorded(lake, row))
        if isinstance(found, str):
            left_out.append((row["date"], found))
            continue
        parts.append(_compared(found, _with(draft, found), judges))
        days.append(row["date"])
        claimed += parts[-1].filter(draft_strategy=draft.name).height
        foreseen += found.sees(judges[0].estimated_on)
    if not days:
        day, why = left_out[-1]
        raise PricingError(
            f"none of the days from {first} to {last} can be compared; {day}: {why}",
            "name days of this release that traded; `pricing status` says which stand",
        )
    return Backtest(draft, days, sorted(left_out), claimed, foreseen, judges[0], pl.concat(parts))


class _Day(NamedTuple):
    """One day with all it was decided from."""

    recorded: Recorded
    strategies: list[Strategy]
    snapshot: pl.DataFrame
    before: Interventions
    known: Outlook
    decisions: pl.DataFrame
    estimated_on: date | None

    def sees(self, estimated_on: date | None) -> bool:
        """Whether the day already had an estimate of that day, or a newer one."""
        return bool(estimated_on and self.estimated_on and self.estimated_on >= estimated_on)


def _read(recorded: Recorded) -> _Day | str:
    """The day, or why it cannot be compared."""
    if recorded.row["basis"] is None:
        return "no trade, so nothing was decided"
    if recorded.row["status"] == "expired":
        on = expired(recorded.lake, [recorded.day])[recorded.day]
        return f"expired on {on:%Y-%m-%d}: decisions of that age are no longer kept"
    logic = recorded.settings.get("logic")
    if logic != LOGIC_VERSION:
        return f"decided by an older release (logic {logic}, now {LOGIC_VERSION}): other code, other prices"
    try:
        missing = [table for table in (FeatureSnapshots, DemandForecasts) if recorded.rows(table).is_empty()]
        if missing:
            return f"no {missing[0].table_name()} of the day is recorded"
        return _Day(
            recorded,
            recorded.strategies,
            recorded.rows(FeatureSnapshots),
            recorded.before(recorded.rows(PriceAnomalies)),
            recorded.outlook(learned=True),
            recorded.decisions(),
            recorded.estimated_on(),
        )
    except PricingError as error:
        return error.what


def _with(draft: Strategy, day: _Day) -> list[Strategy]:
    """The strategies of the day, the draft for the one of its name or beside them."""
    others = [each for each in day.strategies if each.name != draft.name]
    if found := [each for each in conflicts([draft, *others]) if draft.name in (each.first, each.second)]:
        raise PricingError(f"{day.recorded.day}: {found[0]}", REMEDY)
    return [draft, *others]


def _compared(day: _Day, strategies: Sequence[Strategy], judges: tuple[Referee, Referee]) -> pl.DataFrame:
    """One row per decision that stands, with the draft's beside it and what both earn."""
    basis = day.recorded.row["basis"]
    before = _before(day, strategies)
    decided = day.recorded.decide(day.snapshot, strategies, before, day.known, basis).decisions
    sides = [_side(day.decisions, "live").with_columns(day.decisions["currency", "current_price", "cost"])]
    sides.append(_side(decided, "draft"))
    rows = sides[0].join(sides[1], on=KEY, how="left", maintain_order="left")
    categories = day.snapshot.select(*KEY, "category")
    rows = rows.join(categories, on=KEY, how="left", maintain_order="left")
    hindsight, second = (judge(rows, day.known, each) for each in judges)
    rows = rows.with_columns(
        live_profit=hindsight.live,
        draft_profit=hindsight.draft,
        difference=(hindsight.draft - hindsight.live).round(4),
        published_difference=(second.draft - second.live).round(4),
        by_elasticity=hindsight.by_elasticity,
        by_others=hindsight.by_others,
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def _before(day: _Day, strategies: Sequence[Strategy]) -> Interventions:
    """What went before the strategies; of people's answers not those about rows that another text prices now."""
    draft = strategies[0]
    if day.before.reviews.is_empty() or draft.hash in {each.hash for each in day.strategies}:
        return day.before
    effective = day.snapshot.with_columns(pl.col("date").dt.offset_by("1d"))
    mine = day.snapshot.filter(claims(strategies, effective) == 0)
    others = day.before.reviews.join(mine, on=KEY, how="anti", maintain_order="left")
    return replace(day.before, reviews=others)


def _side(decisions: pl.DataFrame, side: str) -> pl.DataFrame:
    """What one side decided, its columns named for it."""
    named = decisions.with_columns(price="final_price")
    return named.select(*KEY, *(pl.col(name).alias(f"{side}_{name}") for name in _SIDES))
