"""Followers of one account while processes and connections die: does each hear every event once, in its order?

So many subscribers of each kind: server-sent events, WebSockets, long polls, pages, webhooks. Each knows the last
number it saw and nothing else, hangs up at random moments and goes on from there. All follow the whole account, but
long polls, each of which waits at an inbox of its own. Meanwhile mails come in, for one inbox after the other, and the
processes of the server are killed (SIGKILL) at random moments, each role in its turn. In the end each list is compared
with the account's sequence: nothing may be missing, out of order, or there twice. A webhook may be sent
again what it was sent before, under the same id.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path
from uuid import UUID

from benchmarks.followers import KINDS, Events, Follower, Hook, LongPoll
from benchmarks.serving import Serving, command_of, serving, tree
from benchmarks.smtp_load import Session, mail
from daimon.kit import ids

ROLES = ("api", "worker", "smtp")
SENDERS = 4


def main() -> int:
    """Print what came of it; 1 if any event was lost or doubled."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--subscribers", type=int, default=20, help="of each kind")
    arguments.add_argument("--kills", type=float, default=10.0, help="seconds from one to the next, about")
    arguments.add_argument("--seed", type=int, default=random.randrange(1, 1000))
    arguments.add_argument("--minutes", type=float, default=1440.0, help="send no more mails after so long")
    options = arguments.parse_args()
    os.environ["DAIMON_ALLOW_INSECURE_WEBHOOKS"] = "1"
    with serving() as server:
        return asyncio.run(soak(server, options))


async def soak(server: Serving, options: argparse.Namespace) -> int:
    """Let it happen, and judge."""
    chance = random.Random(options.seed)
    key, _ = await server.open_account()
    db = await server.connect()
    inboxes = await _open_inboxes(server, key, options.subscribers)
    account_id = await db.fetchval("select account_id from addresses where address = $1", next(iter(inboxes)))
    first = await db.fetchval("select last from event_sequences where account_id = $1", account_id)
    followers = [
        kind(server, own if kind is LongPoll else key, inbox, first, random.Random(chance.random()))
        for kind in KINDS
        for inbox, own in inboxes.values()
    ]
    following = [asyncio.create_task(follower.follow()) for follower in followers]
    await asyncio.sleep(2)
    killed = dict.fromkeys(ROLES, 0)
    killing = asyncio.create_task(_kill(server, chance, options.kills, killed))
    showing = asyncio.create_task(_show_progress(followers, killed))
    begun = time.perf_counter()
    until = begun + options.minutes * 60
    each = options.events // SENDERS
    await asyncio.gather(*(_send(server, list(inboxes), each, until, chance, killed) for _ in range(SENDERS)))
    killing.cancel()
    while await db.fetchval("select exists (select from inbound_queue)"):  # noqa: ASYNC110 - in another process
        await asyncio.sleep(0.2)
    sent = time.perf_counter() - begun
    expected = await db.fetch(
        "select sequence, inbox_id from events where account_id = $1 and sequence > $2 order by 1", account_id, first
    )
    await _finish(followers, expected)
    took = time.perf_counter() - begun
    held = memory(server)
    for task in (showing, *following):
        task.cancel()
    await asyncio.gather(showing, *following, return_exceptions=True)
    await db.close()
    print(f"{len(expected)} events in {sent:.0f} s, all told after {took:.0f} s; seed {options.seed}")
    print(f"killed: {killed}; MiB at the end: {held}")
    return max(_judge(kind, [each for each in followers if type(each) is kind], expected) for kind in KINDS)


async def _open_inboxes(server: Serving, key: str, count: int) -> dict[str, tuple[UUID, str]]:
    """Return addresses, each with its inbox and that inbox's own key.

    An agent polls with that: each message that a wider key reads is a row of the audit trail.
    """
    made = [await asyncio.to_thread(server.post, "/v1/inboxes", {}, key) for _ in range(count)]
    return {str(one["email"]): (_uuid(str(one["id"])), str(one["inbox_api_key"])) for one in made}


def _uuid(shown: str) -> UUID:
    read = ids.read(ids.Kind.INBOX, shown)
    assert read is not None
    return read


def _judge(kind: type[Follower], followers: list[Follower], expected: Events) -> int:
    faults = [follower.faults(expected) for follower in followers]
    missing, doubled, disordered = (sum(each) for each in zip(*faults, strict=True))
    repeats = sum(each.repeats for each in followers if isinstance(each, Hook))
    print(
        f"{kind.__name__}: {len(followers)} subscribers, {sum(len(each.seen) for each in followers)} events,"
        f" {sum(each.connections for each in followers)} connections: {missing} lost, {doubled} doubled,"
        f" {disordered} out of order" + (f"; {repeats} sent again under their ids" if kind is Hook else "")
    )
    return int(bool(missing or doubled or disordered))


async def _finish(followers: list[Follower], expected: Events) -> None:
    """Wait until everybody has heard everything, as long as somebody still hears something."""
    wanted = {follower: len(follower.wanted(expected)) for follower in followers}
    heard, since = -1, time.monotonic()
    while not all(len(follower.seen) >= wanted[follower] for follower in followers):
        now = sum(len(follower.seen) for follower in followers)
        if now != heard:
            heard, since = now, time.monotonic()
        elif time.monotonic() - since > 90:
            return
        await asyncio.sleep(0.2)


async def _send(
    server: Serving, addresses: list[str], count: int, until: float, chance: random.Random, killed: dict[str, int]
) -> None:
    """Let so many mails be accepted, and more until each role was killed; one whose 250 got lost is sent again."""
    session: Session | None = None
    while (count > 0 and time.perf_counter() < until) or not all(killed.values()):
        try:
            session = session or await Session.open(server.smtp_port)
            await asyncio.wait_for(
                session.send(addresses[count % len(addresses)], mail(1500, f"{count} {chance.random()}")), 10
            )
            count -= 1
        except (OSError, RuntimeError, TimeoutError, asyncio.IncompleteReadError):
            session = None
            await asyncio.sleep(0.2)


async def _kill(server: Serving, chance: random.Random, seconds: float, killed: dict[str, int]) -> None:
    for role in itertools.cycle(ROLES):
        await asyncio.sleep(seconds * chance.uniform(0.5, 1.5))
        for pid in tree(server.process.pid):
            if f"_role {role}" in command_of(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed[role] += 1
                break


async def _show_progress(followers: list[Follower], killed: dict[str, int]) -> None:
    """Say now and then, on stderr, how much each kind has heard: a long run is to tell where it is."""
    begun = time.perf_counter()
    while True:
        await asyncio.sleep(30)
        heard = {kind.__name__: sum(len(f.seen) for f in followers if type(f) is kind) for kind in KINDS}
        print(f"{time.perf_counter() - begun:.0f} s: heard {heard}, killed {killed}", file=sys.stderr, flush=True)


def memory(server: Serving) -> dict[str, int]:
    """Return the MiB that each role holds."""
    found = {}
    for pid in tree(server.process.pid):
        for role in ROLES:
            if f"_role {role}" in command_of(pid):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                found[role] = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("Pss:"))
    return found


if __name__ == "__main__":
    sys.exit(main())
