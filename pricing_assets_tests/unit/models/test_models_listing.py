"""models.versions while the registry does not answer."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from pricing_assets.governance import Champion
from pricing_assets.models.listing import last_known, versions_table
from pricing_assets.models.records import Version

MADE = datetime(2026, 11, 1, tzinfo=UTC)


def _version(number: int) -> Version:
    return Version("demand", number, f"{number}" * 64, "run", MADE, (), "1.0.0", "drift-1", "root", 10, {}, {})


def _champion(number: int, revision: int) -> Champion:
    return Champion("demand", number, f"{number}" * 64, None, None, "drift-1", "ann", MADE, "r", revision)


def test_rows_of_the_last_export_stay_in_the_roles_the_ledger_gives_them_since() -> None:
    history = [_champion(1, 1), _champion(2, 2)]
    before = versions_table([_version(1), _version(2), _version(3)], history)
    assert last_known(before, history).equals(before)
    after = last_known(before.with_columns(pl.col("role").cast(pl.String)), [*history, _champion(1, 3)])
    assert after["role"].to_list() == ["champion", "former champion", None]
    assert last_known(pl.DataFrame(), history).is_empty()
