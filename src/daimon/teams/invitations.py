"""Invitations: a link for seven days, to be used once, that makes its member active and gives a first key."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from daimon.accounts import service as accounts
from daimon.accounts.errors import AccountDeleted, AccountSuspended, LinkInvalid
from daimon.accounts.models import Account, AccountStatus
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.walls import enter
from daimon.keys import service as keys
from daimon.keys.models import KeyScope, Principal
from daimon.keys.roles import Grant, Role
from daimon.kit import ids
from daimon.notices import rates
from daimon.notices import service as notices
from daimon.notices.rates import Counted
from daimon.teams.errors import TooManyInvitations
from daimon.teams.grants import GrantRepository
from daimon.teams.models import Accepted, Invitation, Member, MemberChange, MemberStatus, in_order
from daimon.teams.repository import MemberRepository

VALID_FOR = timedelta(days=7)
PER_ADDRESS = 20  # invitations an hour
PER_ACCOUNT = 100
LinkOf = Callable[[str], str]  # from the secret of an invitation to its URL

_TOKEN_BYTES = 32
_KEY_NAME = "First key"
_SUBJECT = "You are invited to a daimon account"
# Nothing that a stranger chose stands in this mail: neither a name nor a text.
_BODY = """You are invited to become a member of the daimon account {account}.

To accept, open this link within seven days and press the button:

{link}

It works once. If you do not know what this is, do nothing: without the button nothing happens.
"""


class InvitationRepository:
    """The open invitations of one account. Of a link only a SHA-256 is kept."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def add(self, token: str, member: Member, maker: str, now: datetime) -> None:
        """Insert a member's link; the ones before it are void."""
        await self.void([member.id])
        await self._db.execute(
            """
            insert into links (hash, account_id, purpose, subject_id, maker, email, expires_at)
            values ($2, $1, 'invitation', $3, $4, $5, $6)
            """,
            self._account_id, _digest(token), member.id, maker, member.email, now + VALID_FOR,
        )  # fmt: skip

    async def void(self, member_ids: Sequence[UUID]) -> None:
        """Delete the links of members."""
        await self._db.execute(
            "delete from links where account_id = $1 and subject_id = any($2) and purpose = 'invitation'",
            self._account_id, list(member_ids),
        )  # fmt: skip

    async def void_weaker(self, holder_id: UUID, added: Sequence[Grant]) -> None:
        """Delete the links of a member, or of a team's members, whose makers could not have given what was added.

        The maker of an invitation has seen its link, and could accept it in the member's place.
        """
        if not added:
            return
        strong = ["owner"] if any(grant.role is Role.OWNER for grant in added) else ["owner", "unrestricted"]
        await self._db.execute(
            """
            delete from links where account_id = $1 and purpose = 'invitation' and maker <> all($3)
                and subject_id in (
                    select $2::uuid union all
                    select member_id from team_members where account_id = $1 and team_id = $2)
            """,
            self._account_id, holder_id, strong,
        )  # fmt: skip

    async def take(self, token: str) -> bool:
        """Use a link up; False if somebody else just did."""
        taken = await self._db.fetchval(
            "delete from links where account_id = $1 and hash = $2 returning true", self._account_id, _digest(token)
        )
        return taken is True


async def send(db: Connection, who: Principal, member: Member, link_of: LinkOf, *, now: datetime) -> str:
    """Write a member the mail that invites, and return the link in it. A link sent earlier is void.

    Raises TooManyInvitations.
    """
    account = ids.show(ids.Kind.ACCOUNT, member.account_id)
    for counted in (Counted("invites", account, PER_ACCOUNT), Counted("invited", member.email, PER_ADDRESS)):
        if not await rates.spend(db, counted, now=now):
            raise TooManyInvitations(retry_after=rates.retry_after(counted), rate_limit=rates.exceeded(counted))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    await InvitationRepository(db, who.scope).add(token, member, _strength_of(who), now)
    link = link_of(token)
    body = _BODY.format(account=account, link=link)
    await notices.tell(db, member.account_id, member.email, _SUBJECT, body, now=now)
    return link


async def find(db: Connection, token: str, now: datetime) -> Invitation:
    """Return what is behind a link. Raises LinkInvalid.

    This look-up knows no account yet: it is the one that finds it.
    """
    row = await db.fetchrow(
        "select account_id, subject_id, email, expires_at from links where hash = $1 and purpose = 'invitation'",
        _digest(token),
    )
    if row is None or row["expires_at"] <= now:
        raise LinkInvalid
    await enter(db, row["account_id"])
    held = await GrantRepository(db, Scope(row["account_id"])).held_by(row["subject_id"])
    return Invitation(row["account_id"], row["subject_id"], row["email"], in_order(held), row["expires_at"])


async def accept(db: Connection, token: str, *, now: datetime) -> Accepted:
    """Make the invited member active and give the first key. Raises LinkInvalid, AccountSuspended, AccountDeleted."""
    invitation = await find(db, token, now)
    scope = Scope(invitation.account_id)
    account = await accounts.get(db, scope)
    _check_open(account)
    await GrantRepository(db, scope).lock()
    if not await InvitationRepository(db, scope).take(token):
        raise LinkInvalid
    members = MemberRepository(db, scope)
    invited = await members.get(invitation.member_id)
    member = await members.change(invited, MemberChange(status=MemberStatus.ACTIVE), now)
    key = await keys.issue(db, account, KeyScope.MEMBER, scope, member_id=member.id, name=_KEY_NAME, now=now)
    return Accepted(invited, member, key)


def _check_open(account: Account) -> None:
    if account.deleted_at is not None:
        raise AccountDeleted
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended


def _strength_of(who: Principal) -> str:
    return "owner" if who.is_owner else "unrestricted" if who.is_unrestricted else "limited"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
