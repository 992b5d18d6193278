"""Dagster, governance and MLflow in PostgreSQL: the same days as on SQLite, and nothing lost where it is restarted.

They take some minutes.
"""

from __future__ import annotations

import json
import random
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
import torture_runs
from polars.testing import assert_frame_equal
from postgres_server import Postgres, started
from torture_findings import standing
from torture_runs import PATIENCE, Place, Warm, check_whole, hashes, warm
from torture_seed import repeat, seed
from torture_shop import FIRST, write_shop

from pricing_assets.lake import claims
from pricing_assets.settings import EXAMPLES
from pricing_assets.tables.forecasts import DemandForecasts

DEPLOY = Path(__file__).parents[2] / "deploy"
MARKET, LAST = date(2026, 10, 2), date(2026, 10, 31)
SEED = seed(20261129)

pytestmark = pytest.mark.torture


def in_postgres(home: Path, shop: Path, postgres: Postgres, name: str) -> Place:
    """A home whose Dagster, governance and MLflow are in databases of their own."""
    databases = {"DAGSTER_URL": "dagster", "GOVERNANCE_URL": "governance", "MLFLOW_URI": "mlflow"}
    urls = {f"PRICING_{key}": postgres.database(f"{database}_{name}") for key, database in databases.items()}
    folders = {"DAGSTER_HOME": str(DEPLOY), "PRICING_DAGSTER_FOLDER": str(home / "dagster")}
    return Place(home, shop, urls | folders)


def test_thirty_days_are_the_same_on_sqlite_and_in_postgresql(tmp_path: Path) -> None:
    shop, sqlite = write_shop(tmp_path / "shop"), tmp_path / "sqlite" / "home"
    words = ["run", "--from", str(FIRST + timedelta(days=20)), "--to", str(FIRST + timedelta(days=49))]
    with started() as postgres:
        places = Place(sqlite, shop), in_postgres(tmp_path / "postgres" / "home", shop, postgres, "thirty")
        for place in places:
            place.home.parent.mkdir()
            with warm(place) as server:
                server.run(*words)
    _check_same(*places, 30)
    assert not list(places[1].home.rglob("*.db")), "nothing is in SQLite"


def test_thirty_days_of_a_champion_are_the_same_on_sqlite_and_in_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model is asked for in the first days, agreed to, trained, promoted and forecasts the days after, on each."""
    monkeypatch.setattr(torture_runs, "PATIENCE", 1200)
    with started() as postgres:
        places = (
            Place(tmp_path / "sqlite" / "home", EXAMPLES / "sap_like"),
            in_postgres(tmp_path / "postgres" / "home", EXAMPLES / "sap_like", postgres, "champion"),
        )
        for place in places:
            _with_a_champion(place)
    _check_same(*places, 30)
    assert [path.name for path in places[1].home.rglob("*.db")] == ["market.db"], "nothing but the shop is in SQLite"


def _check_same(sqlite: Place, postgres: Place, days: int) -> None:
    """Every table of every day hashes to the same."""
    found, expected = hashes(postgres.lake), hashes(sqlite.lake)
    assert {table: list(files) for table, files in found.items()} == {
        table: list(files) for table, files in expected.items()
    }
    different = [(table, day) for table, files in expected.items() for day in files if files[day] != found[table][day]]
    assert different == []
    assert len(expected["decisions.price_decisions"]) == days
    assert_frame_equal(standing(postgres.lake), standing(sqlite.lake))
    print(f"{sum(map(len, expected.values()))} hashes of {days} days in {len(expected)} tables are equal")


def _with_a_champion(place: Place) -> None:
    """Three days, the first model, twenty-seven days; the market of the month that replays (test_torture_month.py)."""
    place.home.parent.mkdir()
    place.run("simulate", "--last-day", str(LAST), "--until", str(MARKET + timedelta(days=2)))
    place.run("run", "--from", str(MARKET), "--to", str(MARKET + timedelta(days=2)))
    event = next(each["id"] for each in _answer(place, "drift", "list") if each["model"] == "demand-daily")
    place.run("drift", "approve", event, "--reason", "the first model", "--by", "ann")
    said = place.run("models", "retrain")
    assert any(each["role"] == "champion" for each in _answer(place, "models", "list")), said
    place.run("simulate", "--last-day", str(LAST))
    place.run("run", "--from", str(MARKET + timedelta(days=3)), "--to", str(LAST))
    forecasts = place.lake.read(DemandForecasts).filter(pl.col("date") > MARKET + timedelta(days=2))
    assert forecasts["model_version"].drop_nulls().unique().to_list() == [1], "the champion forecast"


def _answer(place: Place, *words: str) -> list[dict[str, Any]]:
    return json.loads(place.run(*words, "--json"))  # type: ignore[no-any-return]


class Told(Warm):
    """A Warm whose runs' words can be read."""

    def __init__(self, place: Place) -> None:
        self.words = place.home.parent / f"{place.home.name}.said"
        super().__init__(place, said=self.words)

    def said_since(self, start: int) -> str:
        return self.words.read_bytes()[start:].decode()


@pytest.mark.parametrize("outages", [12])
def test_a_server_restarted_in_mid_run_costs_a_run_at_most_and_no_day(tmp_path: Path, outages: int) -> None:
    """At random moments, down for none to twelve seconds: some are waited out, the others end the run by name."""
    print(repeat("restarted_in_mid_run", SEED))
    shop, chance = write_shop(tmp_path / "shop"), random.Random(SEED)
    days = [FIRST + timedelta(days=20 + number) for number in range(outages + 1)]
    whole = Place(tmp_path / "whole", shop)
    whole.run("run", "--from", str(days[0]), "--to", str(days[-1]))
    with started() as postgres:
        place = in_postgres(tmp_path / "struck", shop, postgres, "struck")
        server, ended = Told(place), {"well": 0, "by name": 0, "before it was struck": 0}
        try:
            server.run("run", "--date", str(days[0]))
            before = time.monotonic()
            server.run("run", "--date", str(days[0]))
            lasts = time.monotonic() - before
            for day in days[1:]:
                down = chance.choice((0.0, 0.0, chance.uniform(3, 12)))
                how, said = _struck(server, postgres, day, chance.uniform(0.05, 0.95) * lasts, down)
                print(f"{day}: of {lasts:.1f} s, down {down:.1f} s, ended {how}")
                assert "Traceback" not in said and "secret-word" not in said, said[-3000:]
                ended[how] += 1
                if how == "by name":
                    assert "\n  remedy: " in said, said[-3000:]
                    server.run("run", "--date", str(day))
                check_whole(place.lake)
                assert claims.holders(place.lake) == {}
        finally:
            server.close()
        print(ended)
        assert ended["well"] + ended["by name"] > outages // 2, "most were struck at work"
        assert hashes(place.lake) == hashes(whole.lake)
        assert_frame_equal(standing(place.lake), standing(whole.lake))
        assert "FAULT" not in place.run("doctor")
        postgres.stop()
        doctor = place.start("doctor")
        said, _ = doctor.communicate(timeout=PATIENCE)
        faults = {"FAULT governance: ", "FAULT registry: ", "FAULT dagster: "}
        assert doctor.returncode == 1 and all(each in said for each in faults), said
        assert said.count("FAULT ") == said.count("remedy: see that ") == len(faults), said
        assert "Traceback" not in said and "secret-word" not in said, said
        postgres.start()
        assert "FAULT" not in place.run("doctor")


def _struck(server: Told, postgres: Postgres, day: date, moment: float, down: float) -> tuple[str, str]:
    """Runs a day, the server of databases stopped after a moment for some seconds; how it ended, and what it said."""
    start = server.words.stat().st_size
    pid = server.start("run", "--date", str(day))
    time.sleep(moment)
    at_work = psutil.pid_exists(pid)
    postgres.stop()
    time.sleep(down)
    postgres.start()
    code = server.wait()
    assert code in (0, 1), code
    how = "by name" if code else "well" if at_work else "before it was struck"
    return how, server.said_since(start)
