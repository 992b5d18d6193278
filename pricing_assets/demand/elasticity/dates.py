"""Dates: what a date does to all SKUs of a category at once, beside what its day of the week does.

Here: how far the effect of a date is believed. Not here: fitting it beside slopes (fixed_effects).

A date's effect is its weekday's, and a deviation of its week, and one of its own; each is drawn towards nothing as far
as the sales of its dates are few, by the variance that the category's weeks, and its dates within them, themselves show
(nested random effects: Laird and Ware 1982). Taken whole, effects of dates would take most of what a few SKUs' sales
say of prices with them. A date that stands out, a holiday, is believed whole: it is no draw from what dates usually do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.design import DAYS

Bools = npt.NDArray[np.bool_]

STANDS_OUT = 3.5
"""Standard deviations from what its weekday and week do beyond which a date is believed whole."""
MEDIAN = 0.4549364231195727
"""Of a squared standard normal."""
_FAINT = 1e-9
"""Share of a column beside those before it that is rounding."""


def standing_out(effect: Floats, known: Floats, weekday: Ints, week: Ints) -> Bools:
    """Which dates stand out, by what the others do. Arguments are those of `drawn`."""
    found = np.zeros(len(effect), dtype=np.bool_)
    for _ in range(2):  # one that stands out moves the means it is first held against
        middle, strays = _usual(effect, known, weekday, week, found)
        found = (effect - middle) ** 2 > STANDS_OUT**2 * (strays + 1 / known)
    return found


def drawn(effect: Floats, known: Floats, weekday: Ints, week: Ints, stands_out: Bools) -> Floats:
    """Effects of dates as far as they are believed.

    `effect` is what the sales of each say alone, `known` the precision of that, above 0, `weekday` numbers category ×
    day of the week, `week` category × week. Dates that stand out say nothing of others.
    """
    middle, strays = _usual(effect, known, weekday, week, stands_out)
    return middle + (effect - middle) * np.where(stands_out, 1.0, strays / (strays + 1 / known))


def apart(own: Floats, weight: Floats, category: Ints) -> Floats:
    """The columns of `own` (dates × columns) beside their means, made orthonormal in each category by the weights of
    its dates; nothing where a column says nothing beside those before it."""
    made = np.zeros_like(own)
    for _, mine in _members(category):
        root = np.sqrt(weight[mine])[:, None]
        across, down = np.linalg.qr((own[mine] - np.average(own[mine], axis=0, weights=weight[mine])) * root)
        said = np.abs(np.diag(down)) > _FAINT * np.linalg.norm(own[mine] * root, axis=0)[: len(down)]
        made[mine, : len(down)] = across * said
    return made


def beside(effect: Floats, weight: Floats, category: Ints, own: Floats) -> Floats:
    """What is left of effects of dates beside what every series of the category says of them itself: its trend and
    season, which are `own`, of `apart` by the same weights.

    Both could say it. Effects are drawn towards nothing and slopes hardly are, so that in the end the slopes would say
    most of it; left to move there, a little a round, it takes hundreds of rounds where sales are many.
    """
    root = np.sqrt(weight)
    left = effect * root
    for column in own.T:
        left = left - column * np.bincount(category, column * left)[category]
    return left / root


def _usual(effect: Floats, known: Floats, weekday: Ints, week: Ints, stands_out: Bools) -> tuple[Floats, Floats]:
    """What the weekday and the week of each date do, by those that do not stand out; how far dates stray from it.

    Variances are those that make the median deviations of a category what they are.
    """
    noise, category, counted = 1 / known, weekday // DAYS, known * ~stands_out
    usual = _means(effect, counted, weekday)
    of_week = _means(effect - usual, counted, week)
    size = np.bincount(week)[week]
    free = np.maximum(size / np.maximum(size - 1, 1), 1.0)  # a week's mean took a part of each date's own deviation
    strays = _strays((effect - usual - of_week) ** 2 * free, noise, category, size > 1)
    unsure = 1 / np.bincount(week, 1 / (strays + noise))[week]
    waves = _strays(of_week**2, unsure, category)
    return usual + of_week * waves / (waves + unsure), strays


def _means(effect: Floats, weight: Floats, group: Ints) -> Floats:
    """Of each one the mean of its group."""
    mean = np.bincount(group, weight * effect) / np.maximum(np.bincount(group, weight), 1e-12)
    return np.asarray(mean[group])


def _strays(squared: Floats, noise: Floats, category: Ints, counted: Bools | None = None) -> Floats:
    """Variance of deviations beyond noise, of each one's category; of those `counted`."""
    strays = np.zeros(int(category.max(initial=0)) + 1)
    for number, mine in _members(category, counted):
        strays[number] = max(np.median(squared[mine]) / MEDIAN - np.median(noise[mine]), 0.0)
    return np.asarray(strays[category])


def _members(category: Ints, counted: Bools | None = None) -> Iterator[tuple[int, Ints]]:
    """Each category that has any, and where its own are; of those `counted`."""
    order = np.argsort(category, kind="stable")
    order = order if counted is None else order[counted[order]]
    numbers, begins = np.unique(category[order], return_index=True)
    for number, mine in zip(numbers, np.split(order, begins)[1:], strict=True):  # before the first begins none is
        yield int(number), mine
