"""Members, teams, and what is asked of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import UNSET, UnsetType

from daimon.keys.models import IssuedKey
from daimon.keys.roles import Grant, Role
from daimon.quotas.usage import NO_POD

MAX_GRANTS = 100  # of a member or a team
MAX_TEAM_MEMBERS = 1_000
MAX_TEAMS_OF_MEMBER = 100

Grants = tuple[Grant, ...]


class MemberStatus(StrEnum):
    """Invited: has not opened the link yet. Disabled: none of the member's keys works."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class TeamName:
    """A team that a member is in."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an account. `grants` are the member's own; those of `teams` come on top."""

    id: UUID
    account_id: UUID
    email: str
    name: str | None
    status: MemberStatus
    grants: Grants
    teams: tuple[TeamName, ...]
    client_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Team:
    """A named group of members; each of them has what it is granted."""

    id: UUID
    account_id: UUID
    name: str
    description: str | None
    grants: Grants
    member_count: int
    client_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewMember:
    """What an invitation asks for. `email` is an address in lower case."""

    email: str
    name: str | None
    grants: Grants
    client_id: str | None


@dataclass(frozen=True, slots=True)
class NewTeam:
    """What the create of a team asks for."""

    name: str
    description: str | None
    grants: Grants
    client_id: str | None


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What a PATCH changes of a member."""

    name: str | UnsetType | None = UNSET
    status: MemberStatus | UnsetType = UNSET
    grants: Grants | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class TeamChange:
    """What a PATCH changes of a team."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class MemberQuery:
    """Which members a list shows."""

    limit: int
    offset: int = 0
    cursor: str | None = None
    status: MemberStatus | None = None
    email_start: str | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TeamQuery:
    """Which teams a list shows."""

    limit: int
    offset: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Invited:
    """A member and the link of the invitation; None for a member whom the same create made before."""

    member: Member
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is behind a link that is still good: who is invited to which account, and as what."""

    account_id: UUID
    member_id: UUID
    email: str
    grants: Grants
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """A member before and after accepting an invitation, and the member's first key."""

    before: Member
    member: Member
    key: IssuedKey


def in_order(grants: Iterable[Grant]) -> Grants:
    """Return grants once each, in the order in which they are shown."""
    return tuple(sorted(set(grants), key=lambda grant: (grant.pod_id or NO_POD, _RANK[grant.role])))


_RANK = {role: rank for rank, role in enumerate(Role)}
