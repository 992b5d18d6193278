"""A webhook: prices as JSON to an address, signed, with the dispatch's key, answered price by price.

Here: the request, its signature, and what the answer's status means. Not here: whether the answer is right (judging).

Headers: `Idempotency-Key` is the dispatch's key, `X-Pricing-Timestamp` seconds since 1970, `X-Pricing-Signature`
`sha256=` and the HMAC-SHA256, in hex, of timestamp, a dot and the body. Answers: 200 with
`{"prices": [{"sku", "price", "status", "reason"}]}`; 202 where the answer comes later, when the same key is sent again.
400, 401, 403, 404, 405, 409, 410, 413, 415 and 422 refuse for good; anything else is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import polars as pl

from pricing_assets.publishing.connectors.connector import ANSWER, Dispatch, Receipt, Refused, Unreachable, amount

_FOR_GOOD = {400, 401, 403, 404, 405, 409, 410, 413, 415, 422}
_LONGEST = 64 << 20  # bytes of an answer: room for a million prices


class Webhook:
    """Posts each dispatch of one market."""

    asks_again = True

    def __init__(self, url: str, secret: str, timeout: float, clock: Callable[[], float] = time.time) -> None:
        self._url, self._secret, self._timeout, self._clock = url, secret.encode(), timeout, clock

    def unfit(self, prices: pl.DataFrame) -> dict[str, str]:
        """JSON takes every SKU."""
        return {}

    def send(self, dispatch: Dispatch) -> pl.DataFrame | None:
        """Posts the dispatch; the whole exchange must end within the time allowed."""
        import httpx  # a fifth of a second nobody else needs

        stamp = str(int(self._clock()))
        content = body(dispatch)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": dispatch.key,
            "X-Pricing-Timestamp": stamp,
            "X-Pricing-Signature": signature(self._secret, stamp, content),
        }
        try:
            status, said = asyncio.run(self._exchange(content, headers))
        except TimeoutError as late:
            raise Unreachable(f"{self._url}: the answer takes longer than {self._timeout:g} s") from late
        except httpx.HTTPError as fault:
            raise Unreachable(f"{self._url}: {type(fault).__name__}: {fault}") from fault
        return self._understood(dispatch, status, said)

    async def _exchange(self, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body. One clock for all but looking up the name: who sends a byte now and then keeps no pass."""
        import httpx

        async with (
            asyncio.timeout(self._timeout),
            httpx.AsyncClient(timeout=None) as client,
            client.stream("POST", self._url, content=content, headers=headers) as answer,
        ):
            return answer.status_code, await _whole(answer.aiter_bytes())

    def receipts(self) -> Sequence[Receipt]:
        """None: a webhook answers when it is asked."""
        return []

    def edited(self, dispatch: Dispatch) -> str | None:
        """Nothing can be seen of what the receiver keeps."""
        return None

    def _understood(self, dispatch: Dispatch, status: int, content: bytes) -> pl.DataFrame | None:
        said = content[:200].decode("utf-8", "replace").strip()
        if status in _FOR_GOOD:
            raise Refused(f"{self._url} answers {status}: {said}")
        if status == 202:
            return None
        if status != 200:
            raise Unreachable(f"{self._url} answers {status}: {said}")
        try:
            return _answer(dispatch.market, json.loads(content))
        except (ValueError, TypeError, KeyError) as fault:
            raise Unreachable(f"{self._url} answers 200, but no prices: {said[:80]}") from fault


def body(dispatch: Dispatch) -> bytes:
    """The dispatch as canonical JSON; prices are texts, so that no reader makes floats of them unasked."""
    prices = [
        {
            "sku": row["sku"],
            "price": amount(row["price"], row["currency"]),
            "currency": row["currency"],
            "entry_no": row["entry_no"],
            "decision_id": row["decision_id"],
        }
        for row in dispatch.prices.iter_rows(named=True)
    ]
    said = {
        "key": dispatch.key,
        "market": dispatch.market,
        "effective_from": f"{dispatch.effective_from:%Y-%m-%dT%H:%M:%SZ}",
        "prices": prices,
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signature(secret: bytes, stamp: str, content: bytes) -> str:
    """What a receiver computes again to know that we sent it."""
    return "sha256=" + hmac.new(secret, stamp.encode() + b"." + content, hashlib.sha256).hexdigest()


async def _whole(parts: AsyncIterator[bytes]) -> bytes:
    """The answer's body."""
    found = bytearray()
    async for part in parts:
        found += part
        if len(found) > _LONGEST:
            raise Unreachable("the answer is too long to be one")
    return bytes(found)


def _answer(market: str, said: dict[str, list[dict[str, object]]]) -> pl.DataFrame:
    rows = [
        (
            str(each["sku"]),
            market,
            str(each["price"]),
            str(each["status"]),
            str(each["reason"]) if each.get("reason") else None,
        )
        for each in said["prices"]
    ]
    return pl.DataFrame(rows, schema=ANSWER, orient="row")
