"""Condition records of SAP, one A-type record per price: what its condition maintenance reads from a file.

Here: the fields, delimited or fixed. Not here: delivering the file (folder), the IDoc COND_A that middleware may make
of it.

Fields, as SAP's dictionary names them, with their lengths: KSCHL 4 (condition type), VKORG 4 (sales organisation),
MATNR 40 (material), KBETR 15 (amount, decimal point, decimals of the currency), KONWA 5 (currency), KPEIN 5 (per how
many units), KMEIN 3 (unit), DATAB 8 and DATBI 8 (valid from, to: YYYYMMDD in the shop's time zone). The price is valid
until the next one: DATBI is 99991231.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from pricing_assets.publishing.connectors.connector import Dispatch, amount
from pricing_assets.publishing.connectors.folder import Folder, file_name
from pricing_assets.sources.publish_block import SapConditions as Terms

WIDTHS = {
    "KSCHL": 4,
    "VKORG": 4,
    "MATNR": 40,
    "KBETR": 15,
    "KONWA": 5,
    "KPEIN": 5,
    "KMEIN": 3,
    "DATAB": 8,
    "DATBI": 8,
}
_RIGHT = ("KBETR", "KPEIN")
FOREVER = "99991231"


class SapConditions(Folder):
    """Condition records of one sales organisation."""

    def __init__(self, folder: Path, terms: Terms, market: str, time_zone: str) -> None:
        super().__init__(folder, terms.acknowledge)
        self._terms, self._zone = terms, ZoneInfo(time_zone)
        self._organisation = terms.sales_organisation or market

    def unfit(self, prices: pl.DataFrame) -> dict[str, str]:
        """SKUs that no field for a material number holds."""
        found = {}
        for sku in prices["sku"].to_list():
            if len(sku) > WIDTHS["MATNR"]:
                found[sku] = f"is {len(sku)} characters long; MATNR has room for {WIDTHS['MATNR']}"
            elif not sku.isprintable() or ";" in sku or sku != sku.strip():
                found[sku] = (
                    "has a semicolon, a space at an end or a character that is not printed: MATNR cannot hold it"
                )
        return found

    def content(self, dispatch: Dispatch) -> bytes:
        """A line per record; the delimited layout begins with the names of the fields."""
        if self._terms.layout == "fixed":
            lines = ["".join(self._padded(record)) for record in self._records(dispatch)]
        else:
            lines = [";".join(WIDTHS), *(";".join(record.values()) for record in self._records(dispatch))]
        return "".join(f"{line}\r\n" for line in lines).encode()

    def name(self, dispatch: Dispatch) -> str:
        """`conditions-MARKET-MOMENT-KEY.txt`."""
        return file_name(dispatch, "conditions", "txt")

    def _records(self, dispatch: Dispatch) -> Iterator[dict[str, str]]:
        first = f"{dispatch.effective_from.astimezone(self._zone):%Y%m%d}"
        for row in dispatch.prices.iter_rows(named=True):
            yield {
                "KSCHL": self._terms.condition,
                "VKORG": self._organisation,
                "MATNR": row["sku"],
                "KBETR": amount(row["price"] * self._terms.per, row["currency"]),
                "KONWA": row["currency"],
                "KPEIN": str(self._terms.per),
                "KMEIN": self._terms.unit,
                "DATAB": first,
                "DATBI": FOREVER,
            }

    def _padded(self, record: dict[str, str]) -> Iterator[str]:
        for name, value in record.items():
            yield value.rjust(WIDTHS[name]) if name in _RIGHT else value.ljust(WIDTHS[name])
