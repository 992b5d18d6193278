"""Beliefs: what the price a shop kept says of an elasticity, beside what its sales say.

Here: elasticities with that evidence in them, and how far a shop's prices are from the best, learned from its rows. Not
here: estimating elasticities (demand/elasticity), choosing prices (optimiser).

A shop that kept a margin for half a year found it good: it is the best one for some elasticity (Lerner 1934). It errs
by some share of the price, whose spread the rows tell: the distances between what prices and what sales imply, so far
as the errors of the estimates do not explain them (the median analogue of Paule and Mandel 1982). Where prices are near
the best already, only strong evidence of sales moves one; where they stray, sales count. Without this the optimiser
would chase the errors of the estimates, and claim their size as its gain.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pricing_assets.pricing.optimiser import Floats, Rows

USUAL, FEW = 0.05, 12
"""How far a price is off as a rule (share of it), and below how many rows that is taken instead of learned."""
LEAST, MOST = 0.03, 0.5
"""How far a price is off at least and at most: no shop prices better, and of one that prices worse it tells nothing."""
_MEDIAN = 0.4549364231195727  # of a squared standard normal
_HALVINGS = 30


def believed(rows: Rows, margin: Floats) -> Rows:
    """The rows with elasticities and errors that take the price kept into account; as they are where it says nothing.

    `margin` is the share of the price kept over half a year, after cost; not a number where none is known, and where it
    is not above 0 it is the best for no elasticity.
    """
    crossed = rows.others / np.maximum(rows.units * rows.planned, 1e-9)
    there = np.isfinite(margin) & (margin > 0) & (crossed > -1)
    kept, crossed = np.where(there, margin, 1.0), np.where(there, crossed, 0.0)
    implied = -(1 + crossed) / kept
    # a price that is off by a share of itself implies an elasticity that is off by `reach` times that share
    reach = (1 + crossed) * (1 - kept) / kept**2
    distance = implied - rows.elasticity
    off = _off(distance[there], reach[there], rows.error[there])
    prior = np.maximum((reach * off) ** 2, 1e-12)
    share = np.where(there, prior / (prior + rows.error**2), 1.0)
    elasticity = np.minimum(np.where(there, implied - share * distance, rows.elasticity), 0.0)
    return replace(rows, elasticity=elasticity, error=rows.error * np.sqrt(share))


def _off(distance: Floats, reach: Floats, error: Floats) -> float:
    """The spread of the shares by which prices are off that makes the median distance what it is."""
    if len(distance) < FEW:
        return USUAL
    low, high = LEAST, MOST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        scaled = distance**2 / np.maximum((reach * middle) ** 2 + error**2, 1e-12)
        low, high = (middle, high) if np.median(scaled) > _MEDIAN else (low, middle)
    return (low + high) / 2
