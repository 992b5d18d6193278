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
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config: {{base_dir: "{folder}/logs"}}
concurrency: {{runs: {{max_concurrent_runs: 1}}}}
run_monitoring: {{enabled: true, start_timeout_seconds: 180, max_resume_run_attempts: 0, max_runtime_seconds: 21600}}
run_retries: {{enabled: true, max_retries: 2, retry_on_asset_or_op_failure: false}}
"""


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, of the working directory where its dagster.yaml serves this home, else of home."""
    folder = instance_folder(settings)
    if not (folder / "dagster.yaml").is_file():
        raise PricingError(f"{folder}: no dagster.yaml, but DAGSTER_HOME names it", "unset DAGSTER_HOME, or mend it")
    return dg.DagsterInstance.from_config(str(folder))


def instance_folder(settings: Settings) -> Path:
    """DAGSTER_HOME of this home, with its dagster.yaml."""
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


if __name__ == "__main__":
    print(instance_folder(Settings()))
