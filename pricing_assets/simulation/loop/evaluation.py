"""One evaluation: every policy in the same market, on the same days, against holding and against the oracle.

Here: the run of a policy, and what of it is measured. Not here: many markets (runs), tables and pictures (report).

Profit is judged on what was to be expected at the prices asked; beside it stands what chance made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.simulation.loop.claims import Claims
from pricing_assets.simulation.loop.informed import Informed
from pricing_assets.simulation.loop.policies import CostPlus, Matching, Naive, Oracle, Policy, Static
from pricing_assets.simulation.loop.product import Product
from pricing_assets.simulation.loop.scenes import Scene, scene
from pricing_assets.simulation.loop.world import Branch, World
from pricing_assets.simulation.randomness import Bools, Floats, Ints

STATIC, ORACLE, PRODUCT, INFORMED = "static", "oracle", "product", "same information"
PLUG_IN = "same information, no doubt"
PLAIN: Mapping[str, Callable[[Scene], Policy]] = {
    STATIC: lambda _: Static(),
    "cost-plus": lambda _: CostPlus(),
    "competitor-matching": lambda _: Matching(),
    "naive elasticity": lambda _: Naive(),
    INFORMED: Informed,
    PLUG_IN: lambda scene: Informed(scene, careful=False),
    ORACLE: Oracle,
}
"""The policies a product is held against, by name."""


@dataclass(frozen=True)
class Path:
    """What a policy did and what came of it, day × cell of the evaluated days, in cents; and what it said of it."""

    price: Ints
    expected: Floats
    sold: Ints
    claims: Claims


class Outcome(NamedTuple):
    """`rows`: one per policy; `cells`: one per policy and SKU-market; `days`: one per policy and day."""

    rows: pl.DataFrame
    cells: pl.DataFrame
    days: pl.DataFrame


def evaluate(
    policy_text: str | None,
    law: str,
    off: float,
    seed: int,
    *,
    days: int = 90,
    skus: int = 24,
    markets: int = 2,
    policies: Sequence[str] | None = None,
    **product: Any,
) -> Outcome:
    """Every policy in one market: of a strategy's text, of the plain ones, of the oracle.

    `law` is a kind of market (scenes.KINDS). `policies` names those wanted beside static and oracle (default all);
    `product` goes to product.Product, e.g. decide_every=7. Same arguments, same outcome. Raises PricingError and
    StrategyError for what cannot be meant.
    """
    set_out = scene(law, off, seed, days=days, skus=skus, markets=markets)
    return evaluate_in(set_out, policy_text, policies, **product)


def evaluate_in(
    set_out: Scene, policy_text: str | None, policies: Sequence[str] | None = None, **product: Any
) -> Outcome:
    """Every policy in one scene, as `evaluate` says."""
    wanted = list(PLAIN) if policies is None else [STATIC, *policies, ORACLE]
    if unknown := [name for name in wanted if name not in PLAIN]:
        raise PricingError(f"policy: {unknown[0]}", f"expected some of {', '.join(PLAIN)}")
    before = World(set_out)
    paths = {}
    for name in dict.fromkeys(wanted):
        paths[name] = follow(before.copy(), PLAIN[name](set_out))
    if policy_text is not None:
        world = before.copy()
        paths[PRODUCT] = follow(world, Product(policy_text, world, **product))
    return _outcome(set_out, before.branch(), paths)


def follow(world: World, policy: Policy) -> Path:
    """Let a policy decide and the market sell, to the last day."""
    scene = world.scene
    claims = Claims()
    for _ in range(scene.settings.days - scene.history):
        asked = policy.ask(world.view())
        claims.add(world, policy, asked)
        world.sell(asked)
    past = slice(scene.history, None)
    kept = {name: world.market.days[name][past].copy() for name in ("price", "expected", "sold")}
    return Path(**kept, claims=claims)


def _outcome(scene: Scene, branch: Branch, paths: Mapping[str, Path]) -> Outcome:
    hold, best = (_profit(scene, paths[name]).sum() for name in (STATIC, ORACLE))
    rows, cells, days = [], [], []
    names = scene.settings.sku_names().gather(scene.assortment.sku).to_list()
    markets = [scene.settings.market_names()[number] for number in scene.assortment.market]
    for name, path in paths.items():
        profit = _profit(scene, path)
        changed = (path.price != scene.start).any(axis=0)
        worth = _worth(scene, branch, path, changed)
        rows.append(
            {"policy": name} | _measures(scene, path, worth=worth, changed=changed, hold=float(hold), best=float(best))
        )
        cells.append(pl.DataFrame({
            "policy": name, "sku": names, "market": markets, "start": scene.start, "best": scene.best,
            "cost": scene.costs[-1], "last": path.price[-1], "changes": _changes(scene, path).sum(axis=0),
            "elasticity": -scene.assortment.tastes.base, "changed": changed, "worth": worth / 100,
        }))  # fmt: skip
        days.append(pl.DataFrame({
            "policy": name, "day": np.arange(len(profit)), "profit": profit.sum(axis=1) / 100,
            "changes": _changes(scene, path).sum(axis=1),
        }))  # fmt: skip
    unclaimed = {
        "claimed": pl.Float64,
        "oracle_share": pl.Float64,
        "realised": pl.Float64,
        "mean_change_pct": pl.Float64,
    }
    return Outcome(pl.DataFrame(rows, schema_overrides=unclaimed), pl.concat(cells), pl.concat(days))


def _measures(
    scene: Scene, path: Path, *, worth: Floats, changed: Bools, hold: float, best: float
) -> dict[str, float | int | None]:
    """The figures of a policy in one market; amounts in major units."""
    cost, expected = scene.costs[scene.history :], path.expected
    profit = _profit(scene, path).sum()
    changes = _changes(scene, path)
    started = np.vstack([scene.start, path.price])
    return {
        "profit": profit / 100,
        "revenue": float((path.price * expected).sum()) / 100,
        "realised_profit": float(((path.price - cost) * path.sold).sum()) / 100,
        "gain": (profit - hold) / 100,
        "gain_pct": 100 * (profit / hold - 1),
        "regret": (best - profit) / 100,
        "oracle_share": (profit - hold) / (best - hold) if best > hold else None,
        "changed": int(changed.sum()),
        "harmed": int((changed & (worth < 0)).sum()),
        "changes": int(changes.sum()),
        "changes_per_100_days": 100 * float(changes.mean()),
        "mean_change_pct": 100 * float(np.abs(np.diff(np.log(started), axis=0))[changes].mean())
        if changes.any()
        else 0,
    } | path.claims.totals()


def _profit(scene: Scene, path: Path) -> Floats:
    """Expected profit, day × cell, in cents."""
    return (path.price - scene.costs[scene.history :]) * path.expected


def _changes(scene: Scene, path: Path) -> Bools:
    """Whether a price is another than the day before, day × cell."""
    return np.asarray(np.diff(np.vstack([scene.start, path.price]), axis=0) != 0)


def _worth(scene: Scene, branch: Branch, path: Path, changed: Bools) -> Floats:
    """Of each changed cell what its own changes brought its block over all days."""
    cost = scene.costs[scene.history :]
    return scene.blocks.worth(
        lambda price: ((price - cost) * branch.units(price)).sum(axis=0), scene.start, path.price, changed
    )
