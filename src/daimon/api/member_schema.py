"""Members, grants and invitations as clients write and read them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import ClientId, Offset, OneLine, Page, Search, read_id
from daimon.keys.roles import Grant, Role
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.lifecycle.email import read_email
from daimon.teams.models import MAX_GRANTS, Grants, Member, MemberChange, MemberQuery, MemberStatus, NewMember, in_order

Email = Annotated[str, Meta(max_length=320, description="An e-mail address; its case does not matter.")]


class GrantIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role in one pod, or (`pod_id` null or left out) in the whole account."""

    role: Role
    pod_id: str | None = None


GrantsIn = Annotated[list[GrantIn], Meta(max_length=MAX_GRANTS)]


class MemberCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person to invite."""

    email: Email
    name: OneLine | None = None
    grants: GrantsIn = []
    client_id: ClientId | None = None

    def to_domain(self) -> NewMember:
        """Return what the service is asked. Raises Invalid."""
        email = read_email(self.email, "email").lower()
        return NewMember(email, self.name, grants_of(self.grants), self.client_id)


class MemberPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a member; what is left out stays as it is. `grants` replaces all of the member's own."""

    name: OneLine | UnsetType | None = UNSET
    status: Literal["active", "disabled"] | UnsetType = UNSET
    grants: GrantsIn | UnsetType = UNSET

    def to_domain(self) -> MemberChange:
        """Return what the service is asked. Raises Invalid."""
        status = UNSET if self.status is UNSET else MemberStatus(self.status)
        return MemberChange(self.name, status, UNSET if self.grants is UNSET else grants_of(self.grants))


class MemberList(Page, frozen=True):
    """Which members a list shows."""

    offset: Offset = 0
    status: MemberStatus | None = None
    q: Annotated[Search, Meta(description="What the e-mail address begins with.")] | None = None
    team_id: str | None = None

    def to_domain(self) -> MemberQuery:
        """Return what the service is asked. Raises Invalid."""
        team_id = read_id(Kind.TEAM, self.team_id, "team_id")
        return MemberQuery(self.limit, self.offset, self.cursor, self.status, self.q and self.q.lower(), team_id)


class GrantView(msgspec.Struct):
    """A role in one pod, or (`pod_id` null) in the whole account."""

    role: Role
    pod_id: Ours | None


class MemberTeam(msgspec.Struct):
    """A team that a member is in."""

    id: Ours
    name: str


class MemberView(msgspec.Struct):
    """A person in the account. `grants` are the member's own; those of `teams` come on top."""

    id: Ours
    email: str
    name: str | None
    status: MemberStatus
    grants: list[GrantView]
    teams: list[MemberTeam]
    client_id: str | None
    created_at: Time
    updated_at: Time


class MemberCreated(MemberView):
    """A new member with the link of the invitation, which is shown this once."""

    invitation_url: Ours | UnsetType = UNSET
    invitation_expires_at: Time | UnsetType = UNSET


class MemberPage(msgspec.Struct):
    """A page of members, the oldest first."""

    members: list[MemberView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: Ours | None


class InvitationView(msgspec.Struct):
    """A fresh invitation; the link is shown this once."""

    member_id: Ours
    email: str
    invitation_url: Ours
    invitation_expires_at: Time


class AcceptedInvitation(msgspec.Struct):
    """Who accepted an invitation, and the member's first key, which is shown this once."""

    member_id: str
    account_id: str
    api_key: str


def grants_of(given: Iterable[GrantIn]) -> Grants:
    """Return grants as the domain knows them. Raises Invalid."""
    return in_order(
        Grant(each.role, read_id(Kind.POD, each.pod_id, f"grants[{place}].pod_id")) for place, each in enumerate(given)
    )


def grant_views(grants: Grants) -> list[GrantView]:
    """Return grants as clients read them."""
    return [GrantView(grant.role, show_or_none(Kind.POD, grant.pod_id)) for grant in grants]


def member_view(member: Member) -> MemberView:
    """Return a member as clients read it."""
    return MemberView(**_fields(member))


def created_view(member: Member, link: str | None, expires_at: datetime) -> MemberCreated:
    """Return a member with the link that the create made; None for one who was there already."""
    view = MemberCreated(**_fields(member))
    if link is not None:
        view.invitation_url = link
        view.invitation_expires_at = rfc3339(expires_at)
    return view


def _fields(member: Member) -> dict[str, Any]:
    return {
        "id": show(Kind.MEMBER, member.id),
        "email": member.email,
        "name": member.name,
        "status": member.status,
        "grants": grant_views(member.grants),
        "teams": [MemberTeam(show(Kind.TEAM, team.id), team.name) for team in member.teams],
        "client_id": member.client_id,
        "created_at": rfc3339(member.created_at),
        "updated_at": rfc3339(member.updated_at),
    }
