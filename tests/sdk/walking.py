"""What the walk through the TypeScript client needs: an account, a peer that answers by script, a webhook's request."""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from daimon_email import DaimonClient
from e2e.serving import Serving, daimon

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STEPS = ["mail", "pages", "files", "stream", "brokenStream", "webhook", "errors", "retries", "patience"]
OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Idempotency-Key",
    "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
}


class Peer(ThreadingHTTPServer):
    """Answers `/WALK/SCRIPT/v1/…` by what the script says to the first, the second, … request of the walk."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.over = Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: Peer

    def do_OPTIONS(self) -> None:
        """Let pages of any origin ask."""
        self._answer(204)

    def do_GET(self) -> None:
        """Follow the script."""
        walk, script, *_ = self.path.strip("/").split("/")
        self.server.asked[walk + script] += 1
        getattr(self, f"_{script}")(self.server.asked[walk + script])

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _busy(self, time: int) -> None:
        if time == 1:
            self._answer(503, {"error": "UNAVAILABLE"}, Retry_After="0")
        elif time == 2:
            self._answer(429, {"error": "RATE_LIMIT_EXCEEDED"}, Retry_After="0")
        elif time > 3:  # the third is told nothing, and its connection closed
            self._answer(200, {"result": {"tier": "free"}, "next_steps": []})

    def _limited(self, _: int) -> None:
        self._answer(429, {"error": "RATE_LIMIT_EXCEEDED"}, Retry_After="3600", X_Request_Id="req_of_the_header")

    def _down(self, _: int) -> None:
        self._answer(502, b"<html>", Retry_After="0")

    def _silent(self, _: int) -> None:
        self.server.over.wait(60)

    def _stream(self, time: int) -> None:
        after = self.path.partition("after=")[2]
        if (time, after) == (1, "0"):
            self._events(_event(1) + _event(2) + _event(3)[:-10])
        elif (time, after) == (2, "2"):
            self._events(_event(3) + b'event: error\ndata: {"error": "API_KEY_REVOKED", "message": "It is gone."}\n\n')
        else:
            self._answer(400, {"error": "INVALID_CURSOR", "message": f"the {time}. time behind {after}"})

    def _events(self, octets: bytes) -> None:
        self._answer(200, octets, Content_Type="text/event-stream", without_end=True)

    def _answer(self, status: int, body: Any = b"", *, without_end: bool = False, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (OPEN | headers).items():
            self.send_header(name.replace("_", "-"), value)
        if not without_end:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _event(sequence: int) -> bytes:
    told = {"event": "inbox.created", "event_id": f"evt_{sequence}", "sequence": sequence, "data": {}}
    return f"id: {sequence}\nevent: inbox.created\ndata: {json.dumps(told)}\n\n".encode()


@contextmanager
def peer() -> Iterator[Peer]:
    """Answer until the block ends."""
    with Peer() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def given(served: Serving, peer: Peer, name: str) -> dict[str, Any]:
    """Return what the walk is told. Its account is fresh, and may send."""
    with DaimonClient(base_url=served.api) as nobody:
        first = nobody.inboxes.create()
    done = daimon("admin", "account", "set-tier", first.account_id, "developer", f"--data-dir={served.data_dir}")
    assert done.returncode == 0, done.stderr
    account = {"api": served.api, "key": first.account_api_key, "inbox": first.id}
    return account | {"peer": f"{peer.url}/{name}", "request": _signed()}


def _signed() -> dict[str, Any]:
    """Return a request to a webhook, signed as Standard Webhooks says."""
    body = json.dumps({"event": "inbox.created", "event_id": "evt_1", "webhook_id": "wh_1", "data": {"name": "ü"}})
    moment = str(int(time.time()))
    key = b64decode(SECRET.removeprefix("whsec_"))
    signature = b64encode(hmac.digest(key, f"evt_1.{moment}.{body}".encode(), hashlib.sha256)).decode()
    headers = {"Webhook-Id": "evt_1", "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}
    return {"body": body, "headers": headers, "secret": SECRET}
