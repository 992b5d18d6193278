"""Many evaluations: seeds, processes, what they sum up to, the page and its pictures, the command."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pricing_assets.cli_simulation import app
from pricing_assets.errors import PricingError
from pricing_assets.simulation.loop import report
from pricing_assets.simulation.loop.evaluation import INFORMED, ORACLE, PLUG_IN, PRODUCT, STATIC
from pricing_assets.simulation.loop.runs import Asked, Results, drawn, judged, run, summary

RULES = """strategy: dearer
type: rules
rules: [{name: up, then: {multiply: 1.02}}]
constraints: [{max_daily_change: 0.10}]
"""
ROW = {
    "law": "log_log", "off": 0.07, "seed": 1, "policy": PRODUCT, "profit": 102.0, "revenue": 210.0,
    "realised_profit": 101.0, "gain": 2.0, "gain_pct": 2.0, "regret": 2.0, "oracle_share": 0.5, "changed": 10,
    "harmed": 1, "changes": 12, "changes_per_100_days": 3.0, "mean_change_pct": 4.0, "claimed": 3.0, "realised": 2.5,
    "told": 10, "came_true": 8, "squared_error": 1.2, "violations": 0,
}  # fmt: skip
NOTHING = {"gain": 0.0, "gain_pct": 0.0, "changed": 0, "harmed": 0, "claimed": None, "realised": None}


def rows(*changes: dict[str, object]) -> pl.DataFrame:
    """A row per change of ROW, beside holding and the oracle of each seed."""
    made = [ROW | change for change in changes]
    seeds = {row["seed"] for row in made}
    made += [ROW | NOTHING | {"seed": seed, "policy": STATIC, "profit": 100.0, "revenue": 200.0} for seed in seeds]
    made += [ROW | NOTHING | {"seed": seed, "policy": ORACLE, "gain": 4.0, "regret": 0.0} for seed in seeds]
    return pl.DataFrame(made)


def of_product(summed: pl.DataFrame) -> dict[str, object]:
    return summed.row(by_predicate=pl.col("policy") == PRODUCT, named=True)


def test_shares_are_of_all_seeds_together() -> None:
    made = rows(
        {"gain": 3.0}, {"seed": 2, "gain": -1.0, "gain_pct": -1.0, "harmed": 3, "claimed": 1.0, "realised": 1.5}
    )
    found = of_product(summary(made))
    assert found["oracle_share"] == 2 / 8
    assert found["harmed_share"] == 4 / 20
    assert found["claimed_over_realised"] == 4 / 4
    assert found["gain_low_pct"] == -1.0
    assert found["revenue_pct"] == pytest.approx(5.0)


def test_the_share_of_the_same_information_is_of_the_better_one_and_null_where_that_gains_nothing() -> None:
    better, worse = ({"policy": name, "gain": gain} for name, gain in ((INFORMED, 2.5), (PLUG_IN, 1.0)))
    assert of_product(summary(rows({}, better, worse)))["informed_share"] == 2.0 / 2.5
    assert of_product(summary(rows({}, {"policy": INFORMED, "gain": -1.0})))["informed_share"] is None


def test_confidence_is_held_against_how_many_changes_come_true() -> None:
    found = of_product(summary(rows({}, {"seed": 2, "told": 10, "came_true": 4, "squared_error": 3.0})))
    assert found["brier_skill"] == pytest.approx(1 - 4.2 / (20 * 0.6 * 0.4))
    assert of_product(summary(rows({"came_true": 10})))["brier_skill"] is None
    assert of_product(summary(rows({"told": 0, "came_true": 0, "squared_error": 0.0})))["brier_skill"] is None


def test_a_figure_out_of_its_bounds_is_named_and_one_that_cannot_be_asked_is_not() -> None:
    def misses(**change: object) -> str:
        return str(judged(summary(rows(change)))["misses"][0])

    assert misses() == ""
    assert misses(gain_pct=-0.1) == "gain_low_pct"
    assert misses(harmed=2, violations=1) == "harmed_share, violations"
    assert misses(claimed=None, realised=None) == ""
    assert misses(claimed=5.0) == "claimed_over_realised"


def test_the_page_has_every_figure_and_the_command_that_makes_it_again(tmp_path: Path) -> None:
    asked = Asked(RULES, (1,), ("log_log",), (0.07,))
    days = pl.DataFrame([
        {"law": "log_log", "off": 0.07, "seed": 1, "policy": name, "day": day, "profit": 5.0, "changes": 0}
        for name in (STATIC, ORACLE, PRODUCT) for day in range(3)
    ])  # fmt: skip
    page = report.write(asked, Results(rows({}), days), tmp_path, "mine.yaml").read_text()
    assert "--policy mine.yaml --days 90 --off 0.07 --law log_log --skus 24 --markets 2 --seed-list 1" in page
    assert "| log_log | 0.07 | 2.00 | 2.00 | 5.00 | 0.50 |" in page
    for picture in (report.GAINS, report.DAYS):
        assert picture in page
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_processes_side_by_side_find_what_one_finds() -> None:
    asked = Asked(RULES, (3, 4), ("linear",), (0.15,), days=2, skus=2, markets=1)
    alone, told = run(asked), []
    together = run(asked, 2, lambda done, total: told.append((done, total)))
    assert together.rows.equals(alone.rows) and together.days.equals(alone.days)
    assert told == [(1, 2), (2, 2)]
    mine = alone.rows.filter(policy=PRODUCT)
    assert (mine["changed"] == 2).all() and (mine["violations"] == 0).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_stopped_keeps_what_is_over_of_every_kind_of_market(workers: int, tmp_path: Path) -> None:
    asked = Asked(RULES, (3, 4, 5), ("linear", "logit"), (0.15,), days=2, skus=2, markets=1)

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    found = run(asked, workers, stop)
    assert found.left == 2
    assert found.rows["law"].unique(maintain_order=True).to_list() == ["linear", "logit"]
    assert "It was stopped after 4 of 6 markets" in report.write(asked, found, tmp_path, "mine.yaml").read_text()


def test_a_run_that_is_stopped_before_anything_is_over_stops() -> None:
    def stop(*_: object) -> None:
        raise AssertionError("nothing is over")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("pricing_assets.simulation.loop.runs._one", _interrupted)
        run(Asked(RULES, (3,), ("linear",), (0.15,)), 1, stop)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_seeds_are_drawn_anew_each_time() -> None:
    assert len(set(drawn(20))) == 20
    assert drawn(3) != drawn(3)


@pytest.mark.parametrize("wrong", [{"seeds": ()}, {"laws": ("linear", "linear")}, {"offs": ()}])
def test_an_evaluation_of_nothing_or_of_one_thing_twice_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PricingError, match=next(iter(wrong))):
        Asked(**{"policy": RULES, "seeds": (1,)} | wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--law", "cubic"], "--law cubic"),
        (["--off", "much"], "--off much"),
        (["--off", "0.7"], "off: 0.7"),
        (["--seed-list", "1,x"], "--seed-list x"),
        (["--seed-list", "1,1"], "seeds"),
        (["--policy", "missing.yaml"], "missing.yaml"),
        (["--law", "orange_juice", "--juice", "missing.parquet"], "missing.parquet"),
    ],
)
def test_the_command_names_what_cannot_be_meant(tmp_path: Path, options: list[str], named: str) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    fixed = ["--policy", str(tmp_path / "rules.yaml"), "--seeds", "1", "--workers", "1", "--home", str(tmp_path)]
    answer = CliRunner().invoke(app, ["evaluate", *fixed, "--json", *options])
    assert answer.exit_code == 1
    assert named in json.loads(answer.stdout)["error"]


def test_a_strategy_with_a_fault_is_refused_before_any_market_is_made(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("strategy: s\ntype: luck\n")
    answer = CliRunner().invoke(app, ["evaluate", "--policy", str(tmp_path / "wrong.yaml"), "--json"])
    assert answer.exit_code == 1
    assert "luck" in json.loads(answer.stdout)["error"]


def test_a_log_is_told_of_every_tenth() -> None:
    import io
    from types import SimpleNamespace

    from rich.console import Console

    from pricing_assets.shell import evaluating

    log = io.StringIO()
    shell = SimpleNamespace(progress=Console(file=log))

    def work(tell: Callable[[int, int], None]) -> Results:
        for done in range(1, 26):
            tell(done, 25)
        return Results(pl.DataFrame(), pl.DataFrame())

    evaluating._with_progress(shell, work)  # type: ignore[arg-type]
    told = log.getvalue().splitlines()
    assert len(told) == 10 and told[0] == "3 of 25 markets priced" and told[-1] == "25 of 25 markets priced"
