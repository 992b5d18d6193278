"""The template of a source: a folder that works at once, commented so that it can be made one's own.

Here: writing it. Its settings and SQL stand beside this module in `template_files`. Not here: trying it (checking).
"""

from __future__ import annotations

from datetime import date, timedelta
from importlib import resources
from pathlib import Path

from pricing_assets.errors import PricingError

FIRST_DAY, DAYS = date(2026, 1, 5), 14
ARTICLES = {"0101": ("4.50", "2.20"), "0102": ("12.00", "7.10"), "0103": ("0.99", "0.40")}
FILES = ("source.yaml", "listings.sql", "prices.sql", "sales.sql")


def init(folder: Path) -> list[Path]:
    """Write the template into a new or empty `folder` and return the files written.

    Raises PricingError where a file of the template is already there; then nothing is written.
    """
    contents = {name: (resources.files(__package__) / "template_files" / name).read_text("utf-8") for name in FILES}
    contents |= {"data/assortment.csv": _assortment(), "data/receipts.csv": _receipts()}
    if taken := [name for name in contents if (folder / name).exists()]:
        raise PricingError(f"{folder}: holds {', '.join(taken)} already", "name a new folder; nothing is overwritten")
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise PricingError(f"{folder}: cannot be written ({error.strerror})", "name a folder you may write") from error
    return [folder / name for name in contents]


def _assortment() -> str:
    rows = [f"{day},{sku},{price},{cost}" for day in _days() for sku, (price, cost) in ARTICLES.items()]
    return "\n".join(["day,article,price,cost", *rows, ""])


def _receipts() -> str:
    """A few lines a day, among them a return and a line of postage."""
    rows = []
    for number, day in enumerate(_days()):
        for position, (sku, (price, _)) in enumerate(ARTICLES.items()):
            rows.append(f"R{number:03},{day},{sku},{1 + (number + position) % 4},{price}")
        if number == 11:
            rows.append(f"R{number:03},{day},POSTAGE,1,3.95")
        if number == 9:
            rows.append(f"R{number:03},{day},0102,-1,12.00")
    return "\n".join(["receipt,day,article,quantity,unit_price", *rows, ""])


def _days() -> list[date]:
    return [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
