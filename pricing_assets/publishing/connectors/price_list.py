"""Price lists: CSV and Excel, one row per price.

Here: what is in such a file. Not here: delivering it (folder).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from pricing_assets.publishing.connectors.connector import Dispatch, amount
from pricing_assets.publishing.connectors.folder import Folder, file_name
from pricing_assets.tables.money import exponent

COLUMNS = ("sku", "market", "price", "currency", "effective_from", "decision_id", "key")


def _rows(dispatch: Dispatch) -> Iterator[tuple[str, ...]]:
    since = f"{dispatch.effective_from:%Y-%m-%dT%H:%M:%SZ}"
    for row in dispatch.prices.iter_rows(named=True):
        price = amount(row["price"], row["currency"])
        yield (row["sku"], dispatch.market, price, row["currency"], since, row["decision_id"], dispatch.key)


class CsvList(Folder):
    """A price list as CSV: UTF-8, comma, decimal point."""

    def content(self, dispatch: Dispatch) -> bytes:
        """The header and a line per price."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(dispatch))
        return text.getvalue().encode()

    def name(self, dispatch: Dispatch) -> str:
        """`prices-MARKET-MOMENT-KEY.csv`."""
        return file_name(dispatch, "prices", "csv")


class ExcelList(Folder):
    """A price list as an Excel workbook; texts stay texts, whatever they begin with."""

    def content(self, dispatch: Dispatch) -> bytes:
        """One sheet, the same bytes for the same dispatch."""
        import xlsxwriter  # type: ignore[import-untyped]  # a tenth of a second nobody else needs

        buffer = io.BytesIO()
        workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
        workbook.set_properties({"created": dispatch.effective_from.replace(tzinfo=None)})
        formats = {
            code: workbook.add_format({"num_format": "0" + ("." + "0" * exponent(code) if exponent(code) else "")})
            for code in dispatch.prices["currency"].unique().sort()
        }
        sheet = workbook.add_worksheet("prices")
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name)
        for number, row in enumerate(_rows(dispatch), 1):
            for column, text in enumerate(row):
                if COLUMNS[column] == "price":
                    sheet.write_number(number, column, float(text), formats[row[3]])
                else:
                    sheet.write_string(number, column, text)
        workbook.close()
        return buffer.getvalue()

    def name(self, dispatch: Dispatch) -> str:
        """`prices-MARKET-MOMENT-KEY.xlsx`."""
        return file_name(dispatch, "prices", "xlsx")
