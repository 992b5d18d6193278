"""The best policy with the same information: it knows the form of the true law, and fits it to what it has seen.

Here: the fit, and the prices it leads to. Not here: the law itself (laws), the search (blocks).

Each SKU's tastes, and each SKU-market's volume, trend and season, are fitted by penalised maximum likelihood: counts
vary by a negative binomial, days of the week and of celebration are common to all, tastes of SKUs scatter around a mean
that is learned with them (empirical Bayes), and what residuals share from day to day widens the doubt. The constants of
the law (how long customers remember, what a loss weighs, how a pantry empties) are known to it. Its reference is the
shop's usual price, for nobody sees the anchor.

`careful` weighs its doubt: it asks the prices whose gain over holding is largest at its lower bound, by draws from what
the fit leaves open. Without, it takes the fit for the truth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pricing_assets.simulation.laws import Tastes
from pricing_assets.simulation.loop.blocks import climb
from pricing_assets.simulation.loop.policies import is_look, reach, within_reach
from pricing_assets.simulation.loop.responses import REMEMBERING, Prices, mean_of_others, remembered, respond
from pricing_assets.simulation.loop.scenes import Scene
from pricing_assets.simulation.loop.world import View
from pricing_assets.simulation.randomness import Floats, Ints

_ROUNDS, _LAGS, _BUMP = 12, 14, 1e-4
_TASTES, _OWN = 4, 4  # base, promotion beyond it, substitutes, rivals; level, trend, two of the season
_BELIEVED = np.array([2.5, 1.0, 0.4, 0.3])
_SCATTER = np.array([0.5, 0.5, 0.3, 0.2])
_BELIEF = 4.0  # SKUs' worth of belief in these
_OWN_SCATTER = np.array([3.0, 0.3, 0.3, 0.3])
_LEAST = 0.02  # of a taste
_AHEAD = 28  # days a price is judged by
_STEPS = (0.04, 0.01, 0.004)
_DRAWS, _BOUND = 12, 0.84
"""Draws of tastes, and standard deviations of a gain to its lower bound: what it exceeds four times in five."""
_FAR = 0.1  # how far (log) a rival counts as away from the others: one farther is misreported
_STANDS_OUT = 3.5  # standard deviations of what dates do to all


class Informed:
    """Fits the true law's form, and asks the prices that earn each category the most by the fit."""

    def __init__(self, scene: Scene, *, careful: bool = True) -> None:
        self._law, self._careful = scene.settings.law, careful
        self._sku = np.arange(scene.settings.cells) if scene.of_cells else scene.assortment.sku

    def ask(self, view: View) -> Ints:
        """The price in force between looks; else the best by the fit, within reach."""
        if not is_look(view):
            return view.current
        fit = Fit(self._law, self._sku, view)
        gain = fit.gains(view.current.astype(np.float64), _DRAWS if self._careful else 0)
        low, high = reach(view)
        return within_reach(
            view, climb(gain, view.current.astype(np.float64), low, high, blocks=view.blocks, steps=_STEPS)
        )


class Fit:
    """The law's parameters as far as the days seen tell them."""

    def __init__(self, law: str, sku: Ints, view: View) -> None:
        self._law, self._sku, self._view = law, sku, view
        self._anchor = np.exp(np.log(view.regular).mean(axis=0))
        self._rivals, self._usual = _rival_logs(view)
        self._units = view.sold.astype(np.float64)
        self._prices = Prices(
            price=view.price.astype(np.float64),
            regular=view.regular.astype(np.float64),
            memory=view.price[0].astype(np.float64),
            substitutes=mean_of_others(np.log(view.price / self._anchor), view.blocks),
            rivals=self._rivals,
        )
        days = np.arange(len(view.price)) - len(view.price)
        angle = 2 * np.pi * days / 365.25
        self._calendar = np.stack([np.ones(len(days)), days / 365.25, np.sin(angle), np.cos(angle)], axis=1)
        skus = int(sku.max()) + 1
        self.tastes = np.tile(_BELIEVED, (skus, 1))
        self._own = np.zeros((len(sku), _OWN))
        self._own[:, 0] = np.log(np.maximum(self._units.mean(axis=0), 0.05))
        self._dates = np.zeros(len(days))
        self._mean, self._scatter = _BELIEVED, _SCATTER
        self._covariance = np.tile(np.diag(_SCATTER**2), (skus, 1, 1))
        for _ in range(_ROUNDS):
            self._improve()
        logs = np.log(np.vstack([view.price, view.price[-1:]]))
        self._memory = np.exp(remembered(logs, logs[0])[-1])

    def gains(self, held: Floats, draws: int) -> Callable[[Floats], Floats]:
        """What a block gains by lasting prices over `held` ones, spread over its cells; with draws its lower bound."""
        view, sums = self._view, self._view.blocks.sums
        tastes = [self._cells(each) for each in (self._drawn(draws) if draws else [self.tastes])]
        before = [sums(self._profit(each, held)) for each in tastes]

        def gain(price: Floats) -> Floats:
            made = np.stack([sums(self._profit(each, price)) - was for each, was in zip(tastes, before, strict=True)])
            return np.asarray((made.mean(axis=0) - _BOUND * made.std(axis=0)) / view.blocks.size)

        return gain

    def _profit(self, tastes: Tastes, price: Floats) -> Floats:
        """Profit of each cell over the next weeks at a lasting price."""
        view = self._view
        days = _AHEAD if self._law in REMEMBERING else 1
        path = np.broadcast_to(price, (days, len(price)))
        others = mean_of_others(np.log(price / self._anchor)[None], view.blocks)
        rivals = np.broadcast_to(self._rivals[-7:].mean(axis=0), path.shape)
        answers = respond(self._law, Prices(path, path, self._memory, others, rivals), self._anchor, tastes)
        level = np.exp(self._own @ self._calendar[-1])
        return np.asarray((price - view.costs) * level * answers.mean(axis=0))

    def _drawn(self, draws: int) -> list[Floats]:
        """Tastes as they may be: each SKU around its fit, and all together as far as their mean is open."""
        source = np.random.Generator(np.random.PCG64(len(self._view.price)))
        common = np.sqrt((self._scatter**2 + np.mean([np.diag(each) for each in self._covariance], axis=0)).clip(0))
        common = common / np.sqrt(len(self.tastes))
        roots = np.linalg.cholesky(self._covariance)
        made = []
        for _ in range(draws // 2):
            own = np.einsum("sij,sj->si", roots, source.standard_normal(self.tastes.shape))
            away = own + common * source.standard_normal(_TASTES)
            made += [self.tastes + away, self.tastes - away]
        return made

    def _cells(self, tastes: Floats) -> Tastes:
        base, extra, substitute, rival = np.maximum(tastes[self._sku], _LEAST).T
        return Tastes(base, base + extra, substitute, rival)

    def _answers(self, tastes: Floats) -> Floats:
        return np.maximum(respond(self._law, self._prices, self._anchor, self._cells(tastes)), 1e-3)

    def _improve(self) -> None:
        """One step of Fisher scoring for all parameters, then what is common to all."""
        answers = self._answers(self.tastes)
        expected = np.exp(self._calendar @ self._own.T + self._dates[:, None]) * answers
        self._dates += self._date_effects(expected)
        expected = np.exp(self._calendar @ self._own.T + self._dates[:, None]) * answers
        weight, residual = self._weight(expected), (self._units - expected) / expected
        widened = _shared(residual * np.sqrt(weight))
        slopes = np.stack([self._slope(answers, number) for number in range(_TASTES)], axis=2)
        own = np.broadcast_to(self._calendar[:, None, :], (*answers.shape, _OWN))
        columns = np.concatenate([slopes, own], axis=2)
        weighted = columns * (weight / widened)[:, :, None]
        gram = np.einsum("tck,tcl->ckl", weighted, columns)
        score = np.einsum("tck,tc->ck", weighted, residual)
        self._step(gram, score)

    def _slope(self, answers: Floats, number: int) -> Floats:
        """Change of the log of expected units by one taste, day × cell."""
        moved = self.tastes.copy()
        moved[:, number] += _BUMP
        return np.asarray((np.log(self._answers(moved)) - np.log(answers)) / _BUMP)

    def _step(self, gram: Floats, score: Floats) -> None:
        """Solve for each SKU's tastes and its cells' own parameters together; learn mean and scatter of tastes."""
        for sku in range(len(self.tastes)):
            cells = np.flatnonzero(self._sku == sku)
            size = _TASTES + _OWN * len(cells)
            a, b = np.zeros((size, size)), np.zeros(size)
            shared = np.arange(_TASTES)
            a[shared, shared] += 1 / self._scatter**2
            b[shared] += (self._mean - self.tastes[sku]) / self._scatter**2
            for number, cell in enumerate(cells):
                mine = _TASTES + _OWN * number + np.arange(_OWN)
                place = np.concatenate([shared, mine])
                a[np.ix_(place, place)] += gram[cell]
                b[place] += score[cell]
                a[mine, mine] += 1 / _OWN_SCATTER**2
                b[mine[1:]] -= self._own[cell, 1:] / _OWN_SCATTER[1:] ** 2
            step = np.clip(np.linalg.solve(a, b), -0.5, 0.5)
            self.tastes[sku] = np.maximum(self.tastes[sku] + step[:_TASTES], _LEAST)
            self._own[cells] += step[_TASTES:].reshape(len(cells), _OWN)
            self._covariance[sku] = np.linalg.inv(a)[:_TASTES, :_TASTES]
        weight = len(self.tastes) + _BELIEF
        self._mean = (self.tastes.sum(axis=0) + _BELIEF * _BELIEVED) / weight
        variances = np.stack([np.diag(each) for each in self._covariance])
        second = ((self.tastes - self._mean) ** 2 + variances).sum(axis=0)
        self._scatter = np.sqrt((second + _BELIEF * _SCATTER**2) / weight)

    def _date_effects(self, expected: Floats) -> Floats:
        """What each date does to all: its weekday's effect, and its own where it stands out."""
        weight = self._weight(expected)
        ratio = np.log((weight * self._units / expected).sum(axis=1) + 0.5) - np.log(weight.sum(axis=1) + 0.5)
        weekday = np.arange(len(ratio)) % 7
        usual = (np.bincount(weekday, ratio) / np.bincount(weekday))[weekday]
        rest = ratio - usual
        effect = usual + np.where(np.abs(rest) > _STANDS_OUT * 1.4826 * np.median(np.abs(rest)), rest, 0.0)
        return np.asarray(effect - effect.mean())

    def _weight(self, expected: Floats) -> Floats:
        """What a count says of the log of its rate: none where it was sold out."""
        there = ~self._view.short
        excess = (((self._units - expected) ** 2 - expected) * there).sum()
        spread = np.clip(excess / (expected**2 * there).sum(), 0.0, 1.0)
        return np.asarray(there * expected / (1 + spread * expected))


def _rival_logs(view: View) -> tuple[Floats, Floats]:
    """How dear rivals are, day × cell: mean log of price ÷ its usual, last seen, none far from others."""
    logs = np.log(view.rivals)
    seen = np.isfinite(logs)
    last = np.where(seen, np.arange(len(logs))[:, None, None], 0)
    held = np.take_along_axis(logs, np.maximum.accumulate(last, axis=0), axis=0)
    counted = np.where(np.isfinite(held), held, 0.0)
    known = np.isfinite(held).any(axis=0)
    usual = np.where(known, np.nanmedian(np.where(known, held, 0.0), axis=0), 0.0)
    away = np.where(np.isfinite(held), counted - usual, 0.0)
    if not away.shape[1]:
        return np.zeros((len(logs), logs.shape[-1])), usual
    middle = np.median(away, axis=1, keepdims=True)
    there = np.isfinite(held)
    near = np.where(there, np.clip(away, middle - _FAR, middle + _FAR), 0.0)
    return np.asarray(near.sum(axis=1) / np.maximum(there.sum(axis=1), 1)), usual


def _shared(residual: Floats) -> float:
    """Times by which what residuals share from day to day widens a variance: 1 where they share nothing."""
    centred = residual - residual.mean(axis=0)
    total = (centred**2).sum()
    lags = [(centred[lag:] * centred[:-lag]).sum() / total for lag in range(1, _LAGS + 1)]
    return float(max(1 + 2 * np.sum(lags), 1.0))
