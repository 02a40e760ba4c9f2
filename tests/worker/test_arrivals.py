"""A mail that was accepted becomes messages: one in each inbox, its body once in each account."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg

from daimon.db.scope import Scope
from daimon.events.rings import CHANNEL, accounts_of, inboxes_of
from daimon.inboxes.repository import InboxRepository
from daimon.kit import ids
from daimon.messages import service as messages

from .conftest import House, MakeLanes
from .mails import mail


async def test_each_local_recipient_has_a_copy_of_one_stored_body(house: House) -> None:
    """Two inboxes of one account show the same octets and contents, kept once."""
    account = await house.open_account()
    first, second = await house.open_inbox(account), await house.open_inbox(account)
    await house.deliver(mail("Both"), first, second)
    [[one], [other]] = [await house.messages(inbox) for inbox in (first, second)]
    assert one.raw_id == other.raw_id
    assert one.id != other.id
    assert one.thread_id != other.thread_id
    assert await house.rows("select (select count(*) from raw_mails), (select count(*) from mail_contents)") == [(1, 1)]


async def test_each_account_keeps_a_body_of_its_own(house: House) -> None:
    """No account's data hang on another's; the octets are the same everywhere."""
    first, second = await house.open_inbox(), await house.open_inbox()
    octets = mail("Both")
    await house.deliver(octets, first, second)
    assert await house.value("select count(*) from raw_mails") == 2
    async with house.db.read() as db:
        for inbox in (first, second):
            [message] = await house.messages(inbox)
            original = await messages.original(db, Scope(inbox.account_id), inbox.id, message.id)
            assert original.octets == octets


async def test_a_sub_address_becomes_a_label(house: House) -> None:
    """`user+tag@` reaches `user@`; message and thread carry the tag as it was written."""
    inbox = await house.open_inbox()
    await house.deliver(mail(), inbox, tag="Orders")
    [message] = await house.messages(inbox)
    assert message.labels == ["Orders"]
    assert await house.value("select labels from threads") == ["Orders"]
    assert await house.value("select rcpt_to from messages") == inbox.email.replace("@", "+Orders@")


async def test_labels_of_a_thread_are_bounded(house: House) -> None:
    """Whoever invents a sub-address for each mail makes no row grow for ever."""
    inbox = await house.open_inbox()
    for number in range(60):
        await house.accept(mail("Same", references="<root@x>"), inbox, tag=f"t{number}")
    await house.lanes.drain()
    for number in range(60, 70):
        await house.deliver(mail("Same", references="<root@x>"), inbox, tag=f"t{number}")
    assert await house.rows("select message_count, cardinality(labels) from threads") == [(70, 50)]


async def test_what_was_read_is_stored(house: House) -> None:
    """Sender, subject, code and preview are columns; the rest is beside them."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Your code", body="Your verification code is 482913."), inbox)
    [message] = await house.messages(inbox)
    assert (message.from_address, message.from_name, message.subject) == ("ann@example.org", "Ann", "Your code")
    assert [code.code for code in message.summary.codes] == ["482913"]
    assert message.preview == "Your verification code is 482913."
    assert message.detail is not None
    assert message.detail.headers["subject"] == ["Your code"]
    assert await house.value("select has_code from messages") is True


async def test_a_mail_for_an_inbox_deleted_after_the_250_is_kept(house: House) -> None:
    """It was promised; the inbox is gone for clients, but what came is there until it is erased."""
    inbox = await house.open_inbox()
    await house.accept(mail("Late"), inbox)
    async with house.db.transaction() as db:
        await InboxRepository(db, Scope(inbox.account_id)).delete(inbox, house.clock())
    await house.lanes.drain()
    assert await house.rows("select subject from messages") == [("Late",)]
    assert await house.value("select count(*) from inbound_queue") == 0


async def test_a_mail_for_an_erased_inbox_leaves_nothing(house: House) -> None:
    """It reaches nobody, so its octets go too; a second recipient is not touched by that."""
    gone, there = await house.open_inbox(), await house.open_inbox()
    await house.accept(mail("One"), gone)
    await house.accept(mail("Two"), gone, there)
    await house.do("delete from inboxes where id = $1", gone.id)
    await house.lanes.drain()
    assert await house.subjects(there) == ["Two"]
    assert await house.rows("select account_id from raw_mails") == [(there.account_id,)]
    assert await house.value("select count(*) from inbound_queue") == 0


async def test_usage_is_metered_by_inbox_and_day(house: House) -> None:
    """Mails and octets, on the UTC day they were received."""
    inbox = await house.open_inbox()
    house.clock.now = house.clock.now.replace(hour=23, minute=59)
    first, second = mail("One"), mail("Two")
    await house.deliver(first, inbox)
    await house.deliver(second, inbox)
    today = house.clock().date()
    house.clock.advance(timedelta(minutes=2))
    await house.deliver(first, inbox)
    assert await house.rows("select day, inbox_id, received, stored_bytes from usage_days order by day") == [
        (today, inbox.id, 2, len(first) + len(second)),
        (today + timedelta(days=1), inbox.id, 1, len(first)),
    ]


async def test_each_message_is_an_event(house: House) -> None:
    """`message.received` names message, inbox and thread."""
    inbox = await house.open_inbox()
    await house.deliver(mail("News"), inbox)
    [message] = await house.messages(inbox)
    [(event, data)] = await house.rows("select event, data::jsonb->'message' from events")
    assert event == "message.received"
    for part in (ids.show(ids.Kind.MESSAGE, message.id), ids.show(ids.Kind.THREAD, message.thread_id), '"News"'):
        assert part in str(data)


async def test_sequences_have_no_gaps_under_two_workers(house: House, make_lanes: MakeLanes) -> None:
    """Each account counts its events by itself, whichever worker writes them."""
    inboxes = [await house.open_inbox(await house.open_account()) for _ in range(3)]
    for number in range(90):
        await house.accept(mail(f"{number}"), inboxes[number % 3])
    other = make_lanes(house.clock)
    await asyncio.gather(house.lanes.drain(), other.drain())
    for inbox in inboxes:
        numbers = await house.rows("select sequence from events where account_id = $1 order by 1", inbox.account_id)
        assert [number for (number,) in numbers] == list(range(1, 31))


async def test_the_commit_notifies_whoever_waits(house: House) -> None:
    """The payload names the account and the inbox."""
    inbox = await house.open_inbox()
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(house.db.url)
    try:
        await listener.add_listener(CHANNEL, lambda _c, _p, _ch, payload: heard.put_nowait(str(payload)))
        await house.deliver(mail(), inbox)
        async with asyncio.timeout(30):
            payload = await heard.get()
        assert (accounts_of(payload), inboxes_of(payload)) == ({inbox.account_id}, {inbox.id})
    finally:
        await listener.close()


async def test_one_batch_for_very_many_inboxes_notifies_all(house: House) -> None:
    """A payload holds 8,000 octets at most; the inboxes are told in several."""
    account = await house.open_account()
    inboxes = [await house.open_inbox(account) for _ in range(260)]
    for start in range(0, 260, 100):
        await house.accept(mail("All"), *inboxes[start : start + 100])
    heard: set[UUID] = set()
    done = asyncio.Event()

    def hear(payload: str) -> None:
        heard.update(inboxes_of(payload))
        if len(heard) == len(inboxes):
            done.set()

    listener = await asyncpg.connect(house.db.url)
    try:
        await listener.add_listener(CHANNEL, lambda _c, _p, _ch, payload: hear(str(payload)))
        await house.lanes.drain()
        await asyncio.wait_for(done.wait(), 30)
    finally:
        await listener.close()
