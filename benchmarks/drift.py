"""Drift: false events in quiet years, and how soon a shift of demand by a fifth is noticed.

Run `python -m benchmarks.drift [--seeds 501-560] [--markets 501-506] [--plot docs/monitoring.png]`. Seeds 1 to 50 were
used while the charts were written; figures are of others. Two sources: segments whose errors are an autoregression of
known noise and memory, and the product's own simulator beside a forecaster that knows its laws but not its chance.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from benchmarks import drift_years
from benchmarks.drift_years import DAYS, FIRST, LAST, REFERENCE, SHIFT, SKUS, YEAR
from pricing_assets import drawing
from pricing_assets.monitoring import Feature, Incumbent, Plan, features
from pricing_assets.monitoring.decay import judge
from pricing_assets.monitoring.errors import segment_errors
from pricing_assets.simulation import MarketSettings
from pricing_assets.simulation.trading import trade

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, MARKETS, FEATURES = range(501, 561), range(501, 507), range(501, 521)
ASSORTMENTS = (60, 240)  # SKUs of a simulated market: segments of 12 and of 48 SKUs
NOISE = (0.05, 0.10, 0.15, 0.20, 0.30)  # standard deviation of a segment's daily error, as a share of its demand
MEMORY = (0.0, 0.3, 0.6, 0.8, 0.9)  # autocorrelation from day to day
WITHIN = 28  # days
FALSE, FOUND = 1.0, 0.90
CHAMPION = Incumbent("1", FIRST, FIRST + timedelta(days=REFERENCE - 1), FIRST)


class Counted(NamedTuple):
    """Of segment-years: how many, false events in them, days to the first event after a planted shift (inf = none), and
    the median standard deviation of a quiet day's bias."""

    years: int
    false: int
    delays: list[float]
    noise: list[float]

    @property
    def false_rate(self) -> float:
        return self.false / self.years

    @property
    def found(self) -> float:
        return sum(delay <= WITHIN for delay in self.delays) / len(self.delays)

    @property
    def delay(self) -> float:
        return float(np.median(self.delays))

    @property
    def holds(self) -> bool:
        return self.false_rate <= FALSE and self.found >= FOUND


def generated(memory: float, noise: float, seeds: Sequence[int]) -> Counted:
    """A segment-year per seed, first quiet, then with a shift up or down on a day drawn from it."""
    quiet, shifted, starts = [], [], {}
    for seed in seeds:
        draw = np.random.default_rng([seed, round(100 * memory), round(1000 * noise)])
        common, own = drift_years.autoregression(draw, memory, noise), draw.standard_normal((DAYS, SKUS))
        name, sign = f"{seed:04}", 1 if seed % 2 else -1
        starts[name] = int(draw.integers(30, YEAR - WITHIN))
        level = 1 + np.where(np.arange(DAYS) >= REFERENCE + starts[name], sign * SHIFT, 0.0)
        quiet.append(drift_years.segment(name, common, own, np.ones(DAYS)))
        shifted.append(drift_years.segment(name, common, own, level))
    return counted(pl.concat(quiet), pl.concat(shifted), starts)


def simulated(skus: int, seeds: Sequence[int]) -> Counted:
    """Segments are category × market; the shift comes on one day of each market, up or down by turns of the seed."""
    total = Counted(0, 0, [], [])
    for seed in seeds:
        settings = MarketSettings(
            skus=skus, days=DAYS, seed=seed, irregular=False, faulty=False, last_day=LAST
        )  # fmt: skip
        market, draw = trade(settings), np.random.default_rng([seed, 7])
        start, sign = int(draw.integers(30, YEAR - WITHIN)), 1 if seed % 2 else -1
        quiet = drift_years.forecast(settings, market, market.wanted)
        shifted = drift_years.forecast(settings, market, drift_years.shifted(market.wanted, start, sign, draw))
        starts = dict.fromkeys(quiet["segment"].unique().to_list(), start)
        found = counted(quiet, shifted, starts)
        total = Counted(*(before + more for before, more in zip(total, found, strict=True)))
    return total


# counting: every alarm is an event, after which a person has decided and the chart starts anew


def counted(quiet: pl.DataFrame, shifted: pl.DataFrame, starts: dict[str, int]) -> Counted:
    """False events of both charts in the quiet year, and days to the first event from the shift on in the other."""
    false = sum(1 for _ in events(quiet))
    bias = segment_errors(quiet, LAST, CHAMPION, Plan()).group_by("segment").agg(pl.col("bias").std()).sort("segment")
    first: dict[str, float] = dict.fromkeys(starts, math.inf)
    for segment, day in events(shifted):
        delay = (day - CHAMPION.reference_until).days - 1 - starts[segment]
        if delay >= 0:
            first[segment] = min(first[segment], delay + 1.0)
    return Counted(len(starts), false, list(first.values()), bias["bias"].to_list())


def events(forecasts: pl.DataFrame) -> Iterator[tuple[str, date]]:
    """Segment and day of every event."""
    errors = segment_errors(forecasts, LAST, CHAMPION, Plan())
    restarts: dict[tuple[str, str], date] = {}
    rows = errors
    while rows.height:
        found = [each for each in judge(rows, CHAMPION, Plan(restarts=restarts)) if each.noticed is not None]
        again = set()
        for each in found:
            key = (each.metric, each.segment)
            if restarts.get(key) != each.noticed and each.noticed is not None:
                restarts[key] = each.noticed
                again.add(each.segment)
                yield each.segment, each.noticed
        rows = errors.filter(pl.col("segment").is_in(sorted(again)))


# features: ten SKUs that half share their weather, looked at once a week


def quiet_features(memory: float, shift: float, seeds: Sequence[int]) -> tuple[float, float]:
    """False events of PSI and KS of one feature per segment-year, and share of shifts (in standard deviations of a SKU)
    found in 28 days. An event ends when the metric is quiet again."""
    false, found = 0, 0
    for seed in seeds:
        draw = np.random.default_rng([seed, round(100 * memory), 11])
        common = drift_years.autoregression(draw, memory, 1.0)
        values = [math.sqrt(0.5) * (common + drift_years.autoregression(draw, memory, 1.0)) for _ in range(10)]
        start = int(draw.integers(60, YEAR - WITHIN))
        false += _onsets(drift_years.snapshots(values), range(WITHIN, YEAR, 7))
        later = np.arange(DAYS) >= REFERENCE + start
        moved = drift_years.snapshots([value + shift * later for value in values])
        found += any(_drifted(moved, start + days) for days in (7, 14, 21, WITHIN))
    return false / len(seeds), found / len(seeds)


def _onsets(snapshots: pl.DataFrame, days: Sequence[int]) -> int:
    before: set[str] = set()
    count = 0
    for day in days:
        now = _drifted(snapshots, day)
        count += len(now - before)
        before = now
    return count


def _drifted(snapshots: pl.DataFrame, day: int) -> set[str]:
    """Metrics that drift, `day` days into the year."""
    at = CHAMPION.reference_until + timedelta(days=day)
    judged = features.judge(snapshots, at, CHAMPION, Plan(features=(Feature("cost"),)))
    return {each.metric for each in judged if each.drifted}


# the bench


class Row(NamedTuple):
    """A line of the table. `memory` is null for simulated markets."""

    name: str
    memory: float | None
    noise: float
    found: Counted


def measured(seeds: Sequence[int] = SEEDS, markets: Sequence[int] = MARKETS) -> list[Row]:
    cells = [(memory, noise) for memory in MEMORY for noise in NOISE]
    rows = [Row(f"memory {m}, noise {n:.0%}", m, n, generated(m, n, seeds)) for m, n in cells]
    for skus in ASSORTMENTS:
        found = simulated(skus, markets)
        rows.append(Row(f"simulator, {skus // 5} SKUs a segment", None, float(np.median(found.noise)), found))
    return rows


def figures(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """False events: held to the bar where the shift is found often enough; elsewhere there is none."""
    told = []
    for row in rows:
        enough = row.found.found >= FOUND
        name = (
            f"drift, {row.name}: false events per segment-year, where a {SHIFT:.0%} shift is found in {WITHIN} days in "
            f"{row.found.found:.0%} of {len(row.found.delays)}"
        )
        figure = round(row.found.false_rate, 2)
        told.append(
            {"name": name, "figure": figure, "bar": FALSE if enough else None, "holds": not enough or figure <= FALSE}
        )
    return told


def run(seeds: Sequence[int] = SEEDS, markets: Sequence[int] = MARKETS) -> list[dict[str, Any]]:
    """Figures for `make bench`."""
    return figures(measured(seeds, markets)) + feature_figures()


def feature_figures(seeds: Sequence[int] = FEATURES) -> list[dict[str, Any]]:
    rows = []
    for memory in (0.0, 0.6, 0.8):
        false, found = quiet_features(memory, 2.0, seeds)
        name = (
            f"drift, PSI and KS of a feature, memory {memory}: false events per segment-year, 2 sd found in {found:.0%}"
        )
        rows.append({"name": name, "figure": round(false, 2), "bar": FALSE, "holds": false <= FALSE})
    return rows


def draw(rows: Sequence[Row], path: Path) -> None:
    """False events and shares found by noise, a line per memory; the simulator's as crosses. Dashed are the bars."""
    path.write_bytes(drawing.png(lambda figure: _panels(figure, rows), (10, 3.8), dpi=110))


def _panels(figure: Figure, rows: Sequence[Row]) -> None:
    titles = ("false events per segment-year", f"{SHIFT:.0%} shifts found within {WITHIN} days")
    for axes, attribute, bar, title in zip(
        figure.subplots(1, 2), ("false_rate", "found"), (FALSE, FOUND), titles, strict=True
    ):
        for memory in MEMORY:
            line = [(row.noise, getattr(row.found, attribute)) for row in rows if row.memory == memory]
            axes.plot(*zip(*line, strict=True), marker="o", markersize=3, label=f"memory {memory}")
        crosses = [(row.noise, getattr(row.found, attribute)) for row in rows if row.memory is None]
        axes.plot(*zip(*crosses, strict=True), "kx", label="simulator")
        axes.axhline(bar, color="black", linestyle="dashed", linewidth=1)
        axes.set(ylim=(0, 1.1), xlabel="noise: standard deviation of a day's bias", title=title)
    drawing.legend_beside(figure, axes)


def _range(text: str) -> range:
    first, last = text.split("-")
    return range(int(first), int(last) + 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=_range, default=SEEDS, help="first-last, of generated segments")
    parser.add_argument("--markets", type=_range, default=MARKETS, help="first-last, of simulated markets")
    parser.add_argument("--plot", type=Path, help="write the picture to this PNG")
    options = parser.parse_args()
    table = measured(options.seeds, options.markets)
    print("| | segment-years | false events a year | found in 28 days | median delay, days | bar |")
    print("|---|---|---|---|---|---|")
    for row in table:
        count, delay = row.found, "over 28" if row.found.delay > WITHIN else f"{row.found.delay:.0f}"
        cells = (
            f"{count.years} | {count.false_rate:.2f} | {count.found:.0%} | {delay} | {'holds' if count.holds else 'no'}"
        )
        print(f"| {row.name} (sd {float(np.median(count.noise)):.3f}) | {cells} |")
    print(json.dumps(feature_figures(), indent=2, ensure_ascii=False))
    if options.plot:
        draw(table, options.plot)
