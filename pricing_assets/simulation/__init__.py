"""The market simulator: a seeded shop with planted truth, to measure everything else against.

Here: how a market lives (assortment, laws, seasons, promotions, costs, rivals, stock), what goes wrong in it
(irregularities, corrections, faults), and how well alarms find that (scoring). Not here: reading any of it as a source
would (sources), or flagging anomalies (anomalies). Nothing below imports this room.

    settings → assort → plan promotions and episodes → trade, day by day → frames, faults, labels, truth
"""

from __future__ import annotations

from pricing_assets.simulation.market import Simulated, simulate
from pricing_assets.simulation.settings import LAWS, VERSION, MarketSettings

__all__ = ["LAWS", "VERSION", "MarketSettings", "Simulated", "simulate"]
