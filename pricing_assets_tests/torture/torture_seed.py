"""Chance that can be had again: the seed of a test, and the words that repeat what it did.

Here: TORTURE_SEED. Not here: what is drawn by it.
"""

from __future__ import annotations

import os


def seed(usual: int) -> int:
    """TORTURE_SEED, where it is set, or the usual one of a test."""
    return int(os.environ.get("TORTURE_SEED", usual))


def repeat(chosen: str, of: int, *, target: str = "torture", **named: object) -> str:
    """How to repeat a failure alone: `chosen` are the tests as pytest's -k has them, `named` what the environment says.

    >>> repeat("stations", 7, TORTURE_POINT=12)
    'repeat it: TORTURE_SEED=7 TORTURE_POINT="12" make torture PYTEST=\'-k "stations"\''
    """
    said = "".join(f'{name}="{value}" ' for name, value in named.items())
    return f"repeat it: TORTURE_SEED={of} {said}make {target} PYTEST='-k \"{chosen}\"'"
