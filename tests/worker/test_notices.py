"""Notices on their way: to inboxes here at once and once each, to others when there is a road, and gone in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_address
from uuid import UUID

import pytest

from daimon.accounts.repository import AccountRepository
from daimon.db.scope import Scope
from daimon.domains.dkim import KeyVault
from daimon.domains.signing import SigningKeys
from daimon.inbound import notices as delivery
from daimon.inboxes.models import Inbox
from daimon.kit import ids
from daimon.lifecycle import recovery
from daimon.mail.dkim_signing import Algorithm, generate, load
from daimon.notices import retention
from daimon.notices import service as notices
from daimon.outbound import queue
from daimon.worker import erasure
from daimon.worker import notices as worker

from .conftest import House

DAY = timedelta(days=1)


async def tell(house: House, inbox: Inbox, recipient: str, subject: str = "Hello") -> None:
    """Write a notice of the inbox's account."""
    async with house.db.transaction() as db:
        await notices.tell(db, inbox.account_id, recipient, subject, "Said to you.\n", now=house.clock())


KEYS = [load("daimon.email", "test", generate(Algorithm.ED25519))]


async def deliver(house: House) -> delivery.Delivered:
    """Do one step of the worker."""
    async with house.db.transaction() as db:
        return await delivery.deliver(db, domain="daimon.email", keys=KEYS, now=house.clock(), limit=100)


async def fail(house: House) -> None:
    """Do one step of a worker that dies before it commits."""
    async with house.db.transaction() as db:
        await delivery.deliver(db, domain="daimon.email", keys=KEYS, now=house.clock(), limit=100)
        raise RuntimeError


async def until(done: Callable[[], Awaitable[object]]) -> None:
    """Return when something has come true."""
    async with asyncio.timeout(30):
        while not await done():
            pass


async def test_a_recovery_runs_from_the_request_to_the_mail(house: House) -> None:
    """The worker answers the request, and the link lies in the operator's inbox as mail."""
    inbox = await house.open_inbox()
    scope = Scope(inbox.account_id)
    async with house.db.transaction() as db:
        await AccountRepository(db, scope).set_operator_email(inbox.email)
        await AccountRepository(db, scope).set_verified(inbox.email, now=house.clock())
        await recovery.ask(db, inbox.email.upper(), client=ip_address("2001:db8::1"), now=house.clock())
    stop = asyncio.Event()
    running = asyncio.create_task(
        worker.run(
            house.db,
            signing=SigningKeys(KeyVault(b"s" * 32), service_domain="daimon.email", clock=house.clock),
            public_url="http://daimon.test",
            domain="daimon.email",
            clock=house.clock,
            stop=stop,
        )
    )
    await until(lambda: house.value("select true from inbound_queue"))
    stop.set()
    await running
    await house.lanes.drain()
    assert await house.subjects(inbox) == ["Get your account back"]
    assert not await house.value("select true from recovery_requests")


async def test_workers_side_by_side_send_each_notice_once(house: House) -> None:
    """What one holds the other passes over, and what failed in the middle is still to be sent."""
    inbox = await house.open_inbox()
    for number in range(30):
        await tell(house, inbox, inbox.email, f"Number {number}")
    with pytest.raises(RuntimeError):
        await fail(house)
    await asyncio.gather(*(deliver(house) for _ in range(4)))
    await deliver(house)
    await house.lanes.drain()
    assert sorted(await house.subjects(inbox)) == sorted(f"Number {number}" for number in range(30))


async def test_others_are_sent_by_the_outbound_road(house: House) -> None:
    """To an address elsewhere a notice is queued, signed, and nothing is left of it once it is decided."""
    inbox = await house.open_inbox()
    await tell(house, inbox, "person@example.com")
    assert await deliver(house) == (1, 0, 1)
    async with house.db.transaction() as db:
        [mail], _ = await queue.take(db, ids.new(), after=("", UUID(int=0)), busy=[])
        octets = await queue.octets_of(db, mail)
    assert (mail.message_id, mail.recipient, mail.mail_from) == (None, "person@example.com", "postmaster@daimon.email")
    assert octets is not None
    assert octets.startswith(b"DKIM-Signature:")
    assert b"Said to you." in octets


async def test_who_cannot_be_reached_here_waits_and_is_listed(house: House) -> None:
    """A suspended inbox and one of a deleted account are looked for again an hour later."""
    inbox, closed = await house.open_inbox(), await house.open_inbox()
    async with house.db.transaction() as db:
        await AccountRepository(db, Scope(closed.account_id)).set_deleted(house.clock())
    recipients = [closed.email, "no address at all"]
    for recipient in recipients:
        await tell(house, inbox, recipient)
    assert await deliver(house) == (2, 0, 0)
    assert await deliver(house) == (0, 0, 0)
    async with house.db.read() as db:
        waiting = await notices.waiting(db, 100)
    assert [(each.recipient, each.subject, each.body) for each in waiting] == [
        (recipient, "Hello", "Said to you.\n") for recipient in recipients
    ]
    async with house.db.transaction() as db:
        await AccountRepository(db, Scope(closed.account_id)).set_deleted(None)
    house.clock.advance(timedelta(hours=1))
    assert await deliver(house) == (2, 1, 0)


async def test_a_subject_cannot_add_a_header(house: House) -> None:
    """A name with line breaks in it, which somebody chose, is one line in the mail."""
    inbox = await house.open_inbox()
    await tell(house, inbox, inbox.email, "You are in\r\nBcc: everybody@example.com\n" + "x" * 500)
    await deliver(house)
    await house.lanes.drain()
    [message] = await house.messages(inbox)
    assert message.subject.startswith("You are in Bcc: everybody@example.com xxx")


async def test_old_notices_and_counters_go(house: House) -> None:
    """What was sent goes a day later, what could not be in 30 days, a counter when it is full."""
    inbox = await house.open_inbox()
    await tell(house, inbox, inbox.email)
    await tell(house, inbox, "no address at all")
    await deliver(house)
    async with house.db.transaction() as db:
        await recovery.ask(db, "person@example.com", client=ip_address("192.0.2.1"), now=house.clock())

    async def left(after: timedelta) -> tuple[object, object]:
        async with house.db.transaction() as db:
            await retention.forget(db, now=house.clock() + after, limit=10)
            await retention.forget_rates(db, now=house.clock() + after, limit=10)
        return await house.value("select count(*) from notices"), await house.value("select count(*) from mail_rates")

    assert await left(timedelta(0)) == (2, 2)
    assert await left(DAY) == (2, 0)
    assert await left(DAY + timedelta(seconds=1)) == (1, 0)
    assert await left(30 * DAY) == (1, 0)
    assert await left(30 * DAY + timedelta(seconds=1)) == (0, 0)


async def test_the_worker_erases_what_is_due(house: House) -> None:
    """As it runs, with its own clock."""
    gone, stays = await house.open_inbox(), await house.open_inbox()
    async with house.db.transaction() as db:
        await AccountRepository(db, Scope(gone.account_id)).set_deleted(house.clock() - 31 * DAY)
        await AccountRepository(db, Scope(stays.account_id)).set_deleted(house.clock() - 29 * DAY)
    stop = asyncio.Event()
    running = asyncio.create_task(erasure.run(house.db, clock=house.clock, stop=stop))

    async def erased() -> bool:
        return await house.value("select count(*) from accounts where deleted_at is not null") == 1

    await until(erased)
    stop.set()
    await running
    assert await house.value("select count(*) from inboxes") == 1
    assert await house.value("select account_id from addresses where address = $1", stays.email) == stays.account_id
