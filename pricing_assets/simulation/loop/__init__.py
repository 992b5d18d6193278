"""The closed loop: policies price a market day by day, and are held against holding and against knowing it all.

Here: scenes with known best prices, policies, what is measured, and the report. Not here: the market itself, whose
rooms above this one turn it.

    scene → world (history) → policy asks → market sells → policy learns → … → measures → report
"""

from __future__ import annotations

from pricing_assets.simulation.loop.evaluation import Outcome, evaluate
from pricing_assets.simulation.loop.scenes import KINDS, Scene, scene
from pricing_assets.simulation.loop.world import World

__all__ = ["KINDS", "Outcome", "Scene", "World", "evaluate", "scene"]
