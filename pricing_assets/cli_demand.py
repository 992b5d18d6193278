"""Commands on demand, as `pricing …` has them: backtest.

Here: the names, arguments and help of these commands. Not here: what they do (shell/backtesting).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, register

app = typer.Typer()

_Panel = Annotated[Path, typer.Option(help="CSV or Parquet with unique_id, ds, y (and censored, if days sold out).")]
_Horizon = Annotated[int, typer.Option(min=1, help="Steps ahead.")]
_Frequency = Annotated[str, typer.Option("--freq", metavar="D|W", help="Days or weeks.")]
_Origins = Annotated[int, typer.Option(min=1, help="How many past origins, a horizon apart, back from the last date.")]
_Out = Annotated[
    Path, typer.Option(help="Where forecasts go: unique_id, ds, cutoff, model, yhat, yhat_lo, yhat_hi, y.")
]
_Known = Annotated[str, typer.Option(metavar="A,B", help="Numeric columns known in advance: prices, promotions.")]
_Static = Annotated[str, typer.Option(metavar="C,D", help="Columns that never change in a series: store, brand.")]
_Country = Annotated[str, typer.Option(metavar="CC", help="Its public holidays count, e.g. DE.")]
_Rivals = Annotated[bool, typer.Option(help="Beside naive, seasonal naive and AutoETS, which take time.")]


@register(app)
def backtest(
    shell: Shell,
    *,
    panel: _Panel,
    horizon: _Horizon,
    freq: _Frequency,
    out: _Out,
    origins: _Origins = 6,
    known: _Known = "",
    static: _Static = "",
    country: _Country = "",
    rivals: _Rivals = True,
) -> None:
    """Forecast past origins of any panel, each as it was known then; print how good it was beside simple methods.

    Columns with "price" in their name are prices, one named price the series' own, the others rivals'; columns within
    0 and 1 are promotions. Ranges are q10 to q90.

    Example: pricing backtest --panel weekly.csv --freq W --horizon 4 --known price,feature --static store --out f.csv
    """
    from pricing_assets.shell import backtesting

    asked = backtesting.Asked(panel, out, freq, horizon, origins, known, static, country, rivals)
    backtesting.backtest(shell, asked)
