"""SMTP acceptance against Postfix, with the same load generator on the same disk in the same run.

The generator pipelines, as mail servers do where it is offered; smtp-source, Postfix's own, which waits for the reply
to each command, is run too.

Accept: mails a second that are durable before their 250. Both hold what they accept: Postfix puts it into its hold
queue, daimon's worker processes are stopped meanwhile (SIGSTOP) and take it between the rounds.
Visible: mails a second from acceptance to readable, sustained, with one worker process; Postfix delivers to its
discard transport.
"""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figures import median, percentile, ratio, verdict
from benchmarks.pipelining import pipelined
from benchmarks.postfix import Postfix, postfix
from benchmarks.serving import Serving, command_of, serving, tree
from benchmarks.smtp_load import latencies, send

CASES = [
    # name, generator, octets, connections, persistent, share of the mails, target
    ("4 KiB, 20 connections", pipelined, 4096, 20, True, 1.0, 4.0),
    ("4 KiB, connection per mail", pipelined, 4096, 20, False, 0.5, 3.0),
    ("4 KiB, 20 connections, smtp-source", send, 4096, 20, True, 1.0, 4.0),
    ("4 KiB, connection per mail, smtp-source", send, 4096, 20, False, 0.5, 3.0),
    ("4 KiB, 1 connection", pipelined, 4096, 1, True, 0.1, None),
    ("100 KiB, 20 connections", pipelined, 102_400, 20, True, 0.1, None),
    ("100 KiB, 1 connection", pipelined, 102_400, 1, True, 0.05, None),
]


def main() -> None:
    """Print a line a case: ours, Postfix's, and the ratio."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mails", type=int, default=10_000, help="mails a round")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    with serving() as ours:
        _, address = asyncio.run(ours.open_account())
        with postfix(hold=True) as holding:
            accept(ours, holding, address, options.mails, options.rounds)
        with postfix(hold=False) as discarding:
            visible(ours, discarding, address, options.mails, options.rounds)


def accept(ours: Serving, theirs: Postfix, address: str, mails: int, rounds: int) -> None:
    """Measure mails a second and the wait at end of data."""
    for name, generate, size, connections, persistent, share, target in CASES:
        count = max(connections * 5, int(mails * share))
        load = {"mails": count, "size": size, "connections": connections, "persistent": persistent}
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            with held(ours):
                rates[0].append(generate(ours.smtp_port, address, **load))
            asyncio.run(drained(ours))
            rates[1].append(generate(theirs.port, address, **load))
        figure = ratio(*rates)
        shown = verdict(figure, target) if target else f"{figure:.2f}"
        print(f"accept, {name}: {median(rates[0]):.0f} mails/s, Postfix {median(rates[1]):.0f}, ratio {shown}")
        if persistent and generate is pipelined:
            for who, port in (("daimon", ours.smtp_port), ("Postfix", theirs.port)):
                with held(ours):
                    probes = latencies(port, address, mails=count // 4, size=size, connections=connections)
                    waits = asyncio.run(probes)
                half, most = percentile(waits, 0.5) * 1000, percentile(waits, 0.99) * 1000
                print(f"    wait for 250, {who}: p50 {half:.1f} ms, p99 {most:.1f} ms")
            asyncio.run(drained(ours))


def visible(ours: Serving, theirs: Postfix, address: str, mails: int, rounds: int) -> None:
    """Measure mails a second from the first connection until the last mail is readable, or discarded."""
    rates: tuple[list[float], list[float]] = ([], [])
    load = {"mails": mails, "size": 4096, "connections": 20, "persistent": True}
    for _ in range(rounds):
        started = time.perf_counter()
        send(ours.smtp_port, address, **load)
        asyncio.run(drained(ours))
        rates[0].append(mails / (time.perf_counter() - started))
        started = time.perf_counter()
        send(theirs.port, address, **load)
        while theirs.waiting():
            time.sleep(0.01)
        rates[1].append(mails / (time.perf_counter() - started))
    figure = verdict(ratio(*rates), 1.5)
    print(f"accepted to visible, 4 KiB: {median(rates[0]):.0f} mails/s, Postfix {median(rates[1]):.0f}, ratio {figure}")


@contextmanager
def held(ours: Serving) -> Iterator[None]:
    """Stop the worker processes meanwhile."""
    workers = [pid for pid in tree(ours.process.pid) if "_role worker" in command_of(pid)]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


async def drained(ours: Serving) -> None:
    """Return when every accepted mail is visible."""
    connection = await ours.connect()
    while await connection.fetchval("select exists (select from inbound_queue)"):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
    await connection.close()


if __name__ == "__main__":
    main()
