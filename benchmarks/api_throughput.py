"""The HTTP API against a bare ASGI app that runs the same SQL with the same driver, on the same database in turn.

The yardstick is given every advantage: it neither routes nor checks a key nor reads a body. The load is wrk's, with
16 connections, on one API process.
"""

import argparse
import asyncio
import pickle
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import http_load
from benchmarks.api_services import api_services
from benchmarks.figures import median, percentile, ratio, verdict
from benchmarks.http_load import requests_per_second
from benchmarks.recording import Trace, ids_of, record
from benchmarks.serving import Serving, beside, serving
from benchmarks.smtp_load import Session, mail
from daimon.db.embedded import running_url
from daimon.db.engine import Database
from daimon.db.walls import TenantDatabase
from daimon.kit import ids

TARGET = 0.7


def main() -> None:
    """Print a line an operation: ours, the bare app's, and the ratio."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=5, help="seconds a round")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    http_load.install()
    with serving() as ours:
        key, address = asyncio.run(ours.open_account())
        inbox = str(ours.post("/v1/inboxes", key=key)["id"])
        for _ in range(60):
            ours.post("/v1/inboxes", key=key)
        traces = asyncio.run(_record(ours, key, inbox))
        with _bare(ours, traces) as bare:
            for name, path in (("get", f"/v1/inboxes/{inbox}"), ("list of 50", "/v1/inboxes"), ("create", "/create")):
                compare(ours, bare, name, path, key, options.seconds, options.rounds)
        asyncio.run(wait_latency(ours, key, address))


def compare(ours: Serving, bare: str, name: str, path: str, key: str, seconds: int, rounds: int) -> None:
    """Measure one operation in turn with the yardstick."""
    post = name == "create"
    own_path = "/v1/inboxes" if post else path
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        rates[0].append(requests_per_second(ours.api + own_path, key=key, seconds=seconds, post=post))
        rates[1].append(requests_per_second(bare + path, key=key, seconds=seconds, post=post))
    figure = verdict(ratio(*rates), TARGET)
    print(f"{name}: {median(rates[0]):.0f} requests/s, bare {median(rates[1]):.0f}, ratio {figure}")


async def wait_latency(ours: Serving, key: str, address: str) -> None:
    """Measure, on an idle server, end of data to the answer of a waiting long poll."""
    session = await Session.open(ours.smtp_port)
    waits = []
    after = ""
    for number in range(100):
        poll = asyncio.create_task(long_poll(ours, key, address, after))
        await asyncio.sleep(0.05)
        sent = time.perf_counter()
        await session.send(address, mail(4096, f"wait {number}"))
        answered, after = await poll
        waits.append((answered - sent) * 1000)
    await session.close()
    print(f"wait, idle: p50 {percentile(waits, 0.5):.1f} ms, p99 {percentile(waits, 0.99):.1f} ms")


async def long_poll(ours: Serving, key: str, address: str, after: str) -> tuple[float, str]:
    """Wait for the next message; return when it was answered, and its id."""
    reader, writer = await asyncio.open_connection("127.0.0.1", ours.http_port)
    query = f"?timeout=60&after={after}" if after else "?timeout=60"
    writer.write(
        f"GET /v1/inboxes/{address}/messages/wait{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\n\r\n".encode()
    )
    head = await reader.readline()
    answered = time.perf_counter()
    body = await reader.read()
    writer.close()
    if b" 200 " not in head:
        raise RuntimeError(head + body)
    found = body.split(b'"id":"msg_', 1)[1][:32]
    return answered, f"msg_{found.decode()}"


async def _record(ours: Serving, key: str, inbox: str) -> dict[str, Trace]:
    db = await TenantDatabase.open(running_url(ours.data_dir), connections=1)
    jobs = await Database.open(running_url(ours.data_dir), connections=1)
    services = api_services(db, jobs, ours.api)
    account = await db.pool.fetchval("select account_id from inboxes where id = $1", ids.read(ids.Kind.INBOX, inbox))
    get = await record(services, "GET", f"/v1/inboxes/{inbox}", key)
    listed = await record(services, "GET", "/v1/inboxes", key)
    create = await record(services, "POST", "/v1/inboxes", key, b"{}")
    create.renewed = ids_of(create, keep=uuid.UUID(bytes=account.bytes))
    await db.close()
    await jobs.close()
    return {f"/v1/inboxes/{inbox}": get, "/v1/inboxes": listed, "/create": create}


@contextmanager
def _bare(ours: Serving, traces: dict[str, Trace]) -> Iterator[str]:
    kept = ours.data_dir / "traces.pickle"
    kept.write_bytes(pickle.dumps(traces))
    with beside("benchmarks.bare_app", str(kept), running_url(ours.data_dir), answers="/v1/inboxes") as url:
        yield url


if __name__ == "__main__":
    main()
