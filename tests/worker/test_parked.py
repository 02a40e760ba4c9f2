"""A mail that a step fails on is put aside with its error, tried again, and at last the operator's to see."""

from datetime import timedelta

import pytest

from daimon.inbound import parked
from daimon.inbound.parked import RETRY_AFTER, ParkedMail

from .conftest import House
from .mails import mail

# A real cause in the database: rows that it will not take.
POISON = "alter table messages add constraint no_poison check (subject <> 'Poison')"
CURE = "alter table messages drop constraint no_poison"


async def release(house: House) -> int:
    """Put back what is due."""
    async with house.db.transaction() as db:
        return await parked.release_due(db, now=house.clock(), limit=100)


async def shown(house: House) -> list[ParkedMail]:
    """Return what the operator sees."""
    async with house.db.read() as db:
        return await parked.parked(db, limit=100)


async def test_only_the_mail_at_fault_is_parked(house: House) -> None:
    """Its neighbours in the batch are shown; nothing of it is half there."""
    await house.do(POISON)
    inbox = await house.open_inbox()
    for subject in ("One", "Poison", "Two"):
        await house.accept(mail(subject), inbox)
    await house.lanes.drain()
    assert sorted(await house.subjects(inbox)) == ["One", "Two"]
    [waiting] = await shown(house)
    assert waiting.error.startswith("CheckViolationError: ")
    assert "no_poison" in waiting.error
    assert (waiting.attempts, waiting.not_before) == (1, house.clock() + RETRY_AFTER[0])
    counts = "select message_count, thread_count, (select count(*) from threads), (select last from event_sequences)"
    assert await house.rows(f"{counts} from inboxes") == [(2, 2, 2, 2)]
    assert await house.value("select received from usage_days") == 2


async def test_a_parked_mail_is_tried_when_it_is_due_and_not_before(house: House) -> None:
    """Once the cause is gone, it is shown, once."""
    await house.do(POISON)
    inbox = await house.open_inbox()
    await house.deliver(mail("Poison"), inbox)
    await house.do(CURE)
    house.clock.advance(RETRY_AFTER[0] - timedelta(seconds=1))
    assert await release(house) == 0
    house.clock.advance(timedelta(seconds=1))
    assert await release(house) == 1
    await house.lanes.drain()
    assert await house.subjects(inbox) == ["Poison"]
    assert await shown(house) == []
    assert await release(house) == 0


async def test_after_the_last_try_it_is_the_operators(house: House) -> None:
    """Tries grow rarer; then it stays, octets and all, until someone asks for another try."""
    await house.do(POISON)
    inbox = await house.open_inbox()
    await house.deliver(mail("Poison"), inbox)
    for wait in RETRY_AFTER:
        house.clock.advance(wait)
        assert await release(house) == 1
        await house.lanes.drain()
    [given_up] = await shown(house)
    assert (given_up.attempts, given_up.not_before) == (len(RETRY_AFTER) + 1, None)
    house.clock.advance(timedelta(days=365))
    assert await release(house) == 0
    assert await house.value("select count(*) from raw_mails") == 1
    await house.do(CURE)
    async with house.db.transaction() as db:
        assert await parked.retry(db, given_up.id, now=house.clock())
    assert await release(house) == 1
    await house.lanes.drain()
    assert await house.subjects(inbox) == ["Poison"]


async def test_a_retry_that_fails_is_given_up_again(house: House) -> None:
    """Asking for another try is asking for one."""
    await house.do(POISON)
    inbox = await house.open_inbox()
    await house.deliver(mail("Poison"), inbox)
    await house.do("update inbound_parked set attempts = 5, not_before = null")
    [given_up] = await shown(house)
    async with house.db.transaction() as db:
        assert await parked.retry(db, given_up.id, now=house.clock())
    await release(house)
    await house.lanes.drain()
    [again] = await shown(house)
    assert (again.attempts, again.not_before) == (6, None)


async def test_retrying_what_is_not_parked(house: House) -> None:
    """There is nothing to try."""
    inbox = await house.open_inbox()
    async with house.db.transaction() as db:
        assert not await parked.retry(db, inbox.id, now=house.clock())


DAMAGES = {
    "octets are gone": "delete from raw_mails where octets like '%Damaged%'",
    "recipients are no list": "update inbound_queue set recipients = '{}' where id in ("
    " select id from raw_mails where octets like '%Damaged%')",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_row_does_not_stop_the_queue(house: House, damage: str) -> None:
    """A mail that cannot even be loaded is parked like any other."""
    inbox = await house.open_inbox()
    for subject in ("One", "Damaged", "Two"):
        await house.accept(mail(subject), inbox)
    await house.do(damage)
    await house.lanes.drain()
    assert sorted(await house.subjects(inbox)) == ["One", "Two"]
    assert len(await shown(house)) == 1
