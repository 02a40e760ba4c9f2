"""SMTP end of data to the answer of a waiting long poll, while the server receives half of what it can sustain.

First the sustained rate is measured (accepted and visible, 20 connections). Then timed sessions send at half that
rate to other inboxes, and a probe waits for one mail after the other: from the probe's last octet until its long
poll, which was waiting, is answered.
"""

import argparse
import asyncio
import time

from benchmarks.api_throughput import long_poll
from benchmarks.figures import percentile, verdict
from benchmarks.serving import Serving, serving
from benchmarks.smtp_accept import drained
from benchmarks.smtp_load import Session, mail, send

SESSIONS = 10
P50_MS, P99_MS = 25.0, 150.0


def main() -> None:
    """Print p50 and p99."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mails", type=int, default=5000, help="mails to find the sustained rate with")
    arguments.add_argument("--probes", type=int, default=300)
    options = arguments.parse_args()
    with serving() as ours:
        key, probed = asyncio.run(ours.open_account())
        loaded = [str(ours.post("/v1/inboxes", key=key)["email"]) for _ in range(SESSIONS)]
        most = sustained(ours, loaded[0], options.mails)
        waits = asyncio.run(probe(ours, key, probed, loaded, most / 2, options.probes))
    half, worst = percentile(waits, 0.5), percentile(waits, 0.99)
    print(f"sustained: {most:.0f} mails/s; load: {most / 2:.0f} mails/s; {len(waits)} probes")
    print(f"end of data to long poll answered: p50 {verdict(half, P50_MS, at_least=False)} ms")
    print(f"end of data to long poll answered: p99 {verdict(worst, P99_MS, at_least=False)} ms")


def sustained(ours: Serving, address: str, mails: int) -> float:
    """Return how many mails a second become visible."""
    started = time.perf_counter()
    send(ours.smtp_port, address, mails=mails, size=4096, connections=20, persistent=True)
    asyncio.run(drained(ours))
    return mails / (time.perf_counter() - started)


async def probe(ours: Serving, key: str, probed: str, loaded: list[str], rate: float, probes: int) -> list[float]:
    """Return the milliseconds of each probe under load."""
    stop = asyncio.Event()
    load = [asyncio.create_task(_load(ours.smtp_port, to, rate / len(loaded), stop)) for to in loaded]
    session = await Session.open(ours.smtp_port)
    waits, after = [], ""
    for number in range(probes):
        poll = asyncio.create_task(long_poll(ours, key, probed, after))
        await asyncio.sleep(0.05)
        sent = time.perf_counter()
        await session.send(probed, mail(4096, f"probe {number}"))
        answered, after = await poll
        waits.append((answered - sent) * 1000)
    stop.set()
    await asyncio.gather(*load)
    await session.close()
    return waits


async def _load(port: int, to: str, rate: float, stop: asyncio.Event) -> None:
    session = await Session.open(port)
    octets = mail(4096)
    due = time.perf_counter()
    while not stop.is_set():
        await session.send(to, octets)
        due += 1 / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await session.close()


if __name__ == "__main__":
    main()
