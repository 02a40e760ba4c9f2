"""Getting an account back whose keys are lost: by the operator's verified address, or by the server's operator.

Who asks learns nothing: a request is written down, whoever it names, and the worker looks later whether it is known.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from uuid import UUID

from daimon.accounts.errors import LinkInvalid
from daimon.accounts.models import Account
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import EventType
from daimon.keys import service as keys
from daimon.keys.models import IssuedKey, Key, KeyScope
from daimon.keys.repository import KeyRepository, key_of
from daimon.kit import ids
from daimon.kit.clock import rfc3339
from daimon.lifecycle import links, people
from daimon.lifecycle.links import Purpose
from daimon.notices import rates
from daimon.notices import service as notices
from daimon.notices.rates import Counted

VALID_FOR = timedelta(minutes=30)
ACCOUNTS_OF_ONE_ADDRESS = 10  # the newest
PER_ADDRESS = 5  # requests an hour
PER_NETWORK = 20
RECOVERED = "the account was recovered"
_IPV6_SITE = 64  # one customer holds a whole /64


async def ask(db: Connection, email: str, *, client: IPv4Address | IPv6Address, now: datetime) -> None:
    """Write down that somebody asks for a recovery; what is done is the same for a known address and for another.

    Beyond so many an hour from a network, or for an address, nothing is written, and nobody is told.
    """
    network = ip_network((client, _IPV6_SITE if client.version == 6 else 32), strict=False)
    # The network first, in every request: two of them can then not wait for each other.
    for counted in (
        Counted("recovery from", str(network), PER_NETWORK),
        Counted("recovery of", email.lower(), PER_ADDRESS),
    ):
        if not await rates.spend(db, counted, now=now):
            return
    await db.execute("insert into recovery_requests (id, email) values ($1, $2)", ids.new(), email.lower())


async def answer(db: Connection, *, public_url: str, now: datetime, limit: int) -> int:
    """Send a link for each account that one of the waiting requests may recover; return how many requests it were."""
    rows = await db.fetch(
        "delete from recovery_requests where id in ("
        " select id from recovery_requests order by id limit $1 for update skip locked) returning email",
        limit,
    )
    for email in dict.fromkeys(row["email"] for row in rows):
        for account_id in await _accounts_of(db, email):
            await _send_link(db, account_id, email, public_url=public_url, now=now)
    return len(rows)


async def recover(db: Connection, token: str, *, now: datetime) -> tuple[Account, IssuedKey]:
    """Give the account of a link a new key, revoke its old ones, and tell its people. Raises LinkInvalid."""
    account, email = await links.follow(db, Purpose.RECOVERY, token, now=now)
    if not account.operator_email_verified_at or (account.operator_email or "").lower() != email:
        raise LinkInvalid
    return account, await _replace_keys(db, account, f"by a link sent to {email}", now=now)


async def recover_by_operator(db: Connection, account_id: UUID, *, now: datetime) -> IssuedKey:
    """Do what `recover` does, on the word of the server's operator. Raises AccountNotFound."""
    account = await AccountRepository(db, Scope(account_id)).lock()
    return await _replace_keys(db, account, "by the operator of the server", now=now)


class RecoveryRepository:
    """The account keys of one account, as a recovery deals with them."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def revoke_account_keys(self, *, now: datetime) -> list[Key]:
        """Revoke every key that reaches the whole account, and return them.

        They are locked in order of their ids: two that change several keys at once can then not wait for each other.
        """
        rows = await self._db.fetch(
            """
            update keys k set status = 'revoked', revoked_at = $2
            from (
                select id from keys where account_id = $1 and scope = 'account' and status = 'active'
                order by id for no key update
            ) old
            where k.account_id = $1 and k.id = old.id returning k.*
            """,
            self._account_id,
            now,
        )
        return sorted((key_of(row) for row in rows), key=lambda key: key.id)


async def _accounts_of(db: Connection, email: str) -> Sequence[UUID]:
    """Return the accounts that an address may recover: the look-up that finds them, so it knows none yet."""
    rows = await db.fetch(
        "select account_id from operator_emails where email = $1 order by account_id desc limit $2",
        email, ACCOUNTS_OF_ONE_ADDRESS,
    )  # fmt: skip
    return [row["account_id"] for row in rows]


async def _send_link(db: Connection, account_id: UUID, email: str, *, public_url: str, now: datetime) -> None:
    token = await links.make(db, Scope(account_id), Purpose.RECOVERY, email, valid_for=VALID_FOR, now=now)
    shown_id = ids.show(ids.Kind.ACCOUNT, account_id)
    body = (
        f"Somebody asked to get the account {shown_id} back.\n\n"
        f"If it was you, follow this link within 30 minutes:\n\n{public_url}/recover/{token}\n\n"
        "It shows a new account key once, and revokes the account keys that there are.\n\n"
        "If it was not you, do nothing: the link ends by itself, and nothing changes.\n"
    )
    await notices.tell(db, account_id, email, "Get your account back", body, now=now)


async def _replace_keys(db: Connection, account: Account, how: str, *, now: datetime) -> IssuedKey:
    scope = Scope(account.account_id)
    await links.void(db, scope, Purpose.RECOVERY)
    revoked = await RecoveryRepository(db, scope).revoke_account_keys(now=now)
    issued = await keys.issue(db, account, KeyScope.ACCOUNT, scope, now=now)
    body = (
        f"The account {ids.show(ids.Kind.ACCOUNT, account.account_id)} was recovered {how}, at {rfc3339(now)}.\n\n"
        f"All its account keys were revoked ({len(revoked)}), and one new key was made. Keys of pods, inboxes and "
        "members work as before.\n\n"
        "If that was none of you, ask the operator of the server at once.\n"
    )
    await people.tell(db, account, "Your account was recovered", body, now=now)
    made = await KeyRepository(db, scope).get(issued.key_id)
    await events.record(
        db,
        [
            *(keys.event(EventType.KEY_REVOKED, key, now, reason=RECOVERED) for key in revoked),
            keys.event(EventType.KEY_ROTATED, made, now),
        ],
    )
    return issued
