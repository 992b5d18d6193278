"""The pictures of docs/story.md, from the home of a finished `make demo`: `python docs/story.py`.

Here: the evidence of the event somebody approved, and the report of the challenger it led to, as they are on record.
Not here: drawing (monitoring/, models/).
"""

from __future__ import annotations

from pathlib import Path

from pricing_assets import monitoring
from pricing_assets.defs.resources import Platform
from pricing_assets.models import pictures
from pricing_assets.models.retraining import report_on_record

FOLDER = Path(__file__).parent


def main() -> None:
    """Writes drift_event.png and challenger.png beside this file."""
    platform = Platform()
    event = next(each for each in platform.gate.events() if each.drift.champion is not None and each.validated)
    report = report_on_record(platform.bench, event)
    (FOLDER / "drift_event.png").write_bytes(monitoring.draw(dict(event.drift.evidence)))
    (FOLDER / "challenger.png").write_bytes(pictures.of_report(report))


if __name__ == "__main__":
    main()
