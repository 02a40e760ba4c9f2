"""What a full database costs: the same requests and mails at few and at a million inboxes and messages.

Rows are put in by SQL, shaped as the server writes them. Each figure is CPU time of all the server's processes,
database included, for one request or mail: it does not move with the machine's other load as time does. The rounds
of the sizes cannot alternate (a database only grows), so a fixed computation is timed beside each as a yardstick
of the machine's speed.
"""

import argparse
import asyncio
import os
import time
from dataclasses import dataclass

import asyncpg

from benchmarks import http_load
from benchmarks.figures import verdict
from benchmarks.http_load import requests_per_second
from benchmarks.serving import Serving, cpu_seconds, serving, tree
from benchmarks.smtp_accept import drained
from benchmarks.smtp_load import send

TARGET = 1.3
MAILS = 2000

_INBOXES = """
with made as (
    insert into inboxes (account_id, id, username, domain, status, created_at, updated_at)
    select $1, gen_random_uuid(), 'grown-' || n, 'daimon.email', 'active', now(), now()
    from generate_series($2::int, $3::int) n returning account_id, id, username, domain
), counted as (
    update quotas set used = used + $3 - $2 + 1 where account_id = $1
)
insert into addresses (address, account_id, inbox_id, status)
select username || '@' || domain, account_id, id, 'active' from made
"""
_MESSAGES = """
with source as (
    select i.account_id, i.id as inbox_id, gen_random_uuid() as id, gen_random_uuid() as thread_id, n
    from generate_series(1, $2::int) n
    join (select *, row_number() over (order by id) as nth from inboxes where account_id = $1 limit 1000) i
      on i.nth = n % 1000 + 1
), octets as (
    insert into raw_mails select account_id, id, repeat('x', 1000)::bytea from source
), contents as (
    insert into mail_contents select account_id, id,
        '{"to":[],"cc":[],"bcc":[],"reply_to":[],"in_reply_to":[],"references":[],"body_text":"x","reply_body":"x",
          "links":[],"cta_links":[],"codes":[],"attachments":[],
          "safety":{"spam_score":0,"verdict":"clean","findings":[]}}',
        '{"headers":{},"body_html":null,"body_text":null,"reply_body":null}' from source
), threads as (
    insert into threads (account_id, id, inbox_id, subject, subject_key, participants, message_count, last_message_at,
                         created_at, updated_at)
    select account_id, thread_id, inbox_id, 'grown', '\\x00', '{a@example.org}', 1, now(), now(), now() from source
), refs as (
    insert into thread_refs select account_id, inbox_id, uuid_send(id), thread_id from source
)
insert into messages (account_id, id, inbox_id, thread_id, direction, status, raw_id, rcpt_to, subject, preview, size,
                      received_at)
select account_id, id, inbox_id, thread_id, 'inbound', 'received', id, 'x@daimon.email', 'grown', 'x', 1000, now()
from source
"""


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU time of the whole server, and of the yardstick."""

    figures: dict[str, float]
    yardstick: float


def main() -> None:
    """Print what each operation costs at each size, and the ratio to the first."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--inboxes", type=int, nargs="+", default=[10, 10_000, 1_000_000])
    arguments.add_argument("--messages", type=int, default=1_000_000)
    arguments.add_argument("--seconds", type=int, default=4)
    options = arguments.parse_args()
    http_load.install()
    with serving() as ours:
        key, address = asyncio.run(ours.open_account())
        measure(ours, key, address, 1)  # warms caches and code
        first: Cost | None = None
        have = 1
        for inboxes in options.inboxes:
            asyncio.run(grow_inboxes(ours, address, have, inboxes))
            have = inboxes
            first = report(f"{inboxes:,} inboxes", measure(ours, key, address, options.seconds), first)
        asyncio.run(grow_messages(ours, address, options.messages))
        report(f"and {options.messages:,} messages", measure(ours, key, address, options.seconds), first)


def report(size: str, cost: Cost, first: Cost | None) -> Cost:
    """Print one size's figures; return the first size's, to which they are compared."""
    base = first or cost
    for name, figure in cost.figures.items():
        grown = figure / base.figures[name] / (cost.yardstick / base.yardstick)
        print(f"{size}: {name} {figure:.0f} µs CPU, × {verdict(grown, TARGET, at_least=False)}")
    return base


def measure(ours: Serving, key: str, address: str, seconds: int) -> Cost:
    """Return the CPU time that each operation costs the server."""
    figures = {
        "get": _request_cost(ours, f"/v1/inboxes/{address}", key, seconds),
        "list of 50": _request_cost(ours, "/v1/inboxes", key, seconds),
        "create": _request_cost(ours, "/v1/inboxes", key, seconds, post=True),
    }
    before = _cpu(ours)
    send(ours.smtp_port, address, mails=MAILS, size=4096, connections=20, persistent=True)
    asyncio.run(drained(ours))
    figures["mail, accepted and visible"] = (_cpu(ours) - before) / MAILS * 1e6
    return Cost(figures, yardstick())


def _request_cost(ours: Serving, path: str, key: str, seconds: int, *, post: bool = False) -> float:
    before = _cpu(ours)
    rate = requests_per_second(ours.api + path, key=key, seconds=seconds, post=post)
    return (_cpu(ours) - before) / (rate * seconds) * 1e6


def _cpu(ours: Serving) -> float:
    return cpu_seconds(tree(ours.process.pid))


def yardstick() -> float:
    """Return the seconds of CPU time that a fixed computation takes now."""
    started = time.process_time()
    for _ in range(20):
        sum(n * n for n in range(200_000))
    return time.process_time() - started


async def grow_inboxes(ours: Serving, address: str, have: int, want: int) -> None:
    """Fill one account up to `want` inboxes."""
    connection = await ours.connect()
    account = await _account(connection, address)
    for start in range(have + 1, want + 1, 50_000):
        await connection.execute(_INBOXES, account, start, min(start + 49_999, want), timeout=600)
    await _settle(connection)


async def grow_messages(ours: Serving, address: str, count: int) -> None:
    """Put messages into the first thousand inboxes of the account."""
    connection = await ours.connect()
    account = await _account(connection, address)
    for start in range(0, count, 50_000):
        await connection.execute(_MESSAGES, account, min(50_000, count - start), timeout=600)
    await _settle(connection)


async def _account(connection: "asyncpg.Connection[asyncpg.Record]", address: str) -> object:
    return await connection.fetchval("select account_id from addresses where address = $1", address)


async def _settle(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute("vacuum analyze", timeout=600)
    await connection.execute("checkpoint", timeout=600)
    await connection.close()
    os.sync()


if __name__ == "__main__":
    main()
