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
_SHOWN = 5


def estimate(shell: Shell, panel: Path, out: Path, named: Mapping[str, str], lists: Mapping[str, str]) -> None:
    """Estimates the elasticities of a panel and writes them; `lists` are columns separated by commas."""
    from pricing_assets.demand.elasticity import Columns, checked, elasticities, found
    from pricing_assets.demand.panel import require_days_or_weeks

    if out.suffix.lower() not in _PARQUET | _CSV:
        raise PricingError(f"--out {out}: neither .csv nor .parquet", "give a name that ends in one of them")
    if not out.parent.is_dir():
        raise PricingError(f"--out {out}: no folder {out.parent}", "make it, or name another")
    frame = _read(panel)
    columns = {name: tuple(part.strip() for part in text.split(",") if part.strip()) for name, text in lists.items()}
    given = Columns(**{name: text or None for name, text in named.items()}, **columns)  # type: ignore[arg-type]
    used = found(frame.columns, given)
    sound = checked(frame, used, str(panel))
    require_days_or_weeks(sound, str(panel))
    rows = elasticities(sound, used, str(panel))
    if out.suffix.lower() in _CSV:
        rows.write_csv(out)
    else:
        rows.write_parquet(out)
    negative = sound.filter(pl.col("y") < 0)
    borrowed = _borrowed(rows)
    shell.answer(
        {
            "written": str(out),
            "series": rows.height // 2,
            "kinds": _summary(rows).to_dicts(),
            "borrowed": borrowed.to_dicts(),
            "negative": negative.select("unique_id", "ds", "y").to_dicts(),
        }
    )
    if not shell.json:
        _tell(shell, rows, borrowed, negative)
        shell.say(f"{counted(rows.height, 'row')} written to {out}")


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


def _borrowed(rows: pl.DataFrame) -> pl.DataFrame:
    """The series whose base elasticity is borrowed, and why."""
    base = rows.filter(pl.col("kind") == "base", pl.col("fallback_reason").is_not_null())
    return base.select("unique_id", "fallback_reason")


def _tell(shell: Shell, rows: pl.DataFrame, borrowed: pl.DataFrame, negative: pl.DataFrame) -> None:
    shell.rows(_summary(rows), "medians over series")
    if negative.height:
        _warn_of_negative(shell, negative, borrowed)
    if borrowed.height:
        shell.say(f"{borrowed.height:,} of {rows.height // 2:,} series borrow their elasticity from others:")
    for name, reason in borrowed.head(_SHOWN).iter_rows():
        shell.say(f"  {name}: {reason}")
    if borrowed.height > _SHOWN:
        shell.say(f"  … and {borrowed.height - _SHOWN:,} more; fallback_reason in the file says why")
    wrong = rows.filter(pl.col("kind") == "base", pl.col("left_out").is_not_null())
    if wrong.height:
        first = wrong.row(0, named=True)
        shell.say(f"rows left out in {wrong.height:,} series, e.g. {first['unique_id']}: {first['left_out']}")


def _warn_of_negative(shell: Shell, negative: pl.DataFrame, borrowed: pl.DataFrame) -> None:
    """Units below zero mean that the file is not what was asked for, whatever could be made of the rest."""
    first, series = negative.row(0, named=True), negative["unique_id"].unique()
    silenced = borrowed["unique_id"].is_in(series.to_list()).sum()
    so = f"; {silenced:,} of them borrow their elasticity" if silenced else ""
    shell.say(
        f"WARNING: negative units in {counted(negative.height, 'row')} of {len(series):,} series, left out{so}."
        f" The first is {first['y']:g} of {first['unique_id']} on {first['ds']}."
    )
    shell.say("  remedy: give units sold, zero or more; returns are not negative sales")
