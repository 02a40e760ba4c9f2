"""What every agent dies of is labelled and put aside, though nobody may ever claim in that inbox again."""

import asyncio
from datetime import timedelta

from daimon.db.scope import Scope
from daimon.inboxes.models import Inbox
from daimon.inboxes.repository import InboxRepository
from daimon.messages import claims, dead_letters
from daimon.messages.dead_letters import MOST_CLAIMS
from daimon.messages.models import Claimed, ClaimFilter
from daimon.worker import janitor

from .conftest import House
from .mails import mail

LEASE = timedelta(seconds=60)


async def claim(house: House, inbox: Inbox) -> Claimed | None:
    async with house.db.transaction() as db:
        return await claims.claim(db, Scope(inbox.account_id), inbox.id, ClaimFilter(), lease=LEASE)


async def let_leases_run_out(house: House) -> None:
    for table in ("messages", "last_leases"):
        await house.do(f"update {table} set leased_until = leased_until - interval '1 hour'")


async def claim_for_the_last_time(house: House, inbox: Inbox) -> Claimed:
    """Let agents take the oldest message again and again, until the last lease that it may have."""
    for _ in range(MOST_CLAIMS):
        await let_leases_run_out(house)
        claimed = await claim(house, inbox)
        assert claimed
    assert claimed.claim_count == MOST_CLAIMS
    return claimed


async def sweep(house: House) -> None:
    await janitor.sweep(house.db, (dead_letters.sweep,), clock=house.clock, stop=asyncio.Event())


async def labels(house: House, inbox: Inbox) -> dict[str | None, list[str]]:
    return {message.subject: list(message.labels) for message in await house.messages(inbox)}


async def test_a_message_is_buried_though_nobody_claims_any_more(house: House) -> None:
    """In each inbox, once its fifth lease ran out and not before; others are left alone."""
    first, second = await house.open_inbox(), await house.open_inbox()
    for inbox in (first, second):
        await house.deliver(mail("Poison"), inbox)
        await house.deliver(mail("Healthy"), inbox)
        await claim_for_the_last_time(house, inbox)
        await sweep(house)
        assert await labels(house, inbox) == {"Poison": [], "Healthy": []}
    await let_leases_run_out(house)
    await sweep(house)
    for inbox in (first, second):
        assert await labels(house, inbox) == {"Poison": ["dead-letter"], "Healthy": []}
        healthy = await claim(house, inbox)
        assert healthy
        assert healthy.message.subject == "Healthy"
    assert await house.value("select count(*) from last_leases") == 0


async def test_what_was_ended_in_time_is_not_buried(house: House) -> None:
    """Acknowledged, released, or deleted during the last lease; or the inbox went."""
    inboxes = [await house.open_inbox() for _ in range(4)]
    for inbox in inboxes:
        await house.deliver(mail("Slow"), inbox)
    acked, released, deleted, gone = [(inbox, await claim_for_the_last_time(house, inbox)) for inbox in inboxes]
    async with house.db.transaction() as db:
        inbox, held = acked
        scope = Scope(inbox.account_id)
        await claims.acknowledge(db, scope, inbox.id, held.message.id, held.lease_id, house.clock())
        inbox, held = released
        await claims.release(db, Scope(inbox.account_id), inbox.id, held.message.id, held.lease_id)
        inbox, held = deleted
        await db.execute("update messages set deleted_at = now() where id = $1", held.message.id)
        inbox, held = gone
        await InboxRepository(db, Scope(inbox.account_id)).delete(inbox, house.clock())
    await let_leases_run_out(house)
    await sweep(house)
    assert await house.value("select count(*) from last_leases") == 0
    assert await house.value("select count(*) from messages where 'dead-letter' = any(labels)") == 0
    again = await claim(house, released[0])
    assert again
    assert again.claim_count == MOST_CLAIMS
    await let_leases_run_out(house)
    await sweep(house)
    assert await labels(house, released[0]) == {"Slow": ["dead-letter"]}


async def test_the_janitor_and_a_claim_bury_a_message_once(house: House) -> None:
    """At the same moment: one label, and the claim gets the next message."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Poison"), inbox)
    await claim_for_the_last_time(house, inbox)
    await house.deliver(mail("Healthy"), inbox)
    await let_leases_run_out(house)
    claimed, *_ = await asyncio.gather(claim(house, inbox), *(sweep(house) for _ in range(4)))
    assert claimed
    assert claimed.message.subject == "Healthy"
    assert await labels(house, inbox) == {"Poison": ["dead-letter"], "Healthy": []}
