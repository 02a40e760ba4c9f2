"""A whole server with billing, and Stripe in a thread beside it: for browsers, and for what is killed."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from e2e.serving import FREE_PORTS, Serving

from .happenings import WEBHOOK_SECRET
from .stand_in import SECRET_KEY, StandIn


@contextmanager
def running(stripe: StandIn) -> Iterator[StandIn]:
    """Run Stripe in a thread of its own, as a browser and a server ask it at once."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(stripe.start(), loop).result(30)
        yield stripe
        asyncio.run_coroutine_threadsafe(stripe.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@contextmanager
def serving(stripe: StandIn, data_dir: Path) -> Iterator[Serving]:
    """Run `daimon serve` with billing; Stripe tells it of everything by itself."""
    server = Serving(
        data_dir, *FREE_PORTS,
        DAIMON_STRIPE_SECRET_KEY=SECRET_KEY, DAIMON_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        DAIMON_STRIPE_API_BASE=stripe.url,
    ).ready()  # fmt: skip
    stripe.webhook = f"{server.api}/stripe/webhook"
    yield server
    stripe.webhook = None
    assert server.end() == 0
    assert SECRET_KEY not in server.output
    assert WEBHOOK_SECRET not in server.output


def result(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["result"]


def awaited(http: httpx.Client, key: dict[str, str], kind: str) -> Any:
    """Return an event of a kind, waiting for it on the stream that begins with the account's first.

    Where the database is away the stream ends, or is not there yet: it is opened again, as clients do.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with http.stream("GET", "/v1/events/stream?after=0", headers=key) as stream:
            assert stream.status_code in (200, 503)
            for line in stream.iter_lines():
                if line.startswith("data:") and f'"{kind}"' in line:
                    return json.loads(line[5:])
        time.sleep(0.1)
    raise AssertionError(f"no {kind} came")
