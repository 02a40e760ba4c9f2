"""The commit behind every `250`: all of a mail or nothing, and many mails at once."""

import asyncio

import asyncpg
import pytest

from daimon.inbound.accept import BATCH_BYTES, Acceptor
from daimon.inbound.errors import StoreUnavailable

from .conftest import House
from .mails import mail


async def test_mails_of_one_moment_share_a_commit(house: House) -> None:
    """A hundred mails cost a few transactions, not a hundred."""
    inbox = await house.open_inbox()
    acceptor = Acceptor(house.db)
    await asyncio.gather(*(acceptor.commit(house.accepted(mail(f"{n}"), inbox)) for n in range(100)))
    commits = "select count(distinct xmin::text) from inbound_queue"
    assert await house.value("select count(*) from inbound_queue") == 100
    assert await house.value(commits) <= 4  # type: ignore[operator]


async def test_many_octets_of_one_moment_are_committed_side_by_side(house: House) -> None:
    """No mail waits until megabytes of others are written, and none is lost where the batches are cut."""
    inbox = await house.open_inbox()
    acceptor = Acceptor(house.db)
    octets = [b"x" * size for size in (1, *[100 * 1024] * 20, 200 * 1024, 2)]
    await asyncio.gather(*(acceptor.commit(house.accepted(each, inbox)) for each in octets))
    kept = await house.rows("select sum(length(octets)), xmin::text from raw_mails group by 2")
    assert sum(size for size, _ in kept) == sum(map(len, octets))
    assert len(kept) >= 8
    assert max(size for size, _ in kept) <= BATCH_BYTES


async def test_a_mail_that_cannot_be_stored_spoils_no_other(house: House) -> None:
    """It alone is refused; those that waited for the same commit are accepted."""
    await house.do("alter table inbound_queue add constraint no_poison check (size <> 666)")
    inbox = await house.open_inbox()
    acceptor = Acceptor(house.db)
    octets = [mail("One"), b"x" * 666, mail("Two")]
    outcomes = await asyncio.gather(
        *(acceptor.commit(house.accepted(each, inbox)) for each in octets), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [type(None), StoreUnavailable, type(None)]
    assert await house.rows("select (select count(*) from inbound_queue), (select count(*) from raw_mails)") == [(2, 2)]


async def test_nothing_is_kept_of_a_mail_whose_envelope_cannot_be(house: House) -> None:
    """Octets and envelope are committed together, for every account or for none."""
    first, second = await house.open_inbox(), await house.open_inbox()
    await house.do(f"alter table inbound_queue add constraint one_only check (account_id <> '{second.account_id}')")
    with pytest.raises(StoreUnavailable):
        await house.accept(mail(), first, second)
    assert await house.rows("select (select count(*) from inbound_queue), (select count(*) from raw_mails)") == [(0, 0)]


async def test_a_lost_connection_is_told_and_then_forgotten(house: House) -> None:
    """Mails are refused while there is no database, and accepted as soon as there is one."""
    inbox = await house.open_inbox()
    address, _, name = house.db.url.partition("?")[0].rpartition("/")
    other = f"{address}/postgres?{house.db.url.partition('?')[2]}"
    operator = await asyncpg.connect(other)
    acceptor = Acceptor(house.db)
    try:
        await operator.execute(f"alter database {name} allow_connections false")
        await operator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        with pytest.raises(StoreUnavailable):
            await acceptor.commit(house.accepted(mail("Refused"), inbox))
        await operator.execute(f"alter database {name} allow_connections true")
    finally:
        await operator.close()
    await acceptor.commit(house.accepted(mail("Accepted"), inbox))
    await house.lanes.drain()
    assert await house.subjects(inbox) == ["Accepted"]


async def test_a_session_that_leaves_does_not_take_its_mail_along(house: House) -> None:
    """Once the data have ended, the mail is stored though nobody waits for the answer."""
    inbox = await house.open_inbox()
    acceptor = Acceptor(house.db)
    acceptor.commit(house.accepted(mail("Left"), inbox)).cancel()
    await acceptor.commit(house.accepted(mail("Stayed"), inbox))
    await house.lanes.drain()
    assert await house.subjects(inbox) == ["Left", "Stayed"]
