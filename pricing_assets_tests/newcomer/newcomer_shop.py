"""A shop no example looks like: German column names, semicolons, decimal commas, two currencies, dirty rows.

Here: its files as the till and the warehouse export them, and the source folder a newcomer would write from
docs/sources.md. Not here: running it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

ARTICLES = {"00123": (9.90, 4.10), "00456": (24.50, 12.30), "07890": (3.25, 1.10)}
COUNTRIES = {"D": ("EUR", 1.0), "CH": ("CHF", 1.15)}
HISTORY = 20

SOURCE = """\
name: Kontor
time_zone: Europe/Berlin
currency: EUR
currencies: [EUR, CHF]
markets:
  DE: {{country: DE}}
  CH: {{country: CH}}
first_day: {first}
closed_days: [sunday]
limits:
  quarantine_share: 0.20
"""
PRICED = """\
    CAST(try_strptime(Tag, '%d.%m.%Y') AS DATE) AS date,
    ArtikelNr                                   AS sku,
    CASE Land WHEN 'D' THEN 'DE' ELSE Land END  AS market"""
LISTINGS = f"SELECT\n{PRICED}\nFROM {{prices}}\nWHERE Land IN ('D', 'CH')\n"
PRICES = f"""\
SELECT
{PRICED},
    replace(VK, ',', '.')                       AS price,
    replace(EK, ',', '.')                       AS cost,
    Waehrung                                    AS currency
FROM {{prices}}
"""
SALES = f"""\
SELECT
{PRICED},
    Menge                                       AS quantity,
    replace(Einzelpreis, ',', '.')              AS unit_price,
    Waehrung                                    AS currency,
    Art = 'Retoure'                             AS is_return,
    CASE WHEN ArtikelNr = 'VERSAND' THEN 'postage' END AS quarantine,
    Bon                                         AS line_bon,
    Tag                                         AS line_tag
FROM read_csv('kasse/*.csv', delim = ';', all_varchar = true)
"""
CSV_PRICES = "read_csv('preise.csv', delim = ';', all_varchar = true)"


@dataclass(frozen=True)
class Kontor:
    """The shop's folder and the last day it has data of."""

    folder: Path
    last: date

    @property
    def days(self) -> list[date]:
        return [self.last - timedelta(days=number) for number in reversed(range(HISTORY))]

    def export(self) -> None:
        """What the shop's own systems write."""
        (self.folder / "kasse").mkdir(parents=True, exist_ok=True)
        self.write("preise.csv", PRICE_COLUMNS, self.prices())
        for day in self.days:
            self.write(f"kasse/{day:%Y%m%d}.csv", SALE_COLUMNS, self.lines(day))

    def prices(self) -> list[list[str]]:
        return [
            [german(day), sku, country, comma(price * rate), comma(cost * rate), currency]
            for day in self.days
            if day.isoweekday() != 7
            for sku, (price, cost) in ARTICLES.items()
            for country, (currency, rate) in COUNTRIES.items()
        ]

    def lines(self, day: date) -> list[list[str]]:
        if day.isoweekday() == 7:
            return []
        number = day.toordinal()
        good = [
            [f"B{number}", german(day), sku, country, str(1 + (number + place) % 3), comma(price * rate), currency, "V"]
            for place, (sku, (price, _)) in enumerate(ARTICLES.items())
            for country, (currency, rate) in COUNTRIES.items()
        ]
        shipped = [f"B{number}", german(day), "VERSAND", "D", "1", "4,90", "EUR", "V"]
        returned = [f"R{number}", german(day), "00123", "D", "-1", "9,90", "EUR", "Retoure"]
        return [*good, shipped, *([returned] if number % 5 == 0 else [])]

    def soil(self) -> list[str]:
        """Adds dirty rows, one a day; returns the words that must explain them."""
        dirty = {
            "unit_price: found '0.00'; expected more than 0": "00123;D;1;0,00;EUR;V",
            "quantity: found '1.5'; expected a whole number": "00456;CH;1.5;28,17;CHF;V",
            "currency: found 'USD'; expected one of EUR, CHF": "07890;D;1;3,25;USD;V",
            "market: found 'AT'; expected one of DE, CH": "07890;AT;1;3,25;EUR;V",
            "sku: found nothing": ";D;1;3,25;EUR;V",
            "no usable date": "",
        }
        days = [day for day in self.days if day.isoweekday() != 7][-len(dirty) :]
        lines = [f"X;{german(day)};{row}" for day, row in zip(days, dirty.values(), strict=True) if row]
        lines.append("X;31.02.2026;07890;D;1;3,25;EUR;V")
        (self.folder / "kasse" / "nachtrag.csv").write_text("\n".join([";".join(SALE_COLUMNS), *lines, ""]))
        return list(dirty)

    def connect(self, prices: str = CSV_PRICES, more: str = "") -> None:
        """The source folder: three SELECTs and the settings."""
        (self.folder / "source.yaml").write_text(SOURCE.format(first=self.days[0]) + more)
        for name, select in (("listings", LISTINGS), ("prices", PRICES), ("sales", SALES)):
            (self.folder / f"{name}.sql").write_text(select.format(prices=prices))

    def write(self, name: str, columns: list[str], rows: list[list[str]]) -> None:
        lines = [";".join(row) for row in [columns, *rows]]
        (self.folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")


PRICE_COLUMNS = ["Tag", "ArtikelNr", "Land", "VK", "EK", "Waehrung"]
SALE_COLUMNS = ["Bon", "Tag", "ArtikelNr", "Land", "Menge", "Einzelpreis", "Waehrung", "Art"]


def german(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def comma(amount: float) -> str:
    return f"{amount:.2f}".replace(".", ",")
