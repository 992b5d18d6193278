"""The sentence a manager reads: what was found, what is usual, and what a week of it may cost.

Here: words. Not here: any arithmetic but rounding. Only flagged rows are put into words, one by one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

Row = dict[str, Any]


def explained(row: Row) -> str:
    """One sentence about a flagged row (flags.flags)."""
    sentence = _SENTENCES[row["reason"]](row)
    return f"most SKUs of {row['market']} alike: {sentence}" if row["market_wide"] else sentence


def _spike(row: Row) -> str:
    return f"{_price(row)} is {row['value']:.0f} % above {_reference(row, 'upper')}{_cost(row, 'puts at risk about')}"


def _too_low(row: Row) -> str:
    return f"{_price(row)} is {row['value']:.0f} % below {_reference(row, 'lower')}{_cost(row, 'costs about')}"


def _reference(row: Row, side: str) -> str:
    plan = row["planned_price_today"]
    if plan is None:
        return f"the usual {_amount(row['usual_price'])}; no promotion was planned"
    if float(plan) == row[side]:
        return f"the planned {_amount(plan)}"
    return f"the usual {_amount(row['usual_price'])}; {_amount(plan)} was planned"


def _loss(row: Row) -> str:
    lost = row["cost"] - row["current_price"]
    return f"{_price(row)} is below the {_of_cost(row)} of {_amount(row['cost'])}: each unit loses {_amount(lost)}" + (
        _cost(row, "costs about")
    )


def _low_margin(row: Row) -> str:
    return (
        f"the margin is {row['margin_pct']:.1f} %: the {_of_cost(row)} of {_amount(row['cost'])} takes "
        f"{row['value']:.1f} points more of {_price(row)} than is usual{_cost(row, 'costs about')}"
    )


def _undercut(row: Row) -> str:
    usual, gap = row["usual_competitor_delta_pct"], row["competitor_delta_pct"]
    return (
        f"the lowest rival asks {_amount(row['competitor_min'])} {row['currency']}; {_amount(row['current_price'])} "
        f"is {gap:.0f} % above him, usually {abs(usual):.0f} % {'above' if usual >= 0 else 'below'}"
        + _cost(row, "costs, if he is matched, about")
    )


def _stale(row: Row) -> str:
    last = row["date"] - timedelta(days=int(row["value"]))
    return f"the last price is of {last}, {row['value']:.0f} days ago: nothing says what the SKU costs today"


def _missing(row: Row) -> str:
    kinds = [kind for kind in row["missing_data"].split(",") if kind != "price"]
    said = ["it is on sale but has no price"] if len(kinds) < row["value"] else []
    if kinds:
        said.append(f"no {' and no '.join(_KINDS[kind] for kind in kinds)} came, as usually on such a day")
    return "; ".join(said)


def _price(row: Row) -> str:
    return f"{_amount(row['current_price'])} {row['currency']}"


def _of_cost(row: Row) -> str:
    return "assumed cost" if row["cost_source"] == "assumed" else "cost"


def _cost(row: Row, verb: str) -> str:
    if not row["units_28d"] or row["at_stake"] is None:
        return "; nothing was sold in the last 28 days"
    return f"; a week at this price {verb} {_about(row['at_stake'])} {row['currency']}"


def _about(value: float) -> str:
    """Two digits are enough for an estimate, and cents for little."""
    if value < 10:
        return f"{value:.2f}"
    step = 10 ** (len(str(int(value))) - 2)
    return f"{round(value / step) * step:,.0f}"


def _amount(value: Any) -> str:
    """Cents, and more digits only where there are any."""
    return f"{value:.4f}"[:-2] if f"{value:.4f}".endswith("00") else f"{value:.4f}"


_KINDS = {"rivals": "rival's price", "sales": "sales", "stock": "stock"}
_SENTENCES = {
    "PRICE_SPIKE": _spike,
    "PRICE_TOO_LOW": _too_low,
    "NEGATIVE_MARGIN": _loss,
    "LOW_MARGIN": _low_margin,
    "COMPETITOR_UNDERCUT": _undercut,
    "STALE_PRICE": _stale,
    "MISSING_DATA": _missing,
}
