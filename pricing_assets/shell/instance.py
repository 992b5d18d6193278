"""The Dagster instance the shell runs on: the one `dagster dev` shows, where there is one.

Here: which instance. Not here: what runs on it.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings

_OWN = """\
# Written by `pricing` for a home of its own; the project's dagster.yaml serves the default home.
telemetry: {{enabled: false}}
storage: {{sqlite: {{base_dir: "{folder}"}}}}
local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config: {{base_dir: "{folder}"}}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, of the working directory where its dagster.yaml serves this home, else of home."""
    folder = _folder(settings)
    if not (folder / "dagster.yaml").is_file():
        raise PricingError(f"{folder}: no dagster.yaml, but DAGSTER_HOME names it", "unset DAGSTER_HOME, or mend it")
    return dg.DagsterInstance.from_config(str(folder))


def _folder(settings: Settings) -> Path:
    if settings.dagster_home:
        return settings.dagster_home
    here = Path.cwd()
    if (here / "dagster.yaml").exists() and settings.home.absolute() == here / ".pricing":
        return here
    folder = settings.home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        config.write_text(_OWN.format(folder=folder), encoding="utf-8")
    return folder
