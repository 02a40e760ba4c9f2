"""Who may give which grant, and the rows of `grants`."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys.models import Principal
from daimon.keys.permissions import ALL
from daimon.keys.roles import PERMISSIONS as ROLE_PERMISSIONS
from daimon.keys.roles import Grant, Role
from daimon.kit.errors import Forbidden
from daimon.quotas.usage import NO_POD
from daimon.teams.errors import LastOwner
from daimon.teams.models import Grants

_OWNERS_ONLY = "Only an owner, or an account key with all permissions, gives or takes the role owner."


class GrantRepository:
    """What the members and teams of one account are granted."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def lock(self) -> None:
        """Let no other transaction change members, teams or grants of the account until this one ends."""
        await self._db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"teams {self._account_id}")

    async def replace(self, holder_id: UUID, grants: Sequence[Grant]) -> None:
        """Give a member or team these grants and no others."""
        await self.drop(holder_id)
        await self._db.execute(
            """
            insert into grants (account_id, holder_id, pod_id, role)
            select $1, $2, given.pod_id, given.role from unnest($3::uuid[], $4::text[]) as given (pod_id, role)
            """,
            self._account_id, holder_id, [grant.pod_id or NO_POD for grant in grants], [g.role for g in grants],
        )  # fmt: skip

    async def drop(self, holder_id: UUID) -> None:
        """Take every grant of a member or team."""
        await self._db.execute(
            "delete from grants where account_id = $1 and holder_id = $2", self._account_id, holder_id
        )

    async def held_by(self, member_id: UUID) -> Grants:
        """Return all that a member is granted, directly and by teams."""
        rows = await self._db.fetch(
            """
            select distinct role, pod_id from grants where account_id = $1 and holder_id = any(array(
                select $2::uuid union all
                select team_id from team_members where account_id = $1 and member_id = $2))
            """,
            self._account_id, member_id,
        )  # fmt: skip
        return tuple(Grant(Role(row["role"]), _pod_or_none(row["pod_id"])) for row in rows)

    async def missing_pods(self, grants: Iterable[Grant]) -> set[UUID]:
        """Return the pods of grants that do not exist; those that do are kept until the transaction ends."""
        named = sorted({grant.pod_id for grant in grants if grant.pod_id})
        rows = await self._db.fetch(
            "select id from pods where account_id = $1 and id = any($2) order by id for key share",
            self._account_id, named,
        )  # fmt: skip
        return set(named) - {row["id"] for row in rows}

    async def has_owner(self) -> bool:
        """Tell whether an active member is an owner of the whole account, directly or by a team."""
        found: bool = await self._db.fetchval(
            f"""
            select exists (
                select from grants g join members m on m.account_id = $1 and m.id = g.holder_id
                where g.account_id = $1 and {_OWNER} and m.status = 'active'
            ) or exists (
                select from grants g
                join team_members t on t.account_id = $1 and t.team_id = g.holder_id
                join members m on m.account_id = $1 and m.id = t.member_id
                where g.account_id = $1 and {_OWNER} and m.status = 'active'
            )
            """,
            self._account_id,
        )
        return found


_OWNER = f"g.role = 'owner' and g.pod_id = '{NO_POD}'"


@asynccontextmanager
async def keeping_an_owner(db: Connection, scope: Scope) -> AsyncIterator[None]:
    """Change members, teams and grants in this block, one transaction of an account at a time.

    Raises LastOwner if the account has an active owner before the block and none after it.
    """
    grants = GrantRepository(db, scope)
    await grants.lock()
    had_owner = await grants.has_owner()
    yield
    if had_owner and not await grants.has_owner():
        raise LastOwner


def check_gives(who: Principal, grants: Iterable[Grant]) -> None:
    """Raise Forbidden unless the principal has every permission of these grants where they hold."""
    held = {permission: who.allowed(permission) for permission in ALL}
    for grant in grants:
        if grant.role is Role.OWNER and not who.is_owner:
            raise Forbidden(_OWNERS_ONLY)
        for permission in sorted(ROLE_PERMISSIONS[grant.role]):
            if not _covers(held[permission], grant.pod_id):
                where = "in that pod" if grant.pod_id else "in the whole account"
                raise Forbidden(f"This key cannot give the role {grant.role}: it lacks {permission} {where}.")


def check_takes(who: Principal, grants: Iterable[Grant]) -> None:
    """Raise Forbidden if an owner's role is among the grants and the principal is no owner."""
    if any(grant.role is Role.OWNER for grant in grants) and not who.is_owner:
        raise Forbidden(_OWNERS_ONLY)


def check_replaces(who: Principal, before: Sequence[Grant], after: Sequence[Grant]) -> None:
    """Raise Forbidden unless the principal may give what is new in `after` and take what is no longer in it."""
    check_gives(who, set(after) - set(before))
    check_takes(who, set(before) - set(after))


def _covers(reach: Scope | None, pod_id: UUID | None) -> bool:
    if reach is None:
        return False
    return reach.is_account or (reach.inbox_id is None and pod_id is not None and pod_id in (reach.pod_ids or ()))


def _pod_or_none(pod_id: UUID) -> UUID | None:
    return pod_id if pod_id != NO_POD else None
