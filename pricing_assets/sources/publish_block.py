"""The block `publish` of `source.yaml`: where the prices of each market go, and how patient we are.

Here: the shape of the block. Not here: sending anything (publishing/).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

FOLDER = "{home}/outbox/{market}"


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ValueError("expected an address like https://till.example/prices")
    return value


def _factory(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
        raise ValueError("expected module and name like acme.tills:connect")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Folder(_Strict):
    """A connector that leaves files in a folder; `{home}` is PRICING_HOME, `{market}` the market."""

    folder: Annotated[str, Field(min_length=1)] = FOLDER
    acknowledge: Literal["written", "file"] = "written"


class PriceList(_Folder):
    """A price list, as CSV or Excel."""

    connector: Literal["csv", "excel"] = "csv"


class SapConditions(_Folder):
    """Condition records of SAP: one A-type record per price."""

    connector: Literal["sap"]
    condition: Annotated[str, Field(pattern=r"^[A-Z0-9]{4}$")] = "PR00"
    sales_organisation: Annotated[str, Field(min_length=1, max_length=4)] | None = None
    unit: Annotated[str, Field(min_length=1, max_length=3)] = "EA"
    per: Annotated[int, Field(ge=1, le=99_999)] = 1
    layout: Literal["delimited", "fixed"] = "delimited"


class Webhook(_Strict):
    """An address that takes signed requests; `secret` names the variable that holds the key of the signature."""

    connector: Literal["webhook"]
    url: Annotated[str, AfterValidator(_address)]
    secret: str = Field(min_length=1)
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0


class Custom(_Strict):
    """A connector of one's own: `factory` is called with the market and the options."""

    connector: Literal["custom"]
    factory: Annotated[str, AfterValidator(_factory)]
    options: dict[str, Any] = {}


Outlet = Annotated[PriceList | SapConditions | Webhook | Custom, Field(discriminator="connector")]
"""Where the prices of one market go."""


class Publish(_Strict):
    """`default` is for the markets that `markets` does not name. Where it is not `enabled`, nothing goes out.

    Prices are handed over `lead_minutes` before they take effect; one not handed over `expires_days` after that never
    goes out. A receiver that does not answer is asked `attempts` times in a pass, and again in the next one.
    """

    enabled: bool = True
    lead_minutes: Annotated[int, Field(ge=0, le=240)] = 0
    expires_days: Annotated[int, Field(ge=1, le=7)] = 3
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    default: Outlet = PriceList()
    markets: dict[str, Outlet] = {}

    def outlet(self, market: str) -> PriceList | SapConditions | Webhook | Custom:
        """Where the prices of a market go."""
        return self.markets.get(market, self.default)
