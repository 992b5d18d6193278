"""The Dagster UI: `dagster dev` serves it, GraphQL launches a day, Chromium shows it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tiny_shop import FIRST, Shop

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
LINE = [
    *(["raw", name] for name in ("listings", "prices", "sales", "stock", "competitor_snapshots", "quarantine")),
    *(["runs", "checks"], ["features", "feature_snapshots"], ["anomalies", "price_anomalies"]),
    *(["forecasts", name] for name in ("demand_forecasts", "accuracy", "elasticities")),
    ["governance", "strategies"],
    *(["decisions", name] for name in ("overrides", "price_decisions", "price_steps", "price_book")),
    ["runs", "days"],
]

pytestmark = pytest.mark.browser


class Ui(NamedTuple):
    url: str
    location: str
    repository: str

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = json.load(answer)
        assert "errors" not in content, content
        return content["data"]


REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
LAUNCH = """mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """`dagster dev` on a free port with a home of its own; ended with its children."""
    folder = tmp_path_factory.mktemp("ui")
    shop = Shop(folder / "shop").write()
    instance = folder / "dagster"
    instance.mkdir()
    (instance / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"PRICING_HOME": folder / "home", "PRICING_SOURCE": shop.folder, "DAGSTER_HOME": instance}
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    command = [BIN / "dagster", "dev", "--host", "127.0.0.1", "--port", str(port), "-w", PROJECT / "workspace.yaml"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield _ready(f"http://127.0.0.1:{port}", folder / "log")
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _ready(url: str, log: Path) -> Ui:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            found = Ui(url, "", "").ask(REPOSITORIES)["repositoriesOrError"]["nodes"]
            if found:
                return Ui(url, found[0]["location"]["name"], found[0]["name"])
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"dagster dev did not come up:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def priced(ui: Ui) -> str:
    """A day launched from the UI; its run."""
    location = {"repositoryLocationName": ui.location, "repositoryName": ui.repository}
    params = {
        "selector": location | {"jobName": "daily", "assetSelection": [{"path": path} for path in LINE]},
        "mode": "default",
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": str(FIRST)}]},
    }
    launched = ui.ask(LAUNCH, params=params)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id: str = launched["run"]["runId"]
    deadline, status = time.monotonic() + 120, ""
    while time.monotonic() < deadline and status not in ("SUCCESS", "FAILURE", "CANCELED"):
        time.sleep(0.5)
        status = ui.ask(STATUS, id=run_id)["runOrError"]["status"]
    assert status == "SUCCESS"
    return run_id


def test_a_day_is_launched_from_the_ui(ui: Ui, priced: str) -> None:
    query = "{ assetNodes { assetKey { path } groupName partitionDefinition { description } } }"
    nodes = {"/".join(node["assetKey"]["path"]): node for node in ui.ask(query)["assetNodes"]}
    assert {"/".join(path) for path in LINE} <= set(nodes)
    assert nodes["marts/price_history"]["groupName"] == "marts"
    assert nodes["decisions/price_decisions"]["partitionDefinition"] is not None


@pytest.fixture(scope="module")
def page(ui: Ui) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the pages of the UI were not looked at")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 2400})
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def test_the_asset_graph_shows_the_line(ui: Ui, priced: str, page: Any, tmp_path: Path) -> None:
    page.goto(f"{ui.url}/asset-groups")
    for name in ("raw", "features", "decisions", "marts"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.screenshot(path=tmp_path / "groups.png")
    page.goto(f"{ui.url}/assets/decisions/price_decisions?view=lineage&lineageScope=neighbors")
    for name in ("price_decisions", "feature_snapshots", "stg_decisions", "price_book"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.screenshot(path=tmp_path / "graph.png")


def test_the_decisions_page_shows_plots_and_tables(ui: Ui, priced: str, page: Any, tmp_path: Path) -> None:
    page.goto(f"{ui.url}/assets/decisions/price_decisions?view=partitions&partition={FIRST}")
    page.get_by_text("price changes", exact=True).first.wait_for()
    for name in ("sample", "actions", "reasons", "price changes"):
        assert page.get_by_text(name, exact=True).count() > 0, name
    page.screenshot(path=tmp_path / "partition.png")
    page.get_by_text("Show Markdown").first.click()
    page.wait_for_timeout(1500)
    page.screenshot(path=tmp_path / "plot.png")
    picture = page.locator("img[alt*='changed prices']").first
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 100, "the picture is drawn, not only linked"
    page.goto(f"{ui.url}/assets/decisions/price_decisions?view=overview")
    page.get_by_text("final_price", exact=True).first.wait_for()
    page.screenshot(path=tmp_path / "overview.png")
