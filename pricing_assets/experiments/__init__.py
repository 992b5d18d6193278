"""Experiments on the running shop: who is held out, which prices are tested, and what pricing earned against them.

Here: drawing clusters (category × market) and arms, by salt and period alone, and the figures they allow; pure
functions over frames. Not here: deciding prices (pricing/), what a draft would have decided (pricing/shadows), where
rows are kept (lake/).
"""

from __future__ import annotations

from pricing_assets.experiments.design import CLUSTER, NO_CATEGORY, SETTING, Design, settings_of
from pricing_assets.experiments.effectiveness import FEWEST_CLUSTERS, MEASURES, effectiveness, period_rows, sentence
from pricing_assets.experiments.holdouts import assigned, held_out
from pricing_assets.experiments.price_tests import STEP, drawn, moved, targets

__all__ = [
    "CLUSTER",
    "FEWEST_CLUSTERS",
    "MEASURES",
    "NO_CATEGORY",
    "SETTING",
    "STEP",
    "Design",
    "assigned",
    "drawn",
    "effectiveness",
    "held_out",
    "moved",
    "period_rows",
    "sentence",
    "settings_of",
    "targets",
]
