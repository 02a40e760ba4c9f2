"""How fast webhooks are sent, and what bad endpoints cost the good ones.

First: deliveries a second of what waits for 20 webhooks, in one worker process, against a bare loop of the same HTTP
client that posts the same bodies, signed and as many at a time, to the same endpoints.
Then: 50 webhooks of one account, 200 events a second. From an event's commit to its first attempt at the good ones:
without bad endpoints, and with three (one hangs, one hangs up, one answers an octet a second), in turn.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import aiohttp

from benchmarks.figures import median, percentile, ratio
from benchmarks.serving import Serving, serving
from benchmarks.webhook_receiver import Receiver, receiving
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.webhooks import secret, signing, wake
from daimon.webhooks.pace import MOST_OPEN

WEBHOOKS = 20
ENDPOINTS = 50
BAD = ("hang", "reset", "drip")
RATE = 200  # events a second


def main() -> None:
    """Print both."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=500, help="that wait for each webhook")
    arguments.add_argument("--seconds", type=int, default=20, help="of 200 events a second")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    os.environ["DAIMON_ALLOW_INSECURE_WEBHOOKS"] = "1"
    with serving() as ours, receiving() as receiver:
        asyncio.run(_measure(ours, receiver, options.events, options.seconds, options.rounds))


async def _measure(ours: Serving, receiver: Receiver, count: int, seconds: int, rounds: int) -> None:
    key, address = await ours.open_account()
    db = await Database.open(_url(ours), connections=4)
    account_id = await _value(db, "select account_id from addresses where address = $1", address)
    dispatched, bare = list[float](), list[float]()
    for _ in range(rounds):
        dispatched.append(await _dispatch(ours, db, receiver, key, account_id, count))
        bare.append(await _bare(receiver, WEBHOOKS * count))
    print(
        f"deliveries: {median(dispatched):,.0f}/s, a bare loop of the same client {median(bare):,.0f}/s:"
        f" {ratio(dispatched, bare):.2f}"
    )
    good, mixed = list[float](), list[float]()
    for _ in range(rounds):
        good.append(await _delay(ours, db, receiver, key, account_id, (), seconds))
        mixed.append(await _delay(ours, db, receiver, key, account_id, BAD, seconds))
    print(f"p99 with bad endpoints to p99 without: {ratio(mixed, good):.2f}")
    await db.close()


def _url(ours: Serving) -> str:
    from daimon.db.embedded import running_url

    return running_url(ours.data_dir)


async def _dispatch(ours: Serving, db: Database, receiver: Receiver, key: str, account_id: UUID, count: int) -> float:
    """Let events wait for webhooks, let them go, and return deliveries a second."""
    made = [str(ours.post("/v1/webhooks", {"url": receiver.url(f"/well/{n}")}, key)["id"]) for n in range(WEBHOOKS)]
    await _value(db, "update webhooks set status = 'disabled'")
    named = [webhook for each in made if (webhook := ids.read(ids.Kind.WEBHOOK, each))]
    ringer = Ringer(db, wake.CHANNEL)
    ringer.ring(*(wake.word(account_id, webhook) for webhook in named))
    await asyncio.sleep(0.5)
    for start in range(0, count, 100):
        async with db.transaction() as connection:
            await events.record(connection, [_event(account_id, None) for _ in range(start, min(start + 100, count))])
    receiver.take()
    await _value(db, "update webhooks set status = 'active', wake_at = clock_timestamp()")
    started = time.perf_counter()
    ringer.ring(*(wake.word(account_id, webhook) for webhook in named))
    while receiver.count() < WEBHOOKS * count:  # noqa: ASYNC110 - another process counts
        await asyncio.sleep(0.05)
    took = time.perf_counter() - started
    await _written(db, account_id)
    took_written = time.perf_counter() - started
    print(f"  sent in {took:.2f} s, all of it written in {took_written:.2f} s")
    await _delete_all(ours, db, account_id)
    return WEBHOOKS * count / took


async def _written(db: Database, account_id: UUID) -> None:
    behind = """select exists (select from webhooks w join event_sequences s using (account_id)
        where w.account_id = $1 and w.cursor < s.last)"""
    for _ in range(600):
        if not await _value(db, behind, account_id):
            return
        await asyncio.sleep(0.02)


async def _delete_all(ours: Serving, db: Database, account_id: UUID) -> None:
    await _value(db, "delete from webhooks where account_id = $1", account_id)
    await _value(db, "delete from quotas where account_id = $1 and quota = 'webhooks'", account_id)
    await asyncio.sleep(4)  # until the worker's lanes have ended
    await _value(db, "truncate webhook_deliveries")


async def _bare(receiver: Receiver, count: int) -> float:
    """Post as many bodies, as many at a time, and return how many a second."""
    receiver.take()
    made, body = secret.make(), b'{"at": 0, "padding": "' + b"x" * 1000 + b'"}'
    left = iter(range(count))

    async def one_after_the_other(session: aiohttp.ClientSession, url: str) -> None:
        for number in left:
            headers = signing.headers(
                event_id=f"evt_{number}", event="pod.created", sequence=number, at=utc_now(), body=body, secrets=[made]
            )
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

    started = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(
            *(one_after_the_other(session, receiver.url(f"/well/{n % WEBHOOKS}")) for n in range(WEBHOOKS * MOST_OPEN))
        )
    return count / (time.perf_counter() - started)


async def _delay(
    ours: Serving, db: Database, receiver: Receiver, key: str, account_id: UUID, bad: Sequence[str], seconds: int
) -> float:
    """Let events happen at their rate, each for one endpoint, and return the p99 of the good ones' delays in ms."""
    inboxes = [ids.new() for _ in range(ENDPOINTS)]
    kinds = [*bad, *["well"] * (ENDPOINTS - len(bad))]
    for number, (inbox_id, kind) in enumerate(zip(inboxes, kinds, strict=True)):
        made = ours.post("/v1/webhooks", {"url": receiver.url(f"/{kind}/{number}")}, key)
        webhook = ids.read(ids.Kind.WEBHOOK, str(made["id"]))
        await _value(db, "update webhooks set inbox_id = $1 where id = $2", inbox_id, webhook)
    receiver.take()
    ringer = Ringer(db, rings.CHANNEL)
    begun = time.monotonic()
    for number in range(seconds * RATE):
        await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        with rings.noticing() as told:
            async with db.transaction() as connection:
                await events.record(connection, [_event(account_id, inboxes[number % ENDPOINTS])])
        ringer.ring(*told)
    await asyncio.sleep(1)
    delays = [d * 1000 for path, each in receiver.take().items() if path.startswith("/well/") for d in each]
    expected = sum(1 for number in range(seconds * RATE) if kinds[number % ENDPOINTS] == "well")
    await _delete_all(ours, db, account_id)
    p99 = percentile(delays, 0.99)
    print(
        f"  {len(bad)} bad of {ENDPOINTS}: {len(delays)} of {expected} first attempts;"
        f" p50 {percentile(delays, 0.5):.1f}, p99 {p99:.1f}, most {max(delays):.1f} ms"
    )
    return p99


async def _value(db: Database, statement: str, *values: object) -> Any:
    async with db.read() as connection:
        return await connection.fetchval(statement, *values)


def _event(account_id: UUID, inbox_id: UUID | None) -> NewEvent:
    data = f'{{"at": {time.monotonic()}, "padding": "{"x" * 1000}"}}'
    return NewEvent(account_id, EventType.POD_CREATED, data, None, inbox_id, utc_now())


if __name__ == "__main__":
    main()
