"""Teams over HTTP: parse, call, answer."""

from typing import Annotated, Any
from uuid import UUID

import msgspec

from daimon.accounts.errors import ClientIdConflict
from daimon.api import team_examples as examples
from daimon.api.answer import Answer
from daimon.api.members import MemberInPath, check_pods
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.api.team_schema import TeamCreate, TeamGrants, TeamList, TeamPage, TeamPatch, TeamView, team_view
from daimon.audit.models import Change
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor, StateConflict
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound
from daimon.teams import service as teams
from daimon.teams.errors import LastOwner, TeamNotFound
from daimon.teams.models import Team

TeamInPath = Annotated[
    UUID,
    PathId(Kind.TEAM, TeamNotFound, "The team's id.", lambda db, scope, values: teams.get(db, scope, values[0])),
]
_TAG = "teams"


@operation(
    "POST",
    "/v1/teams",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    status=201,
    other_statuses=(200,),
    errors=(ClientIdConflict, PodNotFound),
    example=examples.CREATE_TEAM,
)
async def create_team(request: Request, body: TeamCreate) -> Answer[TeamView]:
    """Create a team.

    Nobody gives a role with a permission that he does not have himself, where the role holds.
    """
    wish = body.to_domain()
    await check_pods(request, wish.grants)
    team, fresh = await teams.create(request.db, request.principal, wish, now=request.now)
    if fresh:
        request.change = _changed(after=team)
    return _answer(team, status=201 if fresh else 200)


@operation(
    "GET",
    "/v1/teams",
    tag=_TAG,
    permission=Permission.TEAMS_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor,),
    example=examples.LIST_TEAMS,
)
async def list_teams(request: Request, query: TeamList) -> Answer[TeamPage]:
    """List teams, the oldest first."""
    page = await teams.page(request.db, request.principal.scope, query.to_domain())
    views, more = [team_view(team) for team in page.items], page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(TeamPage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/teams/{team_id}",
    tag=_TAG,
    permission=Permission.TEAMS_READ,
    reach=KeyScope.ACCOUNT,
    example=examples.GET_TEAM,
)
async def get_team(request: Request, team_id: TeamInPath) -> Answer[TeamView]:
    """Show a team."""
    return _answer(await teams.get(request.db, request.principal.scope, team_id))


@operation(
    "PATCH",
    "/v1/teams/{team_id}",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    example=examples.PATCH_TEAM,
)
async def update_team(request: Request, team_id: TeamInPath, body: TeamPatch) -> Answer[TeamView]:
    """Change a team's name or description."""
    before, after = await teams.change(request.db, request.principal, team_id, body.to_domain(), now=request.now)
    request.change = _changed(before, after)
    return _answer(after)


@operation(
    "DELETE",
    "/v1/teams/{team_id}",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(LastOwner,),
    example=examples.DELETE_TEAM,
)
async def delete_team(request: Request, team_id: TeamInPath) -> Answer[Deleted]:
    """Delete a team: its members stay in the account and lose what it gave them."""
    gone = await teams.delete(request.db, request.principal, team_id)
    request.change = _changed(gone)
    request.after_commit = request.services.keys.forget
    return Answer(Deleted(show(Kind.TEAM, gone.id)), ["The other teams: GET /v1/teams"])


@operation(
    "PUT",
    "/v1/teams/{team_id}/members/{member_id}",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(StateConflict,),
    example=examples.ADD_TEAM_MEMBER,
)
async def add_team_member(request: Request, team_id: TeamInPath, member_id: MemberInPath) -> Answer[TeamView]:
    """Put a member into a team; one who is in it stays."""
    before, after = await teams.join(request.db, request.principal, team_id, member_id, now=request.now)
    if after is not before:
        request.change = _moved(after, member_id, was_in=False)
        request.after_commit = request.services.keys.forget
    return _answer(after)


@operation(
    "DELETE",
    "/v1/teams/{team_id}/members/{member_id}",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(LastOwner,),
    example=examples.REMOVE_TEAM_MEMBER,
)
async def remove_team_member(request: Request, team_id: TeamInPath, member_id: MemberInPath) -> Answer[TeamView]:
    """Take a member out of a team."""
    _, after = await teams.leave(request.db, request.principal, team_id, member_id, now=request.now)
    request.change = _moved(after, member_id, was_in=True)
    request.after_commit = request.services.keys.forget
    return _answer(after)


@operation(
    "PUT",
    "/v1/teams/{team_id}/grants",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(PodNotFound, LastOwner),
    example=examples.SET_TEAM_GRANTS,
)
async def set_team_grants(request: Request, team_id: TeamInPath, body: TeamGrants) -> Answer[TeamView]:
    """Give a team these grants and no others."""
    wanted = body.to_domain()
    await check_pods(request, wanted)
    before, after = await teams.grant(request.db, request.principal, team_id, wanted, now=request.now)
    request.change = _changed(before, after)
    request.after_commit = request.services.keys.forget
    return _answer(after)


def _answer(team: Team, status: int | None = None) -> Answer[TeamView]:
    shown_id = show(Kind.TEAM, team.id)
    steps = [
        f"Its members: GET /v1/members?team_id={shown_id}",
        f"Put a member into it: PUT /v1/teams/{shown_id}/members/{{member_id}}",
        f"Say what it may do: PUT /v1/teams/{shown_id}/grants",
    ]
    return Answer(team_view(team), steps, status)


def _changed(before: Team | None = None, after: Team | None = None) -> Change:
    team = after or before
    assert team
    return Change(show(Kind.TEAM, team.id), _shown(before), _shown(after))


def _shown(team: Team | None) -> dict[str, Any] | None:
    return None if team is None else msgspec.to_builtins(team_view(team))


def _moved(team: Team, member_id: UUID, *, was_in: bool) -> Change:
    member = {"member_id": show(Kind.MEMBER, member_id)}
    return Change(show(Kind.TEAM, team.id), member if was_in else None, None if was_in else member)
