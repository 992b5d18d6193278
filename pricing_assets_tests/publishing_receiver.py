"""A receiver of webhooks: a real HTTP server that can be down, slow, wrong, or answer twice.

Here: the server; it checks every signature and remembers the effect of every key. Not here: what is sent to it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a secret of two"
Reply = Callable[["Receiver", dict[str, Any]], tuple[int, bytes]]


class Receiver:
    """Answers each request by the next of `replies`, then as it should."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[dict[str, Any]] = []
        self.all_effects: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.moments: dict[tuple[str, str], str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers["X-Pricing-Timestamp"]
                wanted = "sha256=" + hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
                assert hmac.compare_digest(wanted, self.headers["X-Pricing-Signature"])
                said = json.loads(body)
                assert said["key"] == self.headers["Idempotency-Key"]
                said["path"] = self.path.rpartition("/")[2]
                outer.requests.append(said)
                reply = outer.replies.pop(0) if outer.replies else taken
                status, content = reply(outer, said)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that gave up is no news
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/prices"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settle(self, said: dict[str, Any]) -> None:
        """The effect: once per key, at each address."""
        prices = [(each["sku"], each["price"]) for each in said["prices"]]
        self.all_effects.setdefault((said["path"], said["key"]), prices)
        self.moments.setdefault((said["path"], said["key"]), said["effective_from"])

    def effects_of(self, sku: str) -> list[str]:
        return [price for prices in self.all_effects.values() for name, price in prices if name == sku]


def answer(said: dict[str, Any], **changes: Any) -> bytes:
    rows = [{"sku": e["sku"], "price": e["price"], "status": "accepted"} | changes for e in said["prices"]]
    return json.dumps({"prices": rows}).encode()


def taken(receiver: Receiver, said: dict[str, Any]) -> tuple[int, bytes]:
    receiver.settle(said)
    return 200, answer(said)


def status(code: int, content: bytes = b"", *, effect: bool = False) -> Reply:
    """A status and a body, whatever was asked; with or without having done it."""

    def reply(receiver: Receiver, said: dict[str, Any]) -> tuple[int, bytes]:
        if effect:
            receiver.settle(said)
        return code, content

    return reply


def slow(seconds: float) -> Reply:
    """Takes the prices at once and says so too late."""

    def reply(receiver: Receiver, said: dict[str, Any]) -> tuple[int, bytes]:
        receiver.settle(said)
        time.sleep(seconds)
        return 200, answer(said)

    return reply


def saying(content: Callable[[dict[str, Any]], bytes]) -> Reply:
    """Takes the prices and answers what it likes."""

    def reply(receiver: Receiver, said: dict[str, Any]) -> tuple[int, bytes]:
        receiver.settle(said)
        return 200, content(said)

    return reply
