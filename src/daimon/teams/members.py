"""The rules of members, one sentence a line. Every function runs in the caller's transaction."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from daimon.accounts import client_ids
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys.models import Principal
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.kit.errors import StateConflict
from daimon.kit.paging import Page
from daimon.teams import invitations
from daimon.teams.errors import MemberExists
from daimon.teams.grants import GrantRepository, check_gives, check_replaces, check_takes, keeping_an_owner
from daimon.teams.invitations import InvitationRepository, LinkOf
from daimon.teams.models import Invited, Member, MemberChange, MemberQuery, MemberStatus, NewMember
from daimon.teams.repository import MemberRepository, TeamRepository


async def invite(db: Connection, who: Principal, wish: NewMember, link_of: LinkOf, *, now: datetime) -> Invited:
    """Add a member and send an invitation. Raises Forbidden, MemberExists, ClientIdConflict."""
    check_gives(who, wish.grants)
    grants, members = GrantRepository(db, who.scope), MemberRepository(db, who.scope)
    await grants.lock()
    new = _new_member(who.scope, wish, now)
    if wish.client_id and (earlier := await _made_before(db, who.scope, wish, new.id)):
        return Invited(await members.get(earlier))
    if not await members.add(new):
        raise MemberExists
    await grants.replace(new.id, new.grants)
    return Invited(new, await invitations.send(db, who, new, link_of, now=now))


async def invite_again(db: Connection, who: Principal, member_id: UUID, link_of: LinkOf, *, now: datetime) -> Invited:
    """Send a fresh invitation; the old link is void. Raises MemberNotFound, StateConflict, Forbidden.

    Whoever gets the link could use it, so this needs all that the member will have.
    """
    grants = GrantRepository(db, who.scope)
    await grants.lock()
    member = await get(db, who.scope, member_id)
    if member.status is not MemberStatus.INVITED:
        raise StateConflict(
            f"This member is {member.status}, and has no need of an invitation.",
            next_steps=["A member who lost all keys is deleted and invited anew."],
        )
    check_gives(who, await grants.held_by(member.id))
    return Invited(member, await invitations.send(db, who, member, link_of, now=now))


async def get(db: Connection, scope: Scope, member_id: UUID) -> Member:
    """Return a member. Raises MemberNotFound."""
    return await MemberRepository(db, scope).get(member_id)


async def page(db: Connection, scope: Scope, query: MemberQuery) -> Page[Member]:
    """Return a page of the account's members, the oldest first. Raises TeamNotFound, InvalidCursor."""
    if query.team_id:
        await TeamRepository(db, scope).get(query.team_id)
    return await MemberRepository(db, scope).page(query)


async def change(
    db: Connection, who: Principal, member_id: UUID, wish: MemberChange, *, now: datetime
) -> tuple[Member, Member]:
    """Change a member's name, status or grants; return the member before and after.

    Raises MemberNotFound, Forbidden, StateConflict, LastOwner.
    """
    grants, members = GrantRepository(db, who.scope), MemberRepository(db, who.scope)
    async with keeping_an_owner(db, who.scope):
        before = await members.get(member_id)
        if wish.grants is not UNSET:
            check_replaces(who, before.grants, wish.grants)
            await grants.replace(before.id, wish.grants)
            added = set(wish.grants) - set(before.grants)
            await InvitationRepository(db, who.scope).void_weaker(before.id, list(added))
        if wish.status is not UNSET and wish.status is not before.status:
            await _check_status(db, who, before, wish.status)
        return before, await members.change(before, wish, now)


async def delete(db: Connection, who: Principal, member_id: UUID, *, now: datetime) -> Member:
    """Delete a member with all keys, grants and invitations. Raises MemberNotFound, Forbidden, LastOwner."""
    grants, members = GrantRepository(db, who.scope), MemberRepository(db, who.scope)
    async with keeping_an_owner(db, who.scope):
        gone = await members.get(member_id)
        check_takes(who, await grants.held_by(gone.id))
        await grants.drop(gone.id)
        await members.delete(gone.id)
        await InvitationRepository(db, who.scope).void([gone.id])
        await KeyRepository(db, who.scope).revoke_of_member(gone.id, now)
        if gone.client_id:
            await client_ids.release(db, who.scope, kind="member", client_id=gone.client_id)
    return gone


async def _check_status(db: Connection, who: Principal, member: Member, wanted: MemberStatus) -> None:
    """Raise StateConflict for a member who has not accepted yet, Forbidden for what the principal may not do."""
    if member.status is MemberStatus.INVITED:
        raise StateConflict(
            "This member has not accepted the invitation yet.",
            next_steps=[
                "DELETE /v1/members/{member_id} takes the invitation back.",
                "POST /v1/members/{member_id}/invite makes a fresh link.",
            ],
        )
    held = await GrantRepository(db, who.scope).held_by(member.id)
    if wanted is MemberStatus.ACTIVE:
        check_gives(who, held)
    else:
        check_takes(who, held)


def _new_member(scope: Scope, wish: NewMember, now: datetime) -> Member:
    return Member(
        id=ids.new(),
        account_id=scope.account_id,
        email=wish.email,
        name=wish.name,
        status=MemberStatus.INVITED,
        grants=wish.grants,
        teams=(),
        client_id=wish.client_id,
        created_at=now,
        updated_at=now,
    )


async def _made_before(db: Connection, scope: Scope, wish: NewMember, member_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind="member", client_id=wish.client_id, fingerprint=fingerprint, object_id=member_id
    )
