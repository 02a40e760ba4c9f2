"""Teams as clients write and read them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.member_schema import GrantsIn, GrantView, grant_views, grants_of
from daimon.api.schema import ClientId, Offset, Page
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show
from daimon.kit.written import Ours
from daimon.teams.models import Grants, NewTeam, Team, TeamChange, TeamQuery

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Description = Annotated[str, Meta(max_length=2000)]


class TeamCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new team."""

    name: Name
    description: Description | None = None
    grants: GrantsIn = []
    client_id: ClientId | None = None

    def to_domain(self) -> NewTeam:
        """Return what the service is asked. Raises Invalid."""
        return NewTeam(self.name, self.description, grants_of(self.grants), self.client_id)


class TeamPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a team; what is left out stays as it is."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET

    def to_domain(self) -> TeamChange:
        """Return what the service is asked."""
        return TeamChange(self.name, self.description)


class TeamGrants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a team is granted from now on."""

    grants: GrantsIn

    def to_domain(self) -> Grants:
        """Return what the service is asked. Raises Invalid."""
        return grants_of(self.grants)


class TeamList(Page, frozen=True):
    """Which teams a list shows."""

    offset: Offset = 0

    def to_domain(self) -> TeamQuery:
        """Return what the service is asked."""
        return TeamQuery(self.limit, self.offset, self.cursor)


class TeamView(msgspec.Struct):
    """A named group of members; each of them has what the team is granted."""

    id: Ours
    name: str
    description: str | None
    grants: list[GrantView]
    member_count: int
    client_id: str | None
    created_at: Time
    updated_at: Time


class TeamPage(msgspec.Struct):
    """A page of teams, the oldest first."""

    teams: list[TeamView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: Ours | None


def team_view(team: Team) -> TeamView:
    """Return a team as clients read it."""
    return TeamView(
        id=show(Kind.TEAM, team.id),
        name=team.name,
        description=team.description,
        grants=grant_views(team.grants),
        member_count=team.member_count,
        client_id=team.client_id,
        created_at=rfc3339(team.created_at),
        updated_at=rfc3339(team.updated_at),
    )
