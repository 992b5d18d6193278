"""`pricing source`: a template that works, faults that are explained."""

from __future__ import annotations

from pathlib import Path

from shell_commands import answer, pricing
from tiny_shop import Shop


def test_a_template_works_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert f"wrote {folder / 'prices.sql'}" in pricing("source", "init", str(folder)).stdout
    assert "no fault in the rows; `pricing run` also asks" in pricing("source", "check", str(folder)).stdout
    assert all(each["passed"] for each in answer("source", "check", str(folder)))
    assert "holds source.yaml" in answer("source", "init", str(folder), code=1)["error"]


def test_faults_of_each_table_are_explained(shop: Shop) -> None:
    (shop.folder / "prices.sql").write_text("SELECT date, sku, market, cost FROM read_csv('data/prices.csv')")
    (shop.folder / "stock.sql").write_text("SELECT * FROM read_csv('data/nowhere.csv')")
    said = pricing("source", "check", str(shop.folder), code=1).stdout
    assert "FAULT prices.sql" in said
    assert "price" in said
    assert "FAULT stock.sql" in said
    assert "nowhere.csv" in said
    assert "2 faults" in said


def test_a_folder_without_a_source_is_named(tmp_path: Path) -> None:
    for folder, what in ((tmp_path, "holds no source.yaml"), (tmp_path / "nope", "no such folder")):
        said = pricing("source", "check", str(folder), code=1).stdout.splitlines()
        assert said == [
            f"FAULT source.yaml: {folder}: {what}",
            f"      remedy: name the folder of a source, or write one: `pricing source init {folder}`",
            "1 fault",
        ]
