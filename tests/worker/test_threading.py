"""Which mails stand in one thread."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from daimon.db.scope import Scope
from daimon.inboxes.models import Inbox
from daimon.threads import service as threads

from .conftest import House, MakeLanes
from .mails import mail

ANN, BOB, EVE = "Ann <ann@example.org>", "Bob <bob@example.org>", "Eve <eve@example.org>"


async def thread_count(house: House, inbox: Inbox) -> int:
    return len(set((await house.threads(inbox)).values()))


@pytest.mark.parametrize("batched", [True, False], ids=["one batch", "one by one"])
@pytest.mark.parametrize(
    "reply",
    [
        {"in_reply_to": "<1@a>"},
        {"references": "<0@a> <1@a>"},
        {"in_reply_to": "<unknown@a>", "references": "<1@a> <also-unknown@a>"},
        {"in_reply_to": "Your mail of <1@a>"},
    ],
)
async def test_a_reply_joins_what_it_answers(house: House, reply: dict[str, str], batched: bool) -> None:
    """By In-Reply-To alone, by References alone, by the nearest that is known; whatever the subject."""
    inbox = await house.open_inbox()
    await house.accept(mail("Question", message_id="<1@a>"), inbox)
    if not batched:
        await house.lanes.drain()
    await house.accept(mail("Another subject", sender=EVE, message_id="<2@a>", **reply), inbox)
    await house.lanes.drain()
    assert await thread_count(house, inbox) == 1


@pytest.mark.parametrize("batched", [True, False], ids=["one batch", "one by one"])
@pytest.mark.parametrize(
    ("sender", "subject", "joins"),
    [
        (ANN, "Re: Lunch", True),
        ("ANN@Example.Org", "AW: RE: lunch", True),
        (EVE, "Re: Lunch", False),
        (ANN, "Lunch", False),
        (ANN, "Re: Dinner", False),
    ],
    ids=["a participant", "in another case", "a stranger", "no reply", "another subject"],
)
async def test_a_reply_that_lost_its_references(
    house: House, sender: str, subject: str, joins: bool, batched: bool
) -> None:
    """It is found by its subject, if it is a reply of somebody who took part; a stranger cannot join so."""
    inbox = await house.open_inbox()
    await house.accept(mail("Lunch", sender=ANN), inbox)
    if not batched:
        await house.lanes.drain()
    await house.accept(mail(subject, sender=sender), inbox)
    await house.lanes.drain()
    assert (await house.value("select count(*) from threads") == 1) is joins


async def test_a_subject_is_forgotten_after_a_month(house: House) -> None:
    """Nobody answers so late without references."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Lunch"), inbox)
    house.clock.advance(timedelta(days=31))
    await house.deliver(mail("Re: Lunch"), inbox)
    assert await thread_count(house, inbox) == 2


@pytest.mark.parametrize("batched", [True, False], ids=["one batch", "one by one"])
async def test_a_reply_may_arrive_before_what_it_answers(house: House, batched: bool) -> None:
    """The Message-ID it names is kept, and the mail that has it finds its thread."""
    inbox = await house.open_inbox()
    await house.accept(mail("Re: Hi", message_id="<2@a>", references="<0@a> <1@a>"), inbox)
    if not batched:
        await house.lanes.drain()
    await house.accept(mail("Hi", message_id="<1@a>"), inbox)
    await house.accept(mail("Root", message_id="<0@a>"), inbox)
    await house.lanes.drain()
    assert await thread_count(house, inbox) == 1


async def test_threads_stay_within_an_inbox(house: House) -> None:
    """The same Message-ID in another inbox, of the same account even, is another thread."""
    account = await house.open_account()
    first, second = await house.open_inbox(account), await house.open_inbox(account)
    await house.deliver(mail("One", message_id="<1@a>"), first, second)
    await house.deliver(mail("Two", in_reply_to="<1@a>"), first, second)
    [one], [other] = [set((await house.threads(inbox)).values()) for inbox in (first, second)]
    assert one != other


async def test_a_reply_brings_a_deleted_thread_back(house: House) -> None:
    """Under its old id, without the messages that were deleted with it."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Hi", message_id="<1@a>"), inbox)
    [thread] = (await house.threads(inbox)).values()
    async with house.db.transaction() as db:
        await threads.delete(db, Scope(inbox.account_id), inbox.id, thread, now=house.clock())
    await house.accept(mail("Re: Hi", in_reply_to="<1@a>"), inbox)
    await house.accept(mail("Re: Re: Hi", in_reply_to="<1@a>"), inbox)
    await house.lanes.drain()
    assert await house.threads(inbox) == {"Re: Hi": thread, "Re: Re: Hi": thread}
    async with house.db.read() as db:
        found = await threads.get(db, Scope(inbox.account_id), inbox.id, thread)
    assert (found.message_count, found.unread_count) == (2, 2)
    assert await house.value("select thread_count from inboxes where id = $1", inbox.id) == 1


async def test_a_thread_shows_its_latest_mail(house: House) -> None:
    """Subject of the first, preview of the last, everybody who took part."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Hi", sender=ANN, message_id="<1@a>", body="First."), inbox)
    await house.deliver(mail("Re: Hi", sender=BOB, in_reply_to="<1@a>", body="Second."), inbox)
    [(subject, preview, people)] = await house.rows("select subject, preview, participants from threads")
    assert (subject, preview) == ("Hi", "Second.")
    assert isinstance(people, list)
    assert set(people) == {"ann@example.org", "bob@example.org", "agent@daimon.email"}


async def test_two_workers_at_once_begin_one_thread(house: House, make_lanes: MakeLanes) -> None:
    """Mails that answer the same unseen mail, shown by four lanes of two workers at the same time."""
    inbox = await house.open_inbox()
    for number in range(300):
        await house.accept(mail(f"{number}", references="<root@a>"), inbox)
    workers = [house.lanes, make_lanes(house.clock)]
    await asyncio.gather(*(worker.drain() for worker in workers for _ in range(2)))
    found = await house.threads(inbox)
    assert len(found) == 300
    assert len(set(found.values())) == 1
    assert await house.rows("select message_count, unread_count from threads") == [(300, 300)]
    assert isinstance(next(iter(found.values())), UUID)
