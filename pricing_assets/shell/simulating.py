"""Commands of the market simulator: simulate.

Here: writing a market, its truth and its labels, and saying what was planted. Not here: the simulation itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pricing_assets.counting import counted
from pricing_assets.lake.files import make_folder
from pricing_assets.shell.command import Shell

if TYPE_CHECKING:
    from pricing_assets.simulation import MarketSettings, Simulated

TRUTH, LABELS = "truth.json", "labels.parquet"


def simulate(shell: Shell, url: str, **wanted: Any) -> None:
    """Simulate a market, write it to `url` (default HOME/market.db), its truth and labels to HOME/simulation."""
    from pricing_assets.simulation import MarketSettings, simulate
    from pricing_assets.simulation.delivery import deliver

    settings = MarketSettings(**wanted)
    url = url or f"sqlite:///{shell.settings.home / 'market.db'}"
    with shell.progress.status("simulating") as status:
        simulated = simulate(
            settings, lambda day: status.update(f"simulating {settings.day(day)}, day {day + 1} of {settings.days}")
        )
        make_folder(shell.settings.home)
        deliver(simulated, url, lambda table, rows: status.update(f"writing {table}, {rows:,} rows"))
        folder = _keep(shell.settings.home, simulated)
    _say(shell, settings, simulated, url, folder)


def folder_of(home: Path) -> Path:
    """Where truth and labels are, outside lake and source."""
    return home / "simulation"


def _keep(home: Path, simulated: Simulated) -> Path:
    """Write truth and labels, readable by their owner alone; returns their folder."""
    folder = folder_of(home)
    make_folder(folder)
    for name in (TRUTH, LABELS):
        (folder / name).touch(mode=0o600)
        (folder / name).chmod(0o600)
    (folder / TRUTH).write_text(json.dumps(simulated.truth, indent=1), encoding="utf-8")
    simulated.labels.write_parquet(folder / LABELS)
    return folder


def _say(shell: Shell, settings: MarketSettings, simulated: Simulated, url: str, folder: Path) -> None:
    """What was planted, in numbers; where and when stays in the labels."""
    from pricing_assets.simulation import VERSION

    episodes = simulated.labels.unique("episode_id").group_by("reason").len("episodes").sort("reason")
    rows = {name: frame.height for name, frame in simulated.frames.items()}
    malformed = sum(frame.height for frame in simulated.faults.values())
    planted = dict(episodes.iter_rows())
    kept = {"truth": str(folder / TRUTH), "labels": str(folder / LABELS)}
    shown = _without_password(url)
    answer = {"version": VERSION, "settings": settings.described(), "url": shown, "rows": rows}
    shell.answer({**answer, "malformed": malformed, "episodes": planted, **kept})
    span = f"{settings.first_day} to {settings.last_day}"
    shell.say(
        f"{counted(settings.skus, 'SKU')} × {counted(settings.markets, 'market')}, {span}, law {settings.law}, "
        f"seed {settings.seed}, generator version {VERSION}"
    )
    shell.say(f"written to {shown}: " + ", ".join(f"{number:,} {name}" for name, number in rows.items()))
    names = ", ".join(f"{number} {reason}" for reason, number in planted.items())
    shell.say(f"planted: {counted(malformed, 'malformed row')}; {counted(sum(planted.values()), 'episode')}: {names}")
    shell.say(f"truth and labels: {folder}")


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
