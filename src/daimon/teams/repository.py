"""Rows of `members`, `teams` and `team_members`. They belong to the whole account: no narrower scope reaches any."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.keys.roles import Grant, Role
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor
from daimon.quotas.usage import NO_POD
from daimon.teams.errors import MemberNotFound, TeamNotFound
from daimon.teams.models import (
    Grants,
    Member,
    MemberChange,
    MemberQuery,
    MemberStatus,
    Team,
    TeamChange,
    TeamName,
    TeamQuery,
    in_order,
)

T = TypeVar("T")

_decode_grants = msgspec.json.Decoder(list[tuple[Role, UUID]]).decode
_decode_teams = msgspec.json.Decoder(list[tuple[UUID, str]]).decode


def _grants_of(holder: str) -> str:
    return f"""(select json_agg(json_build_array(g.role, g.pod_id)) from grants g
        where g.account_id = {holder}.account_id and g.holder_id = {holder}.id) as grants"""


_MEMBER = f"""m.account_id, m.id, m.email, m.name, m.status, m.client_id, m.created_at, m.updated_at, {_grants_of("m")},
    (select json_agg(json_build_array(t.id, t.name) order by t.id)
     from team_members i join teams t on t.account_id = i.account_id and t.id = i.team_id
     where i.account_id = m.account_id and i.member_id = m.id) as teams"""
_TEAM = f"""t.account_id, t.id, t.name, t.description, t.member_count, t.client_id, t.created_at, t.updated_at,
    {_grants_of("t")}"""


class MemberRepository:
    """The members of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id
        self._reached = scope.is_account

    async def add(self, member: Member) -> bool:
        """Insert a member without grants; False if the account has one with this address."""
        added = await self._db.fetchval(
            """
            insert into members (account_id, id, email, name, status, client_id, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $7)
            on conflict (account_id, email) do nothing returning true
            """,
            self._account_id, member.id, member.email, member.name, member.status, member.client_id,
            member.created_at,
        )  # fmt: skip
        return added is True

    async def get(self, member_id: UUID) -> Member:
        """Return a member. Raises MemberNotFound."""
        row = await self._db.fetchrow(
            f"select {_MEMBER} from members m where m.account_id = $1 and m.id = $2 and $3",
            self._account_id, member_id, self._reached,
        )  # fmt: skip
        if row is None:
            raise MemberNotFound
        return _member_of(row)

    async def page(self, query: MemberQuery) -> Page[Member]:
        """Return members, the oldest first, and how many there are, counted up to COUNT_CAP."""
        where = Where(self._account_id).add("m.status = $?", query.status)
        where.add("starts_with(m.email, $?)", query.email_start)
        where.add("m.id in (select member_id from team_members where account_id = $1 and team_id = $?)", query.team_id)
        total = f"(select count(*) from (select from members m where m.account_id = $1{where} limit {COUNT_CAP}) c)"
        beyond = Where(*where.parameters)
        beyond.add("m.id > $?", _after(query.cursor))
        rows = await self._db.fetch(
            f"""
            select {_MEMBER}, {total} as total from members m where m.account_id = $1{where}{beyond}
            order by m.account_id, m.id
            limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        counted = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", *where.parameters)
        members = [_member_of(row) for row in rows[: query.limit]]
        return Page(members, write_cursor(members[-1].id) if len(rows) > query.limit else None, counted)

    async def change(self, member: Member, change: MemberChange, now: datetime) -> Member:
        """Write a member's name and status."""
        await self._db.execute(
            "update members set name = $3, status = $4, updated_at = $5 where account_id = $1 and id = $2",
            self._account_id, member.id, _new(change.name, member.name), _new(change.status, member.status), now,
        )  # fmt: skip
        return await self.get(member.id)

    async def delete(self, member_id: UUID) -> None:
        """Delete a member and take the member out of every team."""
        await self._db.execute(
            """
            with gone as (
                delete from team_members where account_id = $1 and member_id = $2 returning team_id
            ), team as (
                update teams set member_count = member_count - 1
                where account_id = $1 and id in (select team_id from gone)
            )
            delete from members where account_id = $1 and id = $2
            """,
            self._account_id, member_id,
        )  # fmt: skip


class TeamRepository:
    """The teams of one account, and who is in them."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id
        self._reached = scope.is_account

    async def add(self, team: Team) -> None:
        """Insert a team without grants and members."""
        await self._db.execute(
            """
            insert into teams (account_id, id, name, description, client_id, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $6)
            """,
            self._account_id, team.id, team.name, team.description, team.client_id, team.created_at,
        )  # fmt: skip

    async def get(self, team_id: UUID) -> Team:
        """Return a team. Raises TeamNotFound."""
        row = await self._db.fetchrow(
            f"select {_TEAM} from teams t where t.account_id = $1 and t.id = $2 and $3",
            self._account_id, team_id, self._reached,
        )  # fmt: skip
        if row is None:
            raise TeamNotFound
        return _team_of(row)

    async def page(self, query: TeamQuery) -> Page[Team]:
        """Return teams, the oldest first, and how many there are, counted up to COUNT_CAP."""
        total = f"(select count(*) from (select from teams where account_id = $1 limit {COUNT_CAP}) c)"
        beyond = Where(self._account_id).add("t.id > $?", _after(query.cursor))
        rows = await self._db.fetch(
            f"""
            select {_TEAM}, {total} as total from teams t where t.account_id = $1{beyond}
            order by t.account_id, t.id
            limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        counted = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", self._account_id)
        teams = [_team_of(row) for row in rows[: query.limit]]
        return Page(teams, write_cursor(teams[-1].id) if len(rows) > query.limit else None, counted)

    async def change(self, team: Team, change: TeamChange, now: datetime) -> Team:
        """Write a team's name and description."""
        await self._db.execute(
            "update teams set name = $3, description = $4, updated_at = $5 where account_id = $1 and id = $2",
            self._account_id, team.id, _new(change.name, team.name), _new(change.description, team.description), now,
        )  # fmt: skip
        return await self.get(team.id)

    async def delete(self, team_id: UUID) -> None:
        """Delete a team; its members stay in the account."""
        await self._db.execute(
            """
            with gone as (delete from team_members where account_id = $1 and team_id = $2)
            delete from teams where account_id = $1 and id = $2
            """,
            self._account_id, team_id,
        )  # fmt: skip

    async def join(self, team_id: UUID, member_id: UUID, now: datetime) -> bool:
        """Put a member into a team; False if the member was in it."""
        joined = await self._db.fetchval(
            """
            with joined as (
                insert into team_members (account_id, team_id, member_id) values ($1, $2, $3)
                on conflict do nothing returning team_id
            )
            update teams set member_count = member_count + 1, updated_at = $4
            where account_id = $1 and id in (select team_id from joined) returning true
            """,
            self._account_id, team_id, member_id, now,
        )  # fmt: skip
        return joined is True

    async def leave(self, team_id: UUID, member_id: UUID, now: datetime) -> bool:
        """Take a member out of a team; False if the member was not in it."""
        left = await self._db.fetchval(
            """
            with gone as (
                delete from team_members where account_id = $1 and team_id = $2 and member_id = $3 returning team_id
            )
            update teams set member_count = member_count - 1, updated_at = $4
            where account_id = $1 and id in (select team_id from gone) returning true
            """,
            self._account_id, team_id, member_id, now,
        )  # fmt: skip
        return left is True


def _after(cursor: str | None) -> UUID | None:
    return read_cursor(cursor, tuple[UUID])[0] if cursor else None


def _new(wanted: T | UnsetType, before: T) -> T:
    return before if wanted is UNSET else wanted


def _grants(shown: str | None) -> Grants:
    if shown is None:
        return ()
    return in_order(Grant(role, pod_id if pod_id != NO_POD else None) for role, pod_id in _decode_grants(shown))


def _member_of(row: Record) -> Member:
    return Member(
        id=row["id"],
        account_id=row["account_id"],
        email=row["email"],
        name=row["name"],
        status=MemberStatus(row["status"]),
        grants=_grants(row["grants"]),
        teams=tuple(TeamName(*team) for team in _decode_teams(row["teams"] or "[]")),
        client_id=row["client_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _team_of(row: Record) -> Team:
    return Team(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        description=row["description"],
        grants=_grants(row["grants"]),
        member_count=row["member_count"],
        client_id=row["client_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
