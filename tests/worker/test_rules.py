"""Rules looked up for many mails at once: what they say, and how little is read for it."""

import json
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.engine import Database
from daimon.inboxes.models import Inbox
from daimon.kit import ids
from daimon.messages import retention
from daimon.rules import lookup
from daimon.rules.lookup import Incoming, Place
from daimon.rules.models import ACCOUNT_HOLDER, Action, Direction, Judgement, Level
from daimon.rules.values import candidates
from ruling import plainly

from .conftest import House
from .mails import mail

_VALUES = ("ann@a.example", "a.example", "sub.a.example", "bob@b.example", "b.example", "example.org")
_ADDRESSES = ("ann@a.example", "zoe@a.example", "ann@sub.a.example", "bob@b.example", "x@c.example", None)
_Held = tuple[UUID, UUID, Direction, Action, str]  # account, holder and the rule


async def add(house: House, held: set[_Held]) -> None:
    for account, holder, direction, action, value in held:
        await house.do(
            "insert into rules (account_id, id, holder_id, direction, action, value, created_at)"
            " values ($1, $2, $3, $4, $5, $6, now())",
            account, ids.new(), holder, direction, action, value,
        )  # fmt: skip


def at(held: set[_Held], place: Place, direction: Direction) -> dict[Level, set[tuple[Action, str]]]:
    """Return the rules that hold at a place, for the plain model."""
    return {
        level: {(a, v) for acc, h, d, a, v in held if (acc, h, d) == (*key, direction)} for level, key in place.lists
    }


async def test_many_mails_are_judged_as_each_alone(house: House, db: Database) -> None:
    """Of several accounts, pods and inboxes, with rules of all kinds in any of their lists."""
    chance = random.Random(7)
    places = [
        Place(account, pod, ids.new())
        for account in (ids.new() for _ in range(4))
        for pod in (None, ids.new())
        for _ in range(3)
    ]
    lists = [key for place in places for _, key in place.lists]
    for _ in range(5):
        held = {
            (*chance.choice(lists), chance.choice(list(Direction)), chance.choice(list(Action)), chance.choice(_VALUES))
            for _ in range(40)
        }
        await house.do("delete from rules")
        await add(house, held)
        mails = [
            Incoming(chance.choice(places), chance.choice(_ADDRESSES), chance.choice(_ADDRESSES)) for _ in range(100)
        ]
        async with db.read() as connection:
            judged = await lookup.judge_incoming(connection, mails)
            outbound = await lookup.judge_addresses(
                connection, places[0], Direction.OUTBOUND, ["Ann@A.example", "x@y.example"]
            )
        for incoming, judgement in zip(mails, judged, strict=True):
            rules = at(held, incoming.place, Direction.INBOUND)
            by_author = plainly(rules, incoming.author or "nobody")
            by_envelope = plainly(rules, incoming.mail_from or "nobody", must_be_allowed=False)
            assert judgement.blocked == (by_author or by_envelope)
        rules = at(held, places[0], Direction.OUTBOUND)
        for address, judgement in outbound.items():
            assert judgement.blocked == plainly(rules, address.lower())


async def test_without_rules_everything_passes(db: Database) -> None:
    """Of no mails, too."""
    place = Place(ids.new(), None, ids.new())
    async with db.read() as connection:
        assert await lookup.judge_incoming(connection, []) == []
        assert await lookup.judge_incoming(connection, [Incoming(place, None, None)]) == [Judgement(False)]
        assert await lookup.judge_addresses(connection, place, Direction.INBOUND, []) == {}


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a plan."""
    return [plan, *(step for below in plan.get("Plans", ()) for step in nodes(below))]


async def test_few_rows_are_read_among_many_rules(house: House, db: Database) -> None:
    """Of 100,000 rules of other accounts and 5,000 in the same list, those about the mail, by an index."""
    mine, inbox = ids.new(), ids.new()
    await house.do(
        """
        insert into rules (account_id, id, holder_id, direction, action, value, created_at)
        select md5((n / 1000)::text)::uuid, md5(n::text)::uuid, $1, 'inbound', 'block', n || '.example', now()
        from generate_series(1, 100000) n
        """,
        ACCOUNT_HOLDER,
    )
    await house.do(
        """
        insert into rules (account_id, id, holder_id, direction, action, value, created_at)
        select $1, md5(n || 'mine')::uuid, $2, 'inbound', 'block', n || '.example', now()
        from generate_series(1, 5000) n
        """,
        mine, inbox,
    )  # fmt: skip
    await house.do("analyze rules")
    wanted = json.dumps([*candidates("ann@mail.77.example"), *candidates("bounces@sender.example.net")])
    for account, most in ((mine, 10), (ids.new(), 0)):
        async with db.read() as connection:
            told = await connection.fetchval(
                "explain (analyze, format json) " + lookup._FIND,
                Direction.INBOUND, [account, account], [inbox, ACCOUNT_HOLDER], [wanted, wanted],
            )  # fmt: skip
        steps = [step for step in nodes(json.loads(told)[0]["Plan"]) if step.get("Relation Name") == "rules"]
        assert steps
        assert {step["Node Type"] for step in steps} <= {"Index Scan", "Index Only Scan"}
        read = sum(
            (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"] for step in steps
        )
        assert read <= most


async def blocked_inbox(house: House) -> Inbox:
    """Return an inbox that blocks who sends the mails of these tests."""
    inbox = await house.open_inbox()
    await add(house, {(inbox.account_id, inbox.id, Direction.INBOUND, Action.BLOCK, "example.org")})
    return inbox


async def test_a_blocked_mail_is_erased_after_seven_days(house: House) -> None:
    """Row, contents and octets, but those of others; one that was deleted, like any other."""
    inbox = await blocked_inbox(house)
    open_to_all = await house.open_inbox()
    await house.deliver(mail("Gone"), inbox)
    await house.deliver(mail("Kept"), open_to_all)
    assert await house.messages(inbox) == []
    count = "select count(*) from messages join raw_mails r on r.id = raw_id join mail_contents c on c.id = raw_id"
    house.clock.advance(timedelta(days=7))
    for expected in (2, 1):
        async with house.db.transaction() as db:
            await retention.erase(db, now=house.clock(), limit=10)
        assert await house.value(count) == expected
        house.clock.advance(timedelta(seconds=1))
    assert await house.value("select count(*) from raw_mails") == 1
    assert await house.value("select count(*) from threads") == 1


async def test_a_batch_of_blocked_mail_alone_is_kept(house: House) -> None:
    """With nothing to show beside it; a tag cannot pretend to be the server's label."""
    inbox, other = await blocked_inbox(house), await house.open_inbox()
    for number in range(3):
        await house.accept(mail(str(number)), inbox)
    await house.lanes.drain()
    assert await house.value("select count(*) from messages where blocked_at = received_at") == 3
    assert await house.value("select count(*) from events where event = 'message.blocked'") == 3
    assert await house.value("select coalesce(sum(received), 0) from usage_days") == 0
    await house.deliver(mail("Tagged"), other, tag="blocked")
    [message] = await house.messages(other)
    assert (message.labels, message.status) == ([], "received")


async def test_one_mail_to_an_inbox_that_blocks_it_and_one_that_does_not(house: House) -> None:
    """Of the same account: each has its message, of the same octets and contents."""
    inbox = await blocked_inbox(house)
    account = Account(inbox.account_id, Tier.ENTERPRISE, AccountStatus.ACTIVE, None, house.clock())
    other = await house.open_inbox(account)
    await house.deliver(mail("Both"), inbox, other)
    assert await house.subjects(inbox) == []
    assert await house.subjects(other) == ["Both"]
    assert await house.value("select count(*) from messages m join mail_contents c on c.id = m.raw_id") == 2
    assert await house.value("select count(*) from mail_contents") == 1
