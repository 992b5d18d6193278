"""A retraining killed between each two steps, and after each call that changes the registry, goes on where it was.

On SQLite and PostgreSQL; every state a kill leaves is resumed by the next run of the same root, as Dagster retries.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_model import SOLD, approved
from models_runs import CALLS, STEPS
from servers import empty_database

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.models import Registry, champion_in_force

Runs = Callable[[dict[str, str]], int]
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Runs]:
    """Runs a retraining in a process of its own; its exit code."""
    assert registry.versions("warm") == []  # makes MLflow's database, once
    errors = (tmp_path_factory.mktemp("runs") / "stderr").open("w+")
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "models_runs.py"), registry.uri, str(registry._artifacts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin and process.stdout
    into, out = process.stdin, process.stdout

    def run(said: dict[str, str]) -> int:
        into.write(json.dumps(said) + "\n")
        into.flush()
        return int(out.readline())

    yield run
    into.close()
    process.wait(30)
    errors.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for the ledger."""
    return empty_database(request, request.param, tmp_path)


def test_killed_anywhere_and_run_again_it_ends_the_same(
    runs: Runs, url: str, registry: Registry, model: str, tmp_path: Path
) -> None:
    with governance.open_store(url) as store:
        event_id = approved(store, model)
    said = {"governance": url, "uri": registry.uri, "artifacts": str(registry._artifacts)}
    said |= {"event": event_id, "root": "root", "kill": ""}
    kills = STEPS if url.startswith("postgresql") else [*STEPS[:2], *CALLS, *STEPS[2:]]
    codes = [runs({**said, "kill": kill}) for kill in kills]
    assert codes == [KILLED] * len(kills), dict(zip(kills, codes, strict=True))
    assert runs(said) == 0 and runs({**said, "root": "forged"}) == 1

    with governance.open_store(url) as store:
        event = store.gate.event(event_id)
        assert event.outcome and (event.outcome.result, event.outcome.version) == ("promoted", 1)
        counted = Counter(each.kind for each in store.events())
        steps = ("proposed", "approved", "claimed", "validated", "model_promoted", "outcome_recorded")
        assert counted == dict.fromkeys(steps, 1) and len(store.audit()) == len(steps)
        assert [each.version for each in registry.versions(model)] == [1]
        assert registry.aliases(model) == {"champion": 1}
        found = champion_in_force(store.gate, registry, model, tmp_path)
        assert json.loads((found.folder / "level.json").read_text()) == SOLD + 1
        with pytest.raises(PricingError, match="is consumed: run root claimed it"):
            store.gate.claim(event_id, "forged")
