"""Telling Stripe's Billing Meters what accounts use: each unit once, whatever is killed, retried or corrected.

What a day's sum has more, or after a correction less, than was told of it is written down first, with an id, and told
then with that id as the identifier: what is told again counts once. A line of its own for each line of the ledger
would be more calls than Stripe takes: an account may write thousands of lines a minute.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from daimon.billing.errors import Refused
from daimon.billing.stripe_api import Stripe
from daimon.db.engine import Connection, Database
from daimon.db.tag import rows_in

DAYS = 3  # that are looked at each time; a late line is of an earlier one
ALL_DAYS = 33  # Stripe takes no older ones
TELL_AGAIN = timedelta(hours=1)  # what Stripe refuses, for example as there is no such meter yet
AT_ONCE = 10  # calls
_ACCOUNTS = 500
_EVENTS = 500

_DUE = """
    insert into meter_events (account_id, id, customer_id, day, kind, quantity, at, due_at)
    select b.account_id, gen_random_uuid(), b.customer_id, u.day, k.kind, k.quantity - coalesce(m.told, 0), $4, $4
    from billing_accounts b
    join usage_account_days u on u.account_id = b.account_id
        and u.day >= greatest($2::date, (b.created_at at time zone 'utc')::date)
    cross join lateral (values ('received', u.received), ('sent', u.sent), ('bounced', u.bounced),
                               ('stored_bytes', u.stored_bytes)) as k (kind, quantity)
    left join lateral (
        select sum(e.quantity)::bigint as told from meter_events e
        where e.account_id = b.account_id and e.day = u.day and e.kind = k.kind
    ) m on true
    where b.account_id = any($1) and k.kind = any($3) and k.quantity <> coalesce(m.told, 0)
"""


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """So much more of something than was told before; negative after a correction."""

    account_id: UUID
    id: UUID
    customer_id: str
    day: date
    kind: str
    quantity: int

    def timestamp(self, now: datetime) -> datetime:
        """Return when it is said to have been: noon of its day, unless that is to come or longer ago than is taken."""
        noon = datetime.combine(self.day, time(12), UTC)
        return noon if now - timedelta(days=ALL_DAYS) < noon < now else now


async def write_down(db: Database, kinds: Collection[str], *, days: int, now: datetime) -> int:
    """Write down what was not told yet of the last days; return how many events it makes.

    Of two workers the second waits for the first's commit, and finds nothing left.
    """
    since, after, made = (now - timedelta(days=days - 1)).date(), UUID(int=0), 0
    while True:
        async with db.transaction() as connection:
            rows = await connection.fetch(
                "select account_id from billing_accounts where account_id > $1 order by account_id limit $2"
                " for no key update",
                after, _ACCOUNTS,
            )  # fmt: skip
            accounts = [row["account_id"] for row in rows]
            made += rows_in(await connection.execute(_DUE, accounts, since, list(kinds), now))
        if len(accounts) < _ACCOUNTS:
            return made
        after = accounts[-1]


async def tell(db: Database, stripe: Stripe, *, now: datetime) -> int:
    """Tell Stripe what is written down; return how many events it took. Raises StripeAway."""
    async with db.read() as connection:
        rows = await connection.fetch(
            "select account_id, id, customer_id, day, kind, quantity from meter_events"
            " where sent_at is null and due_at <= $1 order by due_at limit $2",
            now, _EVENTS,
        )  # fmt: skip
    events = [MeterEvent(*row.values()) for row in rows]
    told = 0
    for first in range(0, len(events), AT_ONCE):
        told += await _tell(db, stripe, events[first : first + AT_ONCE], now)
    return told


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A sum that is not what it should be: what was written down of a day, or what Stripe has in all."""

    where: str
    day: date
    kind: str
    expected: int
    found: int


async def mismatches(
    db: Connection, stripe: Stripe, account_id: UUID, kinds: Collection[str], *, now: datetime
) -> list[Mismatch]:
    """Return where an account's days and what was told of them differ, and that and what Stripe has.

    Today is still being told. Stripe takes a moment to add up.
    """
    rows = await db.fetch(_COMPARED, account_id, list(kinds), now.date(), now.date() - timedelta(days=ALL_DAYS - 1))
    found = [Mismatch("meter_events", row["day"], row["kind"], row["expected"], row["found"]) for row in rows]
    sums = await db.fetch(
        "select customer_id, kind, min(day) as first, sum(quantity)::bigint as told from meter_events"
        " where account_id = $1 and kind = any($2) and sent_at is not null group by customer_id, kind"
        " order by customer_id, kind",
        account_id, list(kinds),
    )  # fmt: skip
    for row in sums:
        there = await stripe.metered(row["kind"], row["customer_id"], row["first"], (now + timedelta(days=1)).date())
        if there != row["told"]:
            found.append(Mismatch("stripe", row["first"], row["kind"], row["told"], there))
    return found


_COMPARED = """
    with used as (
        select u.day, k.kind, k.quantity from usage_account_days u
        join billing_accounts b on b.account_id = u.account_id and u.day >= (b.created_at at time zone 'utc')::date
        cross join lateral (values ('received', u.received), ('sent', u.sent), ('bounced', u.bounced),
                                   ('stored_bytes', u.stored_bytes)) as k (kind, quantity)
        where u.account_id = $1 and k.kind = any($2) and u.day < $3 and u.day >= $4 and k.quantity <> 0
    ), told as (
        select day, kind, sum(quantity)::bigint as quantity from meter_events
        where account_id = $1 and kind = any($2) and day < $3 and day >= $4 group by day, kind
    )
    select day, kind, coalesce(used.quantity, 0) as expected, coalesce(told.quantity, 0) as found
    from used full join told using (day, kind)
    where coalesce(used.quantity, 0) <> coalesce(told.quantity, 0) order by day, kind
"""


async def _tell(db: Database, stripe: Stripe, events: Sequence[MeterEvent], now: datetime) -> int:
    results = await asyncio.gather(*(_told(stripe, each, now) for each in events), return_exceptions=True)
    done = [each.id for each, result in zip(events, results, strict=True) if result is True]
    refused = [each.id for each, result in zip(events, results, strict=True) if result is False]
    async with db.transaction() as connection:
        await connection.execute(
            "update meter_events set sent_at = case when id = any($2) then $4::timestamptz end, due_at = $4 + $5"
            " where account_id = any($1) and day = any($6) and (id = any($2) or id = any($3))",
            [each.account_id for each in events], done, refused, now, TELL_AGAIN, [each.day for each in events],
        )  # fmt: skip
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return len(done)


async def _told(stripe: Stripe, event: MeterEvent, now: datetime) -> bool:
    """Tell of one event; False if Stripe refuses it. Raises StripeAway."""
    try:
        await stripe.meter(
            event.kind, event.customer_id, event.quantity, identifier=str(event.id), at=event.timestamp(now)
        )
    except Refused:
        return False
    return True
