"""Command on elasticities, as `pricing …` has it: elasticity.

Here: its name, arguments and help. Not here: what it does (shell/elasticities).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricing_assets.shell.command import Shell, register

app = typer.Typer()

_Panel = Annotated[Path, typer.Option(metavar="F", help="CSV or Parquet with unique_id, ds, y (units) and prices.")]
_Out = Annotated[Path, typer.Option(metavar="F", help="Where the elasticities go: .csv or .parquet.")]
_Price = Annotated[str, typer.Option(metavar="C", help="Column of the price asked.")]
_Regular = Annotated[
    str, typer.Option(metavar="C", help="Price without promotion; default regular_price, base_price, else derived.")
]
_Promotions = Annotated[
    str, typer.Option(metavar="C,…", help="Promotion flags; default feature, feat, display, deal, promotion.")
]
_Rivals = Annotated[str, typer.Option(metavar="C,…", help="Prices of rivals; default columns named rival_….")]
_Controls = Annotated[str, typer.Option(metavar="C,…", help="Other numbers that move demand.")]
_Sku = Annotated[str, typer.Option(metavar="C", help="Series of one product; default sku, item, product.")]
_Category = Annotated[str, typer.Option(metavar="C", help="What SKUs are compared with; default category.")]
_Zone = Annotated[str, typer.Option(metavar="C", help="Where a price is set; default zone, else each series.")]
_Censored = Annotated[str, typer.Option(metavar="C", help="True where sold out; default censored, sold_out.")]


@register(app)
def elasticity(
    shell: Shell,
    *,
    panel: _Panel,
    out: _Out,
    price: _Price = "price",
    regular_price: _Regular = "",
    promotions: _Promotions = "",
    rivals: _Rivals = "",
    controls: _Controls = "",
    sku: _Sku = "",
    category: _Category = "",
    zone: _Zone = "",
    censored: _Censored = "",
) -> None:
    """Estimate how units answer prices, per series: regular price and promotion apart, with errors and reasons.

    Writes one row per series and kind: elasticity, std_error, n_obs, price_variation, spec_low, spec_high (the range
    over specifications), shrinkage, fallback_reason (why it is borrowed from others, where it is), and of the base
    price cross (what the prices of the category's other SKUs in the zone do), cross_error, cross_reason.

    Example: pricing elasticity --panel sales.parquet --out elasticities.csv --category category
    """
    from pricing_assets.shell import elasticities

    named = {"price": price, "regular_price": regular_price, "sku": sku, "category": category, "zone": zone}
    lists = {"promotions": promotions, "rivals": rivals, "controls": controls}
    elasticities.estimate(shell, panel, out, named | {"censored": censored}, lists)
