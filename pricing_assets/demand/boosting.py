"""Boosted trees: one LightGBM over all series per member of the blend, and a line beside them.

Here: training on a design matrix, forecasts from it, what each feature contributed. Not here: the matrix (design), what
each member learns (members), how they are put together (blend), how the line is fitted (linear).

What a mean of logarithms loses is given back by a factor (Duan 1983) where a member stands for the mean. Deterministic:
the same rows grow the same trees. One thread: trees of panels this size are small, and threads that wait for each other
at every split cost seven times the CPU on a busy machine (22 s instead of 3 s for 11 series).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pricing_assets.cores import side_by_side
from pricing_assets.demand import linear, members
from pricing_assets.demand.design import features
from pricing_assets.demand.drivers import LEVEL
from pricing_assets.demand.members import LEVELS, LINE, MEDIAN, TWEEDIE
from pricing_assets.demand.panel import DATE, Y
from pricing_assets.demand.past import BASE
from pricing_assets.demand.roles import Roles
from pricing_assets.errors import PricingError

if TYPE_CHECKING:
    import lightgbm

    Scorer = lightgbm.Booster | linear.Line

RELATIVE = ("answer", "seen", "lift", "slope", ":ratio", ":depth", "momentum", "price_step", "recent_low")
PAST_RATIOS = ("mean_", "log_mean_", "plain_ratio_", "plain_", "last_", "weekday_", "year_ago")
CALENDAR = ("weekday", "year_sin", "year_cos", "year_sin_2", "year_cos_2", "holidays", "holiday_in", "holiday_ago")
AS_THEY_ARE = ("log_price", "log_base", "age", "step", *CALENDAR)
FOLDS = 4
FACTORS = (0.7, 2.5)
YEARLY, YEAR_DAYS = ("year_sin", "year_cos"), 364
OFFSET = 0.5
"""Units added before a logarithm, so that zero has one."""


@dataclass(frozen=True)
class Encoding:
    """Which columns the trees see, in order, and the code of each category; a category not seen has none.

    `known` are those of them that were known and are no prices.
    """

    features: tuple[str, ...]
    categories: dict[str, dict[str, int]]
    known: tuple[str, ...]

    def matrix(self, rows: pl.DataFrame) -> np.ndarray:
        """float64, rows × (categories, features)."""
        coded = [
            pl.col(name).replace_strict(codes, default=None, return_dtype=pl.Float64)
            for name, codes in self.categories.items()
        ]
        return rows.select(*coded, pl.col(self.features).cast(pl.Float64)).to_numpy(order="fortran")

    def seen_by(self, name: str) -> list[int]:
        """Places of the columns a member sees.

        `tweedie` and `median` see levels and what is known, `ratio` all but levels, the line rival prices as they are
        and no categories. `levels` sees nothing that somebody thought out: sales, prices and marks as they are.
        """
        ratios = [f for f in self.features if f.endswith(RELATIVE) or f.startswith(PAST_RATIOS)]
        relative = {f for f in ratios if not f.endswith(LEVEL)} | {"log_base"}
        hidden = relative if name in {TWEEDIE, MEDIAN} else {f for f in self.features if f.endswith(LEVEL)}
        if name == LINE:
            hidden = {f for f in hidden if f.startswith(PAST_RATIOS)} | set(self.categories)
        if name == LEVELS:
            plain = {*AS_THEY_ARE, *self.known}
            hidden = {f for f in self.features if f not in plain and not f.endswith(LEVEL)}
        return [place for place, column in enumerate(self.names) if column not in hidden]

    @property
    def names(self) -> list[str]:
        """Column names of the matrix."""
        return [*self.categories, *self.features]


def encoding_of(rows: pl.DataFrame, roles: Roles) -> Encoding:
    """The encoding of training rows.

    The season of the year is left out where less than a year is met: it would only tell how long ago a date is.
    """
    values = {name: sorted(rows[name].drop_nulls().unique().to_list()) for name in roles.categories}
    codes = {name: {value: code for code, value in enumerate(found)} for name, found in values.items()}
    span = rows.select((pl.col(DATE).max() - pl.col(DATE).min()).dt.total_days()).item()
    is_short = (span or 0) < YEAR_DAYS
    names = (name for name in features(rows, roles) if not (is_short and name.startswith(YEARLY)))
    return Encoding(tuple(names), codes, roles.told)


@dataclass(frozen=True)
class Grown:
    """Boosters of one member as LightGBM's texts, one per fold left out; forecasts are their mean score.

    The factor gives forecasts of dates left out the mean of what was sold on them.
    """

    texts: tuple[str, ...]
    factor: float


def folds_of(dates: pl.Series, days: int, seed: int) -> np.ndarray:
    """The fold of each date: blocks of so many days, back from the last, dealt out at random.

    What happens in a week happens to all series: only whole blocks of dates left out are new to a booster. Blocks are
    shorter where there are fewer than folds, so that each fold leaves something out and something in.
    """
    day = dates.to_physical().to_numpy()
    days = min(days, -(-(int(day.max() - day.min()) + 1) // FOLDS)) if len(day) else days
    block = (day.max() - day) // days if len(day) else day
    if len(np.unique(block)) == 1:
        return np.arange(len(block)) % FOLDS  # one date: all that can be left out is rows of it
    number = int(block.max()) + 1 if len(day) else 0
    dealt = np.concatenate(
        [np.random.default_rng([seed, start]).permutation(FOLDS) for start in range(0, number, FOLDS)]
    )
    return np.asarray(dealt[block])


def train(
    rows: pl.DataFrame, encoding: Encoding, days: int, names: Sequence[str], seed: int
) -> tuple[dict[str, Grown], pl.DataFrame]:
    """Boosters of the members, and what each forecasts for rows it has not seen: a column per member.

    `rows` have an observed `y`; a horizon has so many `days`.
    """
    matrix, base, y = encoding.matrix(rows), rows[BASE].to_numpy(), rows[Y].to_numpy()
    folds = folds_of(rows[DATE], days, seed)
    grown, unseen = {}, {}
    for name in names:
        places = encoding.seen_by(name)
        seen_by, columns = matrix[:, places], tuple(encoding.names[place] for place in places)
        label, weight = _aim(name, y, base)
        scorers: dict[int, Scorer] = {}
        if name == LINE:
            scorers.update(enumerate(linear.fitted(seen_by, columns, label, weight, folds=folds, number=FOLDS)))
        else:
            scorers.update(enumerate(_grown(name, seen_by, (label, weight), folds, len(encoding.categories), seed)))
        guess = np.zeros(rows.height)
        for fold, scorer in scorers.items():
            out = folds == fold
            if out.any():
                guess[out] = predict(name, [scorer], seen_by[out], base[out])
        texts = [str(scorer.model_to_string()) for scorer in scorers.values()]
        factor = 1.0 if name in members.MEDIANS else float(np.clip(y.sum() / max(guess.sum(), 1e-9), *FACTORS))
        grown[name], unseen[name] = Grown(tuple(texts), factor), guess * factor
    return grown, rows.with_columns(pl.Series(name, guess) for name, guess in unseen.items())


def _aim(name: str, y: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a member learns, and how much each row weighs."""
    if name == TWEEDIE:
        return y, np.ones(len(y))
    if name in members.MEDIANS:
        return np.log(y + OFFSET), np.ones(len(y))
    return np.log((y + OFFSET) / (base + OFFSET)), np.sqrt(base)


def _grown(  # noqa: PLR0917
    name: str, matrix: np.ndarray, aim: tuple[np.ndarray, np.ndarray], folds: np.ndarray, categories: int, seed: int
) -> list[lightgbm.Booster]:
    """A booster per fold left out. Features are binned once, on all rows: bins know no sales."""
    import lightgbm

    label, weight = aim
    whole = lightgbm.Dataset(
        matrix,
        label,
        weight=weight,
        feature_name=[f"f{number}" for number in range(matrix.shape[1])],
        categorical_feature=list(range(categories)),
        params=dict(members.BINS),
    ).construct()
    parts = [whole.subset(np.flatnonzero(folds != fold).tolist()).construct() for fold in range(FOLDS)]

    def booster(fold: int) -> lightgbm.Booster:
        return lightgbm.train({**members.TREES[name], "seed": seed + fold}, parts[fold], members.ROUNDS[name])

    return side_by_side(booster, range(FOLDS))  # a thread each: they grow the same trees, however many there are


def loaded(name: str, text: str) -> Scorer:
    """A booster, or the line, from its text. Raises PricingError where LightGBM cannot read it."""
    if name == LINE:
        return linear.loaded(text)
    import lightgbm

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as fault:
        said = (str(fault).strip().splitlines() or ["no reason given"])[0]
        raise PricingError(f"LightGBM: the trees of {name} cannot be read: {said}", "train the model again") from fault


def predict(name: str, boosters: Sequence[Scorer], matrix: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Units, 0 or more, by the mean of the boosters' scores. Raises PricingError where LightGBM cannot tell them."""
    import lightgbm

    try:
        score = np.mean([booster.predict(matrix, raw_score=True, num_threads=1) for booster in boosters], axis=0)
    except lightgbm.basic.LightGBMError as fault:
        raise PricingError(
            f"LightGBM: the trees of {name} cannot be asked: {fault}", "train the model again"
        ) from fault
    if name == TWEEDIE:
        return np.asarray(np.exp(score))
    if name in members.MEDIANS:
        return np.asarray(np.maximum(np.exp(score) - OFFSET, 0.0))
    return np.asarray(np.maximum(np.exp(score) * (base + OFFSET) - OFFSET, 0.0))


def contributions(boosters: Sequence[Scorer], matrix: np.ndarray) -> np.ndarray:
    """What each column adds to the score (a logarithm), rows × (columns, expected value); rows add up to the score.

    Exact Shapley values for trees (Lundberg et al. 2020), as LightGBM's pred_contrib gives them.
    """
    added = side_by_side(lambda each: each.predict(matrix, pred_contrib=True, num_threads=1), boosters)
    return np.asarray(np.mean(added, axis=0))
