"""What stands in the files: Excel price lists and SAP condition records, and which SKUs they cannot hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from publishing_shop import EFFECTIVE, TWO, Place

from pricing_assets.errors import PricingError
from pricing_assets.publishing.connectors import Dispatch
from pricing_assets.publishing.connectors.price_list import ExcelList
from pricing_assets.publishing.connectors.sap_conditions import WIDTHS


def sap(folder: Path, **terms: Any) -> Place:
    return Place(folder, publish={"default": {"connector": "sap", **terms}})


def lines(place: Place) -> list[str]:
    (file,) = place.files("txt")
    return file.read_bytes().decode().split("\r\n")


def test_delimited_conditions_have_a_record_per_price(tmp_path: Path) -> None:
    place = sap(tmp_path, condition="ZPR1", sales_organisation="1000", per=100, unit="ST")
    place.decide()
    place.publish()
    assert lines(place) == [
        "KSCHL;VKORG;MATNR;KBETR;KONWA;KPEIN;KMEIN;DATAB;DATBI",
        "ZPR1;1000;A;449.00;GBP;100;ST;20260306;99991231",
        "ZPR1;1000;B;999.00;GBP;100;ST;20260306;99991231",
        "",
    ]
    assert place.state() == "live"


def test_fixed_conditions_have_fields_of_fixed_width(tmp_path: Path) -> None:
    place = sap(tmp_path, layout="fixed")
    place.decide()
    place.publish()
    record = lines(place)[0]
    assert len(record) == sum(WIDTHS.values())
    at, fields = 0, {}
    for name, width in WIDTHS.items():
        fields[name] = record[at : at + width]
        at += width
    assert fields["VKORG"] == "UK  " and fields["MATNR"] == "A".ljust(40) and fields["KBETR"] == "4.49".rjust(15)


def test_validity_is_a_day_of_the_shop(tmp_path: Path) -> None:
    place = Place(tmp_path, time_zone="Pacific/Auckland", publish={"default": {"connector": "sap"}})
    place.decide()
    place.publish()
    assert ";20260306;" in lines(place)[1], "06:00 UTC is the evening of that day there"


@pytest.mark.parametrize(
    ("sku", "why"), [("x" * 41, "MATNR has room for 40"), ("a;b", "MATNR cannot hold it"), ("a\nb", "cannot hold it")]
)
def test_a_sku_no_material_number_can_hold_is_stopped_alone(tmp_path: Path, sku: str, why: str) -> None:
    place = sap(tmp_path)
    place.decide([*TWO, (sku, "UK", "4.49")])
    place.publish()
    assert place.state(sku) == "stopped" and why in place.message(sku)
    assert place.state("A") == "live" and len(lines(place)) == 4


def test_a_market_that_is_no_sales_organisation_needs_one(tmp_path: Path) -> None:
    place = Place(tmp_path, markets={"NORTH": {}}, publish={"default": {"connector": "sap"}})
    with pytest.raises(PricingError, match="market NORTH: is no sales organisation"):
        place.publish()


def test_excel_has_texts_as_texts_and_prices_as_numbers(tmp_path: Path) -> None:
    place = Place(tmp_path, publish={"default": {"connector": "excel"}})
    place.decide([("=1+1", "UK", "4.49"), ("007", "UK", "9.99")])
    place.publish()
    (file,) = place.files("xlsx")
    sheet = pl.read_excel(file, infer_schema_length=0)
    assert sheet["sku"].to_list() == ["007", "=1+1"] and sheet["price"].to_list() == ["9.99", "4.49"]
    assert pl.read_excel(file)["price"].to_list() == [9.99, 4.49]


def test_excel_is_the_same_bytes_for_the_same_dispatch(tmp_path: Path) -> None:
    prices = pl.DataFrame(
        {"sku": ["A"], "entry_no": [1], "price": [Decimal("120")], "currency": ["JPY"], "decision_id": ["d"]}
    )
    dispatch = Dispatch("k" * 64, "JP", EFFECTIVE, prices)
    connector = ExcelList(tmp_path, "written")
    assert connector.content(dispatch) == connector.content(dispatch)


def test_a_connector_of_ones_own_is_called_with_its_market(tmp_path: Path) -> None:
    own = {"connector": "custom", "factory": "publishing_own:connect", "options": {"tills": 3}}
    place = Place(tmp_path, publish={"markets": {"UK": own}})
    place.decide()
    place.publish()
    assert place.state() == "live" and place.rows()["connector"].unique().to_list() == ["publishing_own:connect"]
    from publishing_own import CALLS

    assert CALLS == [("UK", 3, "A"), ("UK", 3, "B")]


def test_a_connector_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    place = Place(tmp_path, publish={"default": {"connector": "custom", "factory": "nowhere:connect"}})
    with pytest.raises(PricingError, match="connector nowhere:connect cannot be had"):
        place.publish()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"markets": {"FR": {"connector": "csv"}}}, "publish.markets: FR is no market; expected one of UK, DE"),
        ({"default": {"connector": "pigeon"}}, "publish.default: "),
        ({"default": {"connector": "webhook", "url": "till", "secret": "S"}}, "expected an address like https://"),
        ({"default": {"connector": "sap", "condition": "price"}}, "publish.default.sap.condition"),
        ({"default": {"connector": "custom", "factory": "x"}}, "expected module and name like acme.tills:connect"),
        ({"expires_days": 30}, "publish.expires_days"),
        ({"speed": 3}, "publish.speed"),
    ],
)
def test_a_block_that_cannot_be_is_refused_by_its_key(tmp_path: Path, block: dict[str, Any], said: str) -> None:
    place = Place(tmp_path, publish=block)
    with pytest.raises(PricingError) as refused:
        place.publish()
    assert said in refused.value.what
