"""The demand model: trained once, then asked for any origin; saved as text, the same bytes for the same content.

Here: fit, forecast, contributions, save, load. Not here: how its parts learn (boosting, blend, intervals), the registry
(models/).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.demand import boosting
from pricing_assets.demand.attribution import EXPECTED
from pricing_assets.demand.blend import SEGMENT, Blend, blend_from, learn
from pricing_assets.demand.boosting import Encoding, Grown, encoding_of
from pricing_assets.demand.design import REASON, Book, opened, rows_of
from pricing_assets.demand.intervals import Ranges, learn_ranges, ranges_from, with_ranges
from pricing_assets.demand.members import PRIORS, RATIO
from pricing_assets.demand.panel import DATE, ID, Y, checked, gridded, with_future
from pricing_assets.demand.past import BASE
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.roles import Roles, roles_of
from pricing_assets.demand.seasonality import SEASON, with_season
from pricing_assets.demand.simple import RATE
from pricing_assets.errors import PricingError

if TYPE_CHECKING:
    from pricing_assets.demand.boosting import Scorer

BLEND, SEASONS = "blend", "seasons.csv"
FORECAST = [ID, DATE, "mean", "q10", "q90", "sum_mean", "sum_q10", "sum_q90", "method", REASON]
LEAST_ROWS = 200
"""Rows below which no trees are grown."""
MOST_ROWS, DENSE_ROWS = 150_000, 40_000
"""Rows of a panel above which the trees are grown on some of its series; above which each date is met only once."""
WARM_UP = {"W": 9, "D": 28}
"""Steps of a panel before its first training origin."""
FORMAT = 3
Progress = Callable[[str], None]


@dataclass(frozen=True)
class DemandModel:
    """A trained model. `boosters` is empty where there was too little to learn from: then all series fall back.

    `seasons` has the season of each group (seasonality), which the model is told as a known column; None without one.
    """

    plan: Plan
    roles: Roles
    encoding: Encoding
    boosters: dict[str, Grown]
    blend: Blend
    ranges: Ranges
    trained_until: date
    seasons: pl.DataFrame | None = None

    def forecast(
        self, history: pl.DataFrame, future: pl.DataFrame | None = None, origin: date | None = None
    ) -> pl.DataFrame:
        """Forecasts of the horizon after the origin (default the history's last date), sorted by unique_id and ds.

        unique_id, ds, mean, q10, q90 (units per date), sum_mean, sum_q10, sum_q90 (units from the first date of the
        horizon to ds), method, fallback_reason (null where the blend serves). `history` is a panel; `future` has
        unique_id, ds and the known columns for every date of the horizon. Raises PricingError as `checked` does, and
        where the future lacks a known column.
        """
        return self.detailed(history, future, origin).select(FORECAST)

    def detailed(
        self, history: pl.DataFrame, future: pl.DataFrame | None = None, origin: date | None = None
    ) -> pl.DataFrame:
        """`forecast` with the cell it falls into (`segment`) and what each member of the blend says."""
        book, day = self._asked(history, future, origin)
        rows = with_ranges(_blended(self.members(rows_of(book, [day])), self.blend), self.ranges)
        method = pl.when(pl.col(REASON).is_null()).then(pl.lit(BLEND)).otherwise(pl.lit(RATE)).alias("method")
        return rows.with_columns(method).select(*FORECAST, SEGMENT, *self.blend.members).sort(ID, DATE)

    def members(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with a column per member of the blend."""
        if not self.boosters:
            reason = pl.coalesce(REASON, pl.lit("too little history to train a model")).alias(REASON)
            return rows.with_columns(reason, *(pl.col(RATE).alias(name) for name in self.blend.members))
        matrix, base = self.encoding.matrix(rows), rows[BASE].to_numpy()
        made = {
            name: boosting.predict(name, trees, matrix[:, self.encoding.seen_by(name)], base)
            * self.boosters[name].factor
            for name, trees in self._trees.items()
        }
        return rows.with_columns(pl.Series(name, values) for name, values in made.items())

    def contributions(
        self, history: pl.DataFrame, future: pl.DataFrame | None = None, wanted: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """unique_id, ds, feature, contribution: what each feature adds to the logarithm of the `ratio` forecast.

        Of the rows `wanted` (unique_id, ds) alone where given: one takes about a hundred times what its forecast does.
        """
        if not self.boosters:
            raise PricingError("the model has no trees: all series fall back", "train it on a longer history")
        book, origin = self._asked(history, future)
        rows = rows_of(book, [origin], None if wanted is None else wanted[ID].unique())
        rows = rows if wanted is None else rows.join(wanted, on=[ID, DATE], how="semi", maintain_order="left")
        seen = self.encoding.seen_by(RATIO)
        added = boosting.contributions(self._trees[RATIO], self.encoding.matrix(rows)[:, seen])
        names = [*(self.encoding.names[place] for place in seen), EXPECTED]
        keys = rows.select(pl.col(ID, DATE).repeat_by(len(names)).list.explode())
        long = keys.with_columns(pl.Series("feature", names * rows.height), pl.Series("contribution", added.ravel()))
        return long.sort(ID, DATE, "feature")

    @cached_property
    def _trees(self) -> dict[str, list[Scorer]]:
        return {name: [boosting.loaded(name, text) for text in grown.texts] for name, grown in self.boosters.items()}

    def _asked(
        self, history: pl.DataFrame, future: pl.DataFrame | None, origin: date | None = None
    ) -> tuple[Book, date]:
        if self.seasons is not None:
            future = None if future is None else _told(future, self.seasons, history)
            history = with_season(history, self.seasons)
        panel = checked(history, self.plan, "history")
        origin = origin or _last(panel)
        panel = panel.filter(pl.col(DATE) <= origin)
        whole = with_future(panel, panel.select(ID, DATE).clear() if future is None else future, self.plan, origin)
        return opened(whole, self.plan, self.roles), origin

    def files(self) -> dict[str, str]:
        """The model as texts by file name."""
        told = {
            "format": FORMAT,
            "plan": asdict(self.plan),
            "roles": asdict(self.roles),
            "features": self.encoding.features,
            "categories": self.encoding.categories,
            "blend": self.blend.described(),
            "ranges": self.ranges.described(),
            "factors": {name: grown.factor for name, grown in self.boosters.items()},
            "trained_until": self.trained_until.isoformat(),
        }
        trees = {
            f"{name}_{number}.txt": text
            for name, grown in self.boosters.items()
            for number, text in enumerate(grown.texts)
        }
        seasons = {} if self.seasons is None else {SEASONS: self.seasons.write_csv()}
        return {
            "model.json": json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            **trees,
            **seasons,
        }

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the sorted files, 64 hex digits."""
        whole = hashlib.sha256()
        for name, text in sorted(self.files().items()):
            body = text.encode()
            whole.update(f"{name}\n{len(body)}\n".encode() + body)
        return whole.hexdigest()

    def save(self, folder: Path) -> None:
        """Writes the files into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files().items():
            (folder / name).write_bytes(text.encode())


def load(folder: Path) -> DemandModel:
    """A saved model. Raises PricingError where a file is missing or is not what was saved."""
    try:
        told = json.loads((folder / "model.json").read_bytes())
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}, this version reads {FORMAT}")
        trees = {name: Grown(_texts(folder, name), factor) for name, factor in told["factors"].items()}
        plan, roles = _with_tuples(told["plan"]), _with_tuples(told["roles"])
        model = DemandModel(
            Plan(**plan),
            Roles(**roles),
            Encoding(tuple(told["features"]), told["categories"], Roles(**roles).told),
            trees,
            blend_from(told["blend"]),
            ranges_from(told["ranges"]),
            date.fromisoformat(told["trained_until"]),
            _read_seasons(folder / SEASONS) if SEASON in plan["known"] else None,
        )
        _ = model._trees  # a broken booster is refused here, not in the middle of a run
    except PricingError as fault:
        raise PricingError(f"{folder}: {fault.what}", "train it again, or restore the folder") from fault
    except Exception as error:  # json and polars raise what they like on a corrupted file
        raise PricingError(f"{folder}: no readable model: {error}", "train it again, or restore the folder") from error
    return model


def _read_seasons(path: Path) -> pl.DataFrame:
    """Text, dates and a number, as `files` writes them."""
    read = pl.read_csv(path, infer_schema=False)
    return read.with_columns(pl.col(DATE).str.to_date(), pl.col(SEASON).cast(pl.Float64))


def _told(future: pl.DataFrame, seasons: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """The future with the season of each series' group, which only its history names."""
    groups = [name for name in seasons.columns if name not in {DATE, SEASON}]
    named = history.select(ID, *groups).unique(ID, keep="last", maintain_order=True)
    return with_season(future.join(named, on=ID, how="left", maintain_order="left"), seasons).drop(groups)


def _texts(folder: Path, name: str) -> tuple[str, ...]:
    return tuple((folder / f"{name}_{number}.txt").read_bytes().decode() for number in range(boosting.FOLDS))


def _with_tuples(told: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where a plan and roles have tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def fit(
    panel: pl.DataFrame,
    plan: Plan,
    progress: Progress = lambda text: None,
    seasons: pl.DataFrame | None = None,
) -> DemandModel:
    """A model trained on all of the panel.

    Weights and ranges come from past origins, by trees that saw no date of theirs. `seasons`, static columns of the
    panel with ds and season, become a known column; the model keeps them for the dates it will forecast.

    `progress` is told what is being done. Raises PricingError for a panel that cannot be meant (see `checked`); too
    little history is no error: the model falls back and says so.
    """
    if seasons is not None and seasons.height:
        panel, plan = with_season(panel, seasons), replace(plan, known=(*plan.known, SEASON))
    panel = gridded(checked(panel, plan), plan)
    model = fit_book(opened(panel, plan, roles_of(panel, plan)), plan, progress)
    return replace(model, seasons=seasons) if SEASON in plan.known else model


def fit_book(book: Book, plan: Plan, progress: Progress = lambda text: None) -> DemandModel:
    """`fit` on an opened book."""
    last = _last(book.panel)
    rows = rows_of(book, training_origins(book.panel, plan), _taught(book.panel)).filter(pl.col(DATE) <= last)
    rows = rows.filter(pl.col(Y).is_not_null() & pl.col(REASON).is_null())
    encoding, prior = encoding_of(rows, book.roles), PRIORS[plan.frequency]
    names = [name for name in prior.weights if name != RATE]
    if rows.height < LEAST_ROWS:
        empty = _empty(rows, names)
        nothing = learn(empty, prior)
        return DemandModel(plan, book.roles, encoding, {}, nothing, learn_ranges(_blended(empty, nothing)), last)
    progress(f"training on {rows.height:,} rows")
    boosters, unseen = boosting.train(rows, encoding, plan.step * plan.horizon, names, plan.seed)
    blend = learn(unseen, prior)
    ranges = learn_ranges(_blended(unseen, blend))
    return DemandModel(plan, book.roles, encoding, boosters, blend, ranges, last)


def _blended(rows: pl.DataFrame, blend: Blend) -> pl.DataFrame:
    """Adds segment and mean; where a series falls back, its rate."""
    mean = pl.Series("mean", blend.mean(rows))
    rows = rows.with_columns(mean, blend.segments(rows).alias(SEGMENT))
    return rows.with_columns(
        pl.when(pl.col(REASON).is_null()).then("mean").otherwise(RATE).fill_null(0.0).alias("mean")
    )


def _empty(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return rows.clear().with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)


def _taught(panel: pl.DataFrame) -> pl.Series | None:
    """The series the trees are grown on: all (None), or of a large panel every n-th; all are forecast.

    Series are left out rather than origins, for a season or a promotion is met by all series on the same dates.
    """
    every = -(-panel.height // MOST_ROWS)
    return None if every <= 1 else panel[ID].unique().sort().gather_every(every)


def training_origins(panel: pl.DataFrame, plan: Plan) -> list[date]:
    """Origins a horizon apart, back from the last whose horizon is over; half of it where the panel is small.

    Each date is then met once (twice) per series, at one of the steps ahead.
    """
    first, last = panel[DATE].min(), _last(panel)
    assert isinstance(first, date)
    times = 2 if panel.height <= DENSE_ROWS else 1
    apart = timedelta(days=plan.step * max(1, plan.horizon // times))
    least = first + timedelta(days=plan.step * WARM_UP[plan.frequency])
    found = [last - timedelta(days=plan.step * plan.horizon)]
    while found[-1] - apart >= least:
        found.append(found[-1] - apart)
    return sorted(found)


def _last(panel: pl.DataFrame) -> date:
    last = panel[DATE].max()
    assert isinstance(last, date)
    return last
