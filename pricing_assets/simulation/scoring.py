"""How well alarms find what was planted: recall and precision by effect size and by reason.

Here: the rule by which an alarm counts as right. Not here: reading labels and alarms, or showing the score.

- An episode counts if all its days were decided. It is found if a row of its own reason lies on any of its days.
- An alarm is all rows of one cause. It is true if at least half its rows lie in a labelled episode of the same SKU and
  market, under the episode's reason or one that follows from it (thresholds.FOLLOWS_FROM). All others are false, also
  those about something real that was never labelled, as a stock-out or a large change of cost.
- An episode's size is what was planted; an alarm's size is its largest deviation as a multiple of its threshold. So
  precision by size asks: of the alarms that look this large, how many are right?
- A quiet day is a day of a SKU in a market without a label.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from pricing_assets.anomalies.thresholds import FOLLOWS_FROM, LOSS_STEP
from pricing_assets.tables.anomalies import REASONS

SIZES = (0.0, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 2.5)
"""From which effect size on each bin reaches, up to the next; finest at the threshold, where finding is hardest."""

LARGE = 1.5
"""From this multiple of the threshold on, alarms are held to the bars of DESIGN.md."""

PER = 10_000
_CELL = ["sku", "market"]
_KEY = ["date", *_CELL]
COUNTS = {"episodes": pl.Int64, "found": pl.Int64, "alarms": pl.Int64, "right": pl.Int64}


class Score(NamedTuple):
    """What was found and what was false.

    `by_size` (from, to) and `by_reason` (reason; of sizes from LARGE on) have episodes, found, recall, alarms, right
    and precision, null where nothing is counted; `overall` has recall and precision of LARGE sizes, precision of all
    alarms, and false alarms per 10,000 quiet days.
    """

    by_size: pl.DataFrame
    by_reason: pl.DataFrame
    overall: dict[str, float | int | None]


def score(labels: pl.DataFrame, anomalies: pl.DataFrame, listed: pl.DataFrame) -> Score:
    """Compare labels with rows of anomalies.price_anomalies on the days decided.

    `listed` has date, sku and market of every decision: its days are the days decided.
    """
    decided = listed.select("date").unique()
    labels, anomalies = (
        frame.with_columns(pl.col("reason").cast(pl.String)).join(decided, on="date", how="semi")
        for frame in (labels.with_columns(days=pl.len().over("episode_id")), anomalies)
    )
    episodes, alarms = _episodes(labels, anomalies), _alarms(labels, anomalies)
    large = (frame.filter(pl.col("size") >= LARGE) for frame in (episodes, alarms))
    return Score(_by_size(episodes, alarms), _by_reason(*large), _overall(episodes, alarms, labels, listed))


def _episodes(labels: pl.DataFrame, anomalies: pl.DataFrame) -> pl.DataFrame:
    """Episodes that were decided from their first day to their last: reason, size, found."""
    hit = anomalies.select(*_KEY, "reason").unique().with_columns(hit=pl.lit(True))
    rows = labels.join(hit, on=[*_KEY, "reason"], how="left")
    episodes = rows.group_by("episode_id", "days", "reason", size="effect_size").agg(
        found=pl.col("hit").is_not_null().any(), decided=pl.len()
    )
    return episodes.filter(pl.col("decided") == pl.col("days")).select("reason", "size", "found")


def _alarms(labels: pl.DataFrame, anomalies: pl.DataFrame) -> pl.DataFrame:
    """One row per cause: reason, size, right."""
    pairs = [(reason, reason) for reason in REASONS]
    pairs += [(reason, first) for reason, firsts in FOLLOWS_FROM.items() for first in firsts]
    answers = pl.DataFrame(pairs, schema=["reason", "labelled"], orient="row").with_columns(answers=pl.lit(True))
    label = labels.select(*_KEY, labelled="reason").unique()
    rows = anomalies.join(label, on=_KEY, how="left").join(answers, on=["reason", "labelled"], how="left")
    value, threshold = pl.col("value"), pl.col("threshold")
    size = pl.when(threshold > 0).then(value / threshold).otherwise(1 + value / LOSS_STEP)
    return rows.group_by("cause", "reason").agg(
        size=size.max().fill_null(0.0), right=pl.col("answers").is_not_null().mean() >= 0.5
    )


def _by_size(episodes: pl.DataFrame, alarms: pl.DataFrame) -> pl.DataFrame:
    bins = [_named(start, end, episodes, alarms) for start, end in zip(SIZES, (*SIZES[1:], None), strict=True)]
    return _shares(pl.DataFrame(bins, schema={"from": pl.Float64, "to": pl.Float64, **COUNTS}, orient="row"))


def _named(
    start: float, end: float | None, episodes: pl.DataFrame, alarms: pl.DataFrame
) -> tuple[float, float | None, int, int, int, int]:
    within = (pl.col("size") >= start) & (pl.col("size") < (float("inf") if end is None else end))
    return (start, end, *_counts(episodes.filter(within), alarms.filter(within)))


def _by_reason(episodes: pl.DataFrame, alarms: pl.DataFrame) -> pl.DataFrame:
    rows = [
        (reason, *_counts(episodes.filter(pl.col("reason") == reason), alarms.filter(pl.col("reason") == reason)))
        for reason in REASONS
    ]
    return _shares(pl.DataFrame(rows, schema={"reason": pl.String, **COUNTS}, orient="row"))


def _counts(episodes: pl.DataFrame, alarms: pl.DataFrame) -> tuple[int, int, int, int]:
    return episodes.height, int(episodes["found"].sum()), alarms.height, int(alarms["right"].sum())


def _shares(counts: pl.DataFrame) -> pl.DataFrame:
    """Recall and precision beside their counts; null where there is nothing to divide by."""
    return counts.with_columns(
        recall=pl.when(pl.col("episodes") > 0).then(pl.col("found") / pl.col("episodes")),
        precision=pl.when(pl.col("alarms") > 0).then(pl.col("right") / pl.col("alarms")),
    )


def _overall(
    episodes: pl.DataFrame, alarms: pl.DataFrame, labels: pl.DataFrame, listed: pl.DataFrame
) -> dict[str, float | int | None]:
    quiet = listed.join(labels, on=_KEY, how="anti").height
    false = alarms.filter(~pl.col("right")).height
    large_episodes, large_alarms = (frame.filter(pl.col("size") >= LARGE) for frame in (episodes, alarms))
    return {
        "days": listed["date"].n_unique(),
        "quiet_days": quiet,
        "episodes": large_episodes.height,
        "recall": _share(large_episodes["found"]),
        "alarms": large_alarms.height,
        "precision": _share(large_alarms["right"]),
        "precision_of_all": _share(alarms["right"]),
        "false_alarms": false,
        "false_alarms_per_10k": PER * false / quiet if quiet else None,
    }


def _share(hits: pl.Series) -> float | None:
    return float(hits.mean()) if hits.len() else None  # type: ignore[arg-type]
