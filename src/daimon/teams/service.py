"""The rules of teams, one sentence a line. Every function runs in the caller's transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys.models import Principal
from daimon.keys.roles import Grant
from daimon.kit import ids
from daimon.kit.errors import StateConflict
from daimon.kit.paging import Page
from daimon.teams.errors import MemberNotFound
from daimon.teams.grants import GrantRepository, check_gives, check_replaces, check_takes, keeping_an_owner
from daimon.teams.invitations import InvitationRepository
from daimon.teams.models import (
    MAX_TEAM_MEMBERS,
    MAX_TEAMS_OF_MEMBER,
    Grants,
    Member,
    NewTeam,
    Team,
    TeamChange,
    TeamQuery,
)
from daimon.teams.repository import MemberRepository, TeamRepository


async def create(db: Connection, who: Principal, wish: NewTeam, *, now: datetime) -> tuple[Team, bool]:
    """Create a team; False beside one that the same create made before. Raises Forbidden, ClientIdConflict."""
    check_gives(who, wish.grants)
    grants, teams = GrantRepository(db, who.scope), TeamRepository(db, who.scope)
    await grants.lock()
    new = _new_team(who.scope, wish, now)
    if wish.client_id and (earlier := await _made_before(db, who.scope, wish, new.id)):
        return await teams.get(earlier), False
    await teams.add(new)
    await grants.replace(new.id, new.grants)
    return new, True


async def get(db: Connection, scope: Scope, team_id: UUID) -> Team:
    """Return a team. Raises TeamNotFound."""
    return await TeamRepository(db, scope).get(team_id)


async def page(db: Connection, scope: Scope, query: TeamQuery) -> Page[Team]:
    """Return a page of the account's teams, the oldest first. Raises InvalidCursor."""
    return await TeamRepository(db, scope).page(query)


async def change(
    db: Connection, who: Principal, team_id: UUID, wish: TeamChange, *, now: datetime
) -> tuple[Team, Team]:
    """Change a team's name or description; return the team before and after. Raises TeamNotFound."""
    teams = TeamRepository(db, who.scope)
    await GrantRepository(db, who.scope).lock()
    before = await teams.get(team_id)
    return before, await teams.change(before, wish, now)


async def delete(db: Connection, who: Principal, team_id: UUID) -> Team:
    """Delete a team; its members lose what it gave them. Raises TeamNotFound, Forbidden, LastOwner."""
    async with keeping_an_owner(db, who.scope):
        gone = await get(db, who.scope, team_id)
        check_takes(who, gone.grants)
        await GrantRepository(db, who.scope).drop(gone.id)
        await TeamRepository(db, who.scope).delete(gone.id)
        if gone.client_id:
            await client_ids.release(db, who.scope, kind="team", client_id=gone.client_id)
    return gone


async def grant(db: Connection, who: Principal, team_id: UUID, wanted: Grants, *, now: datetime) -> tuple[Team, Team]:
    """Give a team these grants and no others; return the team before and after.

    Raises TeamNotFound, Forbidden, LastOwner.
    """
    async with keeping_an_owner(db, who.scope):
        before = await get(db, who.scope, team_id)
        check_replaces(who, before.grants, wanted)
        await GrantRepository(db, who.scope).replace(before.id, wanted)
        await _void_invitations(db, who, before.id, list(set(wanted) - set(before.grants)))
        after = await TeamRepository(db, who.scope).change(before, TeamChange(), now)
    return before, after


async def join(db: Connection, who: Principal, team_id: UUID, member_id: UUID, *, now: datetime) -> tuple[Team, Team]:
    """Put a member into a team; return the team before and after. A member who is in it stays.

    Raises TeamNotFound, MemberNotFound, Forbidden, StateConflict.
    """
    await GrantRepository(db, who.scope).lock()
    team = await get(db, who.scope, team_id)
    member = await MemberRepository(db, who.scope).get(member_id)
    if any(each.id == team.id for each in member.teams):
        return team, team
    check_gives(who, team.grants)
    _check_room(team, member)
    await TeamRepository(db, who.scope).join(team.id, member.id, now)
    await _void_invitations(db, who, member.id, team.grants)
    return team, await get(db, who.scope, team.id)


async def leave(db: Connection, who: Principal, team_id: UUID, member_id: UUID, *, now: datetime) -> tuple[Team, Team]:
    """Take a member out of a team; return the team before and after.

    Raises TeamNotFound, MemberNotFound for one who is not in it, Forbidden, LastOwner.
    """
    async with keeping_an_owner(db, who.scope):
        team = await get(db, who.scope, team_id)
        check_takes(who, team.grants)
        if not await TeamRepository(db, who.scope).leave(team.id, member_id, now):
            raise MemberNotFound
        after = await get(db, who.scope, team.id)
    return team, after


async def _void_invitations(db: Connection, who: Principal, holder_id: UUID, added: Sequence[Grant]) -> None:
    await InvitationRepository(db, who.scope).void_weaker(holder_id, added)


def _check_room(team: Team, member: Member) -> None:
    if team.member_count >= MAX_TEAM_MEMBERS:
        raise StateConflict(f"A team has at most {MAX_TEAM_MEMBERS:,} members; this one is full.")
    if len(member.teams) >= MAX_TEAMS_OF_MEMBER:
        raise StateConflict(f"A member is in at most {MAX_TEAMS_OF_MEMBER} teams; this one is in as many.")


def _new_team(scope: Scope, wish: NewTeam, now: datetime) -> Team:
    return Team(
        id=ids.new(),
        account_id=scope.account_id,
        name=wish.name,
        description=wish.description,
        grants=wish.grants,
        member_count=0,
        client_id=wish.client_id,
        created_at=now,
        updated_at=now,
    )


async def _made_before(db: Connection, scope: Scope, wish: NewTeam, team_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind="team", client_id=wish.client_id, fingerprint=fingerprint, object_id=team_id
    )
