"""Information: what the rows of each series know of its slopes, once these are fitted.

Here: errors clustered within series and across a SKU's, what identifies a price. Not here: fitting (fixed_effects),
pulling slopes together (shrinkage).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pricing_assets.cores import side_by_side
from pricing_assets.demand.elasticity.clusters import Floats, Ints, meat
from pricing_assets.demand.elasticity.design import Design, gram, series_sums
from pricing_assets.demand.elasticity.parts import Part, parts

_FAINT = 1 / 40.0**2
"""Precision that keeps a matrix invertible where the rows say nothing about a slope."""
_MANY_ZONES = 8
_MOST_INFLATION = 400.0


class Slopes(NamedTuple):
    """What each series says: `precision` (series × k × k) and `weighted` (precision × its own estimate, series × k).

    `own` and `own_error` are the estimates alone, NaN where the rows say nothing. `variation` is the standard deviation
    of each column after everything else in the series is taken out of it. `common` (SKUs × k) is the variance that all
    series of a SKU share, because what moves units moves many of its series at once.
    """

    precision: Floats
    weighted: Floats
    own: Floats
    own_error: Floats
    variation: Floats
    common: Floats


class Residuals(NamedTuple):
    """Per row: `weight` of the regression, `score` (what a column is multiplied by), `squared` (1 where all is as
    expected).
    """

    weight: Floats
    score: Floats
    squared: Floats

    def of(self, rows: slice) -> Residuals:
        """Those of some rows."""
        return Residuals(*(each[rows] for each in self))


class _Alone(NamedTuple):
    """What each series says, as Slopes has it, with its `normal` matrix."""

    precision: Floats
    weighted: Floats
    own: Floats
    own_error: Floats
    variation: Floats
    normal: Floats


def information(design: Design, slopes: Floats, residuals: Residuals, sku: Ints) -> Slopes:
    """What the rows know of each slope; `sku` numbers the SKU of each series."""
    scores = np.empty_like(design.x)

    def told(part: Part) -> _Alone:
        return _alone(part.design, slopes[part.series], residuals.of(part.rows), scores[part.rows])

    made = side_by_side(told, parts(design))
    alone = _Alone(*(np.concatenate(each) for each in zip(*made, strict=True)))
    return Slopes(*alone[:-1], common=_common(design, alone.normal, scores, sku))


def _alone(design: Design, slopes: Floats, residuals: Residuals, scores: Floats) -> _Alone:
    """What each series says; its scores (rows × k) are written into `scores`."""
    total = np.maximum(series_sums(design, residuals.weight), 1e-12)
    x = design.x - (series_sums(design, design.x * residuals.weight[:, None]) / total[:, None])[design.series]
    normal = gram(design, x, residuals.weight)
    width = x.shape[1]
    count = series_sums(design, np.ones_like(total[design.series]))
    dispersion = series_sums(design, residuals.squared) / np.maximum(count - width - 1, 1.0)
    dispersion = np.maximum(dispersion, 1e-3)[:, None]
    inverse = np.linalg.inv(normal + _FAINT * dispersion[:, :, None] * np.eye(width))
    np.multiply(x, residuals.score[:, None], out=scores)
    robust = np.einsum("sij,sjk,ski->si", inverse, _block_meat(design, scores), inverse)
    model = np.maximum(np.einsum("sii->si", inverse), 1e-12)
    inflation = np.clip(robust / model, dispersion, _MOST_INFLATION * dispersion)
    root = 1 / np.sqrt(inflation)
    precision = normal * root[:, :, None] * root[:, None, :]
    alone = slopes + np.einsum("sij,sj->si", inverse, series_sums(design, scores))
    known = model * inflation < 0.9 / _FAINT
    return _Alone(
        precision=precision,
        weighted=np.einsum("sij,sj->si", precision, alone),
        own=np.where(known, alone, np.nan),
        own_error=np.where(known, np.sqrt(model * inflation), np.nan),
        variation=np.sqrt(1 / model / total[:, None]),
        normal=normal,
    )


def _common(design: Design, normal: Floats, scores: Floats, sku: Ints) -> Floats:
    """Variance of each SKU's mean slopes beyond what independent series would leave: two-way (week, zone) clusters."""
    skus = int(sku.max(initial=-1)) + 1
    width = scores.shape[1]
    common = np.zeros((skus, width))
    of_row, blocks = sku[design.series], int(design.block.max(initial=0)) + 1
    order, members = np.argsort(of_row, kind="stable"), np.argsort(sku, kind="stable")
    bounds, of_sku = (np.searchsorted(each, np.arange(skus + 1)) for each in (of_row[order], sku[members]))
    for number in np.flatnonzero(np.diff(of_sku) > 1):
        rows = order[bounds[number] : bounds[number + 1]]
        if not len(rows):
            continue
        zone, date = design.zone[rows], design.date[rows]
        many = len(np.unique(zone)) >= _MANY_ZONES
        alone = meat(scores[rows], [design.series[rows] * blocks + design.block[rows]])
        together = meat(scores[rows], [date, zone] if many else [date])
        mine = members[of_sku[number] : of_sku[number + 1]]
        bread = np.linalg.pinv(normal[mine].sum(axis=0), rcond=1e-9)
        common[number] = np.diag(bread @ (together - alone) @ bread)
    return np.maximum(common, 0.0)


def _block_meat(design: Design, scores: Floats) -> Floats:
    """Per series the sum of outer products of its blocks' sums of scores."""
    keys = design.series * (int(design.block.max(initial=0)) + 1) + design.block
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))[: len(keys)]
    if not len(keys):
        return np.zeros((len(design.start), scores.shape[1], scores.shape[1]))
    sums = np.add.reduceat(scores, first, axis=0)
    of_block = design.series[first]
    blocks = np.bincount(of_block, minlength=len(design.start))
    outer = (sums[:, :, None] * sums[:, None, :]).reshape(len(sums), -1)
    total = np.column_stack([np.bincount(of_block, column, len(design.start)) for column in outer.T])
    correction = blocks / np.maximum(blocks - 1, 1)
    return np.asarray(total.reshape(-1, scores.shape[1], scores.shape[1]) * correction[:, None, None])
