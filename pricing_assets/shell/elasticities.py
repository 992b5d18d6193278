"""The command `pricing elasticity`: a file in, a file out, and what it came to.

Here: reading, writing, the summary for people. Not here: estimation (demand/elasticity).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.shell.command import Shell

_PARQUET, _CSV = {".parquet", ".pq"}, {".csv"}


def estimate(shell: Shell, panel: Path, out: Path, named: Mapping[str, str], lists: Mapping[str, str]) -> None:
    """Estimates the elasticities of a panel and writes them; `lists` are columns separated by commas."""
    from pricing_assets.demand.elasticity import Columns, elasticities, found

    if out.suffix.lower() not in _PARQUET | _CSV:
        raise PricingError(f"--out {out}: neither .csv nor .parquet", "give a name that ends in one of them")
    if not out.parent.is_dir():
        raise PricingError(f"--out {out}: no folder {out.parent}", "make it, or name another")
    frame = _read(panel)
    columns = {name: tuple(part.strip() for part in text.split(",") if part.strip()) for name, text in lists.items()}
    given = Columns(**{name: text or None for name, text in named.items()}, **columns)  # type: ignore[arg-type]
    used = found(frame.columns, given)
    rows = elasticities(frame, used, str(panel))
    if out.suffix.lower() in _CSV:
        rows.write_csv(out)
    else:
        rows.write_parquet(out)
    shell.answer({"written": str(out), "series": rows.height // 2, "kinds": _summary(rows).to_dicts()})
    if not shell.json:
        _tell(shell, rows, out)


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise PricingError(f"{path}: no file", "give a CSV or Parquet file with unique_id, ds, y and price")
    try:
        if path.suffix.lower() in _PARQUET:
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None, try_parse_dates=True)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise PricingError(f"{path}: cannot be read: {reason}", "give a CSV with a header, or Parquet") from error


def _summary(rows: pl.DataFrame) -> pl.DataFrame:
    """Per kind: medians over series, and how many are borrowed."""
    middle = [pl.col(name).median().round(2) for name in ("elasticity", "std_error", "spec_low", "spec_high")]
    borrowed = pl.col("fallback_reason").is_not_null().sum().alias("borrowed")
    return rows.group_by("kind", maintain_order=True).agg(pl.len().alias("series"), *middle, borrowed)


def _tell(shell: Shell, rows: pl.DataFrame, out: Path) -> None:
    shell.rows(_summary(rows), "medians over series")
    reasons = rows.filter(pl.col("kind") == "base", pl.col("fallback_reason").is_not_null())
    for row in reasons.head(5).iter_rows(named=True):
        shell.say(f"  {row['unique_id']}: borrowed; {row['fallback_reason']}")
    if reasons.height > 5:
        shell.say(f"  … and {reasons.height - 5:,} more")
    wrong = rows.filter(pl.col("kind") == "base", pl.col("left_out").is_not_null())
    if wrong.height:
        first = wrong.row(0, named=True)
        shell.say(f"rows left out in {wrong.height} series, e.g. {first['unique_id']}: {first['left_out']}")
    shell.say(f"{counted(rows.height, 'row')} written to {out}")
