"""Submissions over HTTP to mails in another server's hands, beside Postfix that relays as many mails of the same size.

Both hand over to `smtp-sink`, over 20 connections at the most. For ours: 20 clients POST sends for so many seconds, and
the time goes from the first POST until the queue is empty; for Postfix from the first connection of `smtp-source`, of
20. A first round warms both up and is not counted: the database plans anew once it knows how full its tables are. Then
what a signature costs, and what the worker needs of memory with many mails in the queue.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import median, ratio, verdict
from benchmarks.http_load import install, turns_per_second
from benchmarks.postfix import Postfix, free_port, postfix
from benchmarks.serving import Serving, command_of, serving, tree
from benchmarks.smtp_accept import held
from benchmarks.smtp_load import send
from daimon.mail import dkim_signing
from daimon.mail.dkim_signing import Algorithm

SIZE = 4096
CONNECTIONS = 20
WARMING_SECONDS = 8
os.environ["DAIMON_ABUSE_GUARD"] = "false"  # one text to thousands is what is measured
TIERS = json.dumps({"enterprise": {"burst_per_minute": 1_000_000, "concurrent_sends": 1000}})


def main() -> None:
    """Print submissions, mails end to end, the drain, and what a signature costs."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=5, help="of submissions in a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--queued", type=int, default=0, help="mails in the queue while memory is looked at")
    options = arguments.parse_args()
    install()
    print(f"DKIM, both signatures of a mail of 4 KiB: {signature_milliseconds():.2f} ms")
    sink_port = free_port()
    relay = ("--smtp-relay", f"127.0.0.1:{sink_port}", "--tiers", TIERS)
    with sink(sink_port), serving(*relay) as ours, postfix(relay=sink_port) as theirs:
        key, email = asyncio.run(ours.open_account())
        submitted, whole, drains, others = [], [], [], []
        relayed(theirs, submit(ours, key, email, WARMING_SECONDS)[0])
        for _ in range(options.rounds):
            mails, rate, seconds = submit(ours, key, email, options.seconds)
            submitted.append(rate)
            whole.append(mails / seconds)
            others.append(relayed(theirs, mails))
            with held(ours):
                waiting, _, _ = submit(ours, key, email, options.seconds, drain=False)
                started = time.perf_counter()
            asyncio.run(drained(ours))
            drains.append(waiting / (time.perf_counter() - started))
        print(f"submissions: {median(submitted):.0f}/s; drain alone: {median(drains):.0f} mails/s")
        figure = verdict(ratio(whole, others), 1.0)
        print(f"submitted to sent: {median(whole):.0f} mails/s, Postfix {median(others):.0f}, ratio {figure}")
        if options.queued:
            memory(ours, key, email, options.queued)


@contextlib.contextmanager
def sink(port: int) -> Iterator[None]:
    """Run smtp-sink until the block ends."""
    user = ["-u", "postfix"] if os.geteuid() == 0 else []
    process = subprocess.Popen(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def submit(ours: Serving, key: str, email: str, seconds: int, *, drain: bool = True) -> tuple[int, float, float]:
    """Submit for so many seconds; return how many mails, how many a second, and the seconds until all are sent."""
    body = json.dumps({"to": "somebody@out.example", "subject": "benchmark", "body": ("x" * 63 + "\n") * (SIZE // 64)})
    began = asyncio.run(sent(ours))
    started = time.perf_counter()
    rate = turns_per_second(
        f"{ours.api}/v1/inboxes/{email}/send",
        keys=[key],
        seconds=seconds,
        method="POST",
        bodies=[body],
        connections=CONNECTIONS,
    )
    if drain:
        asyncio.run(drained(ours))
    took = time.perf_counter() - started
    return asyncio.run(sent(ours)) - began, rate, took


def relayed(theirs: Postfix, mails: int) -> float:
    """Return how many mails a second Postfix takes and hands over."""
    started = time.perf_counter()
    send(theirs.port, "somebody@out.example", mails=mails, size=SIZE, connections=CONNECTIONS, persistent=True)
    while theirs.waiting():
        time.sleep(0.01)
    return mails / (time.perf_counter() - started)


async def drained(ours: Serving) -> None:
    """Return when nothing waits to be sent."""
    connection = await ours.connect()
    while await connection.fetchval("select exists (select from outbound_queue)"):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
    deferred = await connection.fetchval("select count(*) from deliveries where status not in ('sent', 'queued')")
    assert not deferred, f"{deferred} mails were not sent"
    await connection.close()


async def sent(ours: Serving) -> int:
    """Return how many sends were taken."""
    connection = await ours.connect()
    taken: int = await connection.fetchval("select count(*) from deliveries")
    await connection.close()
    return taken


def signature_milliseconds() -> float:
    """Return what it costs to sign a mail with an RSA and an Ed25519 key."""
    keys = [dkim_signing.load("example.com", "s", dkim_signing.generate(each)) for each in Algorithm]
    octets = b"From: a@example.com\r\nSubject: x\r\n\r\n" + (b"x" * 62 + b"\r\n") * (SIZE // 64)
    started, signatures = time.process_time(), 500
    for _ in range(signatures):
        dkim_signing.sign(octets, keys, at=datetime.now(UTC))
    return (time.process_time() - started) * 1000 / signatures


def memory(ours: Serving, key: str, email: str, queued: int) -> None:
    """Print what the worker needs with so many mails in the queue, and how fast it still takes them."""
    with held(ours):
        submit(ours, key, email, 1, drain=False)
        asyncio.run(multiply(ours, queued))
    started = time.perf_counter()
    time.sleep(20)
    left = asyncio.run(waiting(ours))
    taken = (queued - left) / (time.perf_counter() - started)
    resident = max(_resident_mib(pid) for pid in tree(ours.process.pid) if "_role worker" in command_of(pid))
    print(f"with {queued} queued: {taken:.0f} mails/s, worker {resident:.0f} MiB")


async def multiply(ours: Serving, queued: int) -> None:
    """Queue copies of one mail, in a thousand destinations; recipients of one message, as only the queue matters."""
    connection = await ours.connect()
    await connection.execute(
        """
        insert into outbound_queue (account_id, id, message_id, inbox_id, raw_id, mail_from, recipient, destination,
                                    smtputf8, size, queued_at, due_at)
        select account_id, gen_random_uuid(), null, null, raw_id, mail_from, n || '@' || n % 1000 || '.example',
               n % 1000 || '.example', smtputf8, size, queued_at, due_at
        from (select * from outbound_queue limit 1) q, generate_series(1, $1::int) n
        """,
        queued,
        timeout=300,
    )
    await connection.close()


async def waiting(ours: Serving) -> int:
    """Return how many mails are in the queue."""
    connection = await ours.connect()
    left: int = await connection.fetchval("select count(*) from outbound_queue")
    await connection.close()
    return left


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    main()
