"""The slow obvious feature snapshot: one pair and one day at a time, lists and fractions. The oracle for the fast one.

It follows the descriptions in tables/features.py and shares no code with pricing_assets.features but the calendar's
cut-off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from typing import Any

import holidays
import polars as pl

from pricing_assets.features import Calendar
from pricing_assets.tables.features import FeatureSnapshots

Row = dict[str, Any]
OPTIONAL = ["raw.competitor_snapshots", "raw.products", "raw.promotions", "raw.stock"]


def reference(raw: Mapping[str, pl.DataFrame], days: list[date], calendar: Calendar) -> pl.DataFrame:
    """The rows of FeatureSnapshots for the listed pairs of `days`."""
    tables = {name: rows.to_dicts() for name, rows in raw.items()}
    rows = [row for day in sorted(days) for row in _day(tables, day, calendar)]
    return pl.DataFrame(rows, schema=FeatureSnapshots.create_empty().schema, orient="row")


def _day(tables: Mapping[str, list[Row]], day: date, calendar: Calendar) -> list[Row]:
    cutoff = calendar.cutoff(day)

    def seen(name: str, key: list[str]) -> list[Row]:
        rows = [row for row in tables.get(name, []) if row["date"] <= day and row["known_at"] < cutoff]
        latest: dict[tuple[Any, ...], Row] = {}
        for row in sorted(rows, key=lambda row: row["known_at"]):
            latest[tuple(row[column] for column in key)] = row
        return sorted(latest.values(), key=lambda row: row["date"])

    key = ["date", "sku", "market"]
    prices, sales = seen("raw.prices", [*key, "price_type"]), seen("raw.sales", key)
    stock, listings = seen("raw.stock", key), seen("raw.listings", key)
    pairs = sorted((row["sku"], row["market"]) for row in listings if row["date"] == day and row["on_sale"])
    result = []
    for sku, market in pairs:

        def own(rows: list[Row], sku: str = sku, market: str = market) -> list[Row]:
            return [row for row in rows if (row["sku"], row["market"]) == (sku, market)]

        row: Row = {"date": day, "sku": sku, "market": market}
        priced, sold = own(prices), own(sales)
        watched, plans = (own(tables.get(name, [])) for name in ("raw.competitor_snapshots", "raw.promotions"))
        row |= _prices(priced, day)
        row |= _sales(sold, day, row["currency"])
        row |= _usual(priced, watched, plans, day, row["currency"])
        row["price_age_days"] = _age(priced, day)
        row["missing_data"] = [] if row["current_price"] is not None else ["price"]
        row["missing_data"] += ["sales"] if _idle(sales, pairs, market, day) and _missed(sold, day) else []
        row |= _calendar(day, calendar.countries.get(market))
        row["absent_tables"] = ",".join(name for name in OPTIONAL if name not in tables)
        if "raw.products" in tables:
            row |= _product([p for p in tables["raw.products"] if p["sku"] == sku and p["date"] == day])
        if "raw.stock" in tables:
            row |= _stock(own(stock), day, row["units_28d"])
            row["missing_data"] += ["stock"] if _missed(own(stock), day) else []
        if "raw.promotions" in tables:
            row["planned_price"] = _planned(plans, day + timedelta(days=1), row["currency"], 365)
            row["planned_price_today"] = _planned(plans, day, row["currency"], 364)
        if "raw.competitor_snapshots" in tables:
            row |= _rivals(watched, day, row)
            row["missing_data"] += ["rivals"] if _missed(watched, day, 12, weekly=False) else []
        result.append(row)
    if "raw.products" in tables:
        _categories(result)
    for row in result:
        row.pop("before", None)
        row["missing_data"] = ",".join(sorted(row["missing_data"]))
    return result


def _ratio(numerator: Any, denominator: Any, times: int = 100) -> float | None:
    if numerator is None or not denominator:
        return None
    return float(times * Fraction(numerator) / Fraction(denominator))


def _window(rows: list[Row], day: date, width: int, end: int = 0) -> list[Row]:
    """Rows dated in (day − width, day − end]."""
    return [row for row in rows if day - timedelta(days=width) < row["date"] <= day - timedelta(days=end)]


def _prices(rows: list[Row], day: date) -> Row:
    today = [row for row in rows if row["date"] == day and row["price_type"] == "current"]
    if not today:
        return {"currency": None, "current_price": None}
    now = today[0]
    same = [row for row in rows if row["currency"] == now["currency"]]
    past = _window([row for row in same if row["price_type"] == "current"], day, 365)
    listed = [row["price"] for row in same if row["date"] == day and row["price_type"] == "list"]
    price, cost = now["price"], now["cost"]
    list_price = listed[0] if listed else max(row["price"] for row in past)
    result = {
        "currency": now["currency"],
        "current_price": price,
        "list_price": list_price,
        "price_kind": now["price_kind"],
        "cost": cost,
        "cost_source": now["cost_source"],
        "cost_pct": _ratio(cost, price),
        "margin_pct": None if cost is None else _ratio(price - cost, price),
        "promotion_depth_pct": _ratio(list_price - price, list_price),
        "price_volatility_14d": _volatility([row["price"] for row in _window(past, day, 14)]),
    }
    for width in (1, 7, 28):
        before = _window(past, day, 365, width)
        result[f"price_change_{width}d_pct"] = (
            _ratio(price - before[-1]["price"], before[-1]["price"]) if before else None
        )
    changes = [b["date"] for a, b in pairwise(past) if a["price"] != b["price"]]
    result["lowest_price_30d"] = min(row["price"] for row in _window(past, day, 30))
    result["lowest_price_365d"] = min(row["price"] for row in past)
    result["highest_price_365d"] = max(row["price"] for row in past)
    result["days_since_price_change"] = (day - changes[-1]).days if changes else None
    return result


def _volatility(prices: list[Decimal]) -> float | None:
    if len(prices) < 2:
        return None
    total = sum(int(price * 10_000) for price in prices)
    squares = sum((len(prices) * int(price * 10_000) - total) ** 2 for price in prices)
    return sqrt(Fraction(squares, len(prices))) / total


def _sales(rows: list[Row], day: date, currency: str | None) -> Row:
    result: Row = {}
    for width in (7, 28, 56):
        window = _window(rows, day, width)
        result[f"units_{width}d"] = sum(row["units"] for row in window)
        ours = currency is not None and all(row["currency"] == currency for row in window)
        result[f"revenue_{width}d"] = sum((row["revenue"] for row in window), Decimal(0)) if ours else None
    result["returned_units_28d"] = sum(row["returned_units"] for row in _window(rows, day, 28))
    before = result["before"] = sum(row["units"] for row in _window(rows, day, 56, 28))
    result["units_trend_pct"] = _ratio(result["units_28d"] - before, before)
    sold = [row["date"] for row in _window(rows, day, 56) if row["units"] > 0]
    result["days_since_sale"] = (day - sold[-1]).days if sold else None
    return result


def _stock(rows: list[Row], day: date, units: int) -> Row:
    today = [row for row in rows if row["date"] == day]
    if not today:
        return {}
    received = today[0]["oldest_received_on"]
    return {
        "on_hand": today[0]["on_hand"],
        "days_of_cover": _ratio(today[0]["on_hand"], units, 28),
        "stock_age_days": (day - received).days if received is not None and received <= day else None,
    }


def _calendar(day: date, country: str | None) -> Row:
    return {
        "weekday": day.isoweekday(),
        "month": day.month,
        "day_of_year": day.timetuple().tm_yday,
        "is_holiday": None if country is None else day in holidays.country_holidays(country, years=day.year),
    }


def _product(rows: list[Row]) -> Row:
    if not rows:
        return {"category": None}
    try:
        price = Decimal(str(json.loads(rows[0]["attributes"] or "{}").get("map_price", 0)))
    except ValueError:
        price = Decimal(0)
    price = price.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    return {"category": rows[0]["category"], "brand": rows[0]["brand"], "map_price": price if price > 0 else None}


def _planned(rows: list[Row], target: date, currency: str | None, most: int) -> Decimal | None:
    """The price planned for a day by the plan known last before it, at most `most` days before."""
    known = [row for row in rows if row["target_date"] == target]
    known = [row for row in known if target - timedelta(days=most) <= row["known_on"] < target]
    last = max(known, key=lambda row: row["known_on"], default=None)
    if last is None or currency is None or last["currency"] not in (None, currency):
        return None
    price: Decimal | None = last["planned_price"]
    return price


def _usual(prices: list[Row], watched: list[Row], plans: list[Row], day: date, currency: str | None) -> Row:
    """What was usual on the unplanned days before D of price, margin and gap to the lowest rival."""
    if currency is None:
        return {}
    half_year = _window([row for row in prices if row["price_type"] == "current"], day - timedelta(days=1), 182)
    half_year = [row for row in half_year if row["currency"] == currency and not _is_planned(plans, row)]
    past, result = _window(half_year, day - timedelta(days=1), 56), {}
    costed = [row for row in half_year if row["cost"] is not None]
    if len(costed) >= 14:
        price, cost = (sum(row[name] for row in costed) for name in ("price", "cost"))
        result["margin_182d_pct"] = _ratio(price - cost, price)
    if usual := _middle([row["price"] for row in past]):
        result |= {"usual_price": usual[0], "usual_price_move_pct": _ratio(usual[1], usual[0])}
    margins = [_ratio(row["price"] - row["cost"], row["price"]) for row in past if row["cost"] is not None]
    if usual := _middle(margins):
        result |= {"usual_margin_pct": usual[0], "usual_margin_move": usual[1]}
    gaps, watched = [], _window(watched, day, 36)  # all that a week before any of the 28 days can hold
    for row in _window(past, day - timedelta(days=1), 28):
        faced = {**row, "current_price": row["price"]}
        gaps.append(_rivals(watched, row["date"], faced).get("competitor_delta_pct"))
    if usual := _middle([gap for gap in gaps if gap is not None]):
        result |= {"usual_competitor_delta_pct": usual[0], "usual_competitor_delta_move": usual[1]}
    return result


def _is_planned(plans: list[Row], price: Row) -> bool:
    known = [plan for plan in plans if plan["target_date"] == price["date"]]
    known = [plan for plan in known if 1 <= (price["date"] - plan["known_on"]).days <= 182]
    return bool(known) and max(known, key=lambda plan: plan["known_on"])["planned_price"] is not None


def _middle(values: list[Any]) -> tuple[Any, Any] | None:
    """Lower median and the distance from it that four in five do not exceed; None below 14 values."""
    if len(values) < 14:
        return None
    last = len(values) - 1
    middle = sorted(values)[last // 2]
    return middle, sorted(abs(value - middle) for value in values)[last * 8 // 10]


def _age(prices: list[Row], day: date) -> int | None:
    past = _window([row for row in prices if row["price_type"] == "current"], day, 365)
    return (day - past[-1]["date"]).days if past else None


def _missed(rows: list[Row], day: date, least: int = 9, *, weekly: bool = True) -> bool:
    """No row on D, though there is one on most of the 14 days before, and on the same weekday of both weeks."""
    days = {row["date"] for row in rows}
    before = [back for back in range(1, 15) if day - timedelta(days=back) in days]
    return day not in days and len(before) >= least and (not weekly or {7, 14} <= set(before))


def _idle(sales: list[Row], pairs: list[tuple[str, str]], market: str, day: date) -> bool:
    """Whether the market's source reports days without a sale, of SKUs listed on D."""
    rows = [row for row in _window(sales, day, 56) if row["market"] == market and (row["sku"], market) in pairs]
    return any(row["units"] == 0 and row["returned_units"] == 0 for row in rows)


def _rivals(rows: list[Row], day: date, row: Row) -> Row:
    if row["current_price"] is None:
        return {"competitor_count": None}
    latest = {r["competitor"]: r for r in sorted(_window(rows, day, 7), key=lambda r: r["date"])}
    counting = [r for r in latest.values() if r["currency"] == row["currency"] and r["in_stock"] is not False]
    prices = sorted(r["price"] for r in counting)
    if not prices:
        return {"competitor_count": 0}
    return {
        "competitor_count": len(prices),
        "competitor_min": prices[0],
        "competitor_median": prices[(len(prices) - 1) // 2],
        "competitor_max": prices[-1],
        "competitor_delta_pct": _ratio(row["current_price"] - prices[0], prices[0]),
        "price_position": _ratio(sum(price < row["current_price"] for price in prices), len(prices), 1),
    }


def _categories(rows: list[Row]) -> None:
    for row in rows:
        if row["category"] is None:
            continue
        peers = [r for r in rows if (r["market"], r["category"]) == (row["market"], row["category"])]
        units, before = sum(r["units_28d"] for r in peers), sum(r["before"] for r in peers)
        margins = sorted(r["margin_pct"] for r in peers if r.get("margin_pct") is not None)
        row["category_skus"] = len(peers)
        row["category_units_28d"] = units
        row["category_units_trend_pct"] = _ratio(units - before, before)
        row["category_share_pct"] = _ratio(row["units_28d"], units)
        row["category_median_margin_pct"] = margins[(len(margins) - 1) // 2] if margins else None
