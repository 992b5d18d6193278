"""Where prices are sold, behind one small interface: folders of price lists or condition records, webhooks, one's own.

Here: from the block `publish` of source.yaml to connectors. Not here: when they are asked (passes).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from pricing_assets.errors import PricingError
from pricing_assets.publishing.connectors.connector import (
    ANSWER,
    Connector,
    Dispatch,
    Receipt,
    Refused,
    Unreachable,
    amount,
)
from pricing_assets.publishing.connectors.price_list import CsvList, ExcelList
from pricing_assets.publishing.connectors.sap_conditions import SapConditions
from pricing_assets.publishing.connectors.webhook import Webhook
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.sources.publish_block import Custom, PriceList
from pricing_assets.sources.publish_block import SapConditions as SapTerms

__all__ = ["ANSWER", "Connector", "Dispatch", "Receipt", "Refused", "Unreachable", "amount", "connect", "described"]


def described(source: Source, market: str) -> str:
    """The connector of a market in a word: csv, excel, sap, webhook, or the factory of one's own."""
    outlet = source.publish.outlet(market)
    return outlet.factory if isinstance(outlet, Custom) else outlet.connector


def connect(source: Source, market: str, settings: Settings) -> Connector:
    """The connector of a market. Raises PricingError where it cannot be made."""
    outlet = source.publish.outlet(market)
    if isinstance(outlet, Custom):
        return _factory(outlet, market)(market, **outlet.options)
    if isinstance(outlet, PriceList):
        kind = ExcelList if outlet.connector == "excel" else CsvList
        return kind(_folder(source, market, settings, outlet.folder), outlet.acknowledge)
    if isinstance(outlet, SapTerms):
        if not outlet.sales_organisation and len(market) > 4:
            raise PricingError(
                f"market {market}: is no sales organisation, VKORG has room for 4 characters",
                f"give sales_organisation under publish.markets.{market} in source.yaml",
            )
        return SapConditions(_folder(source, market, settings, outlet.folder), outlet, market, source.time_zone)
    secret = settings.variable(outlet.secret)
    if not secret:
        raise PricingError(
            f"market {market}: the variable {outlet.secret} is not set; it holds the key that signs requests",
            f"set {outlet.secret} in the environment or in .env",
        )
    return Webhook(outlet.url, secret, outlet.timeout_seconds)


def _folder(source: Source, market: str, settings: Settings, template: str) -> Path:
    """The folder a template names; a relative one counts from the source's folder."""
    name = template.replace("{home}", str(settings.home.absolute())).replace("{market}", market.replace("/", "_"))
    return (source.folder / Path(name).expanduser()).absolute()


def _factory(outlet: Custom, market: str) -> Callable[..., Connector]:
    module, _, name = outlet.factory.partition(":")
    try:
        found: Callable[..., Connector] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as fault:
        raise PricingError(
            f"market {market}: connector {outlet.factory} cannot be had ({fault})",
            "install the module it is in, or mend `factory` in source.yaml",
        ) from fault
    return found
