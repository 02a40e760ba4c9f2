"""Members over HTTP: parse, call, answer."""

from typing import Annotated, Any
from uuid import UUID

import msgspec

from daimon.accounts.errors import ClientIdConflict
from daimon.api import member_examples as examples
from daimon.api.answer import Answer
from daimon.api.member_schema import (
    InvitationView,
    MemberCreate,
    MemberCreated,
    MemberList,
    MemberPage,
    MemberPatch,
    MemberView,
    created_view,
    member_view,
)
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.audit.models import Change
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.clock import rfc3339
from daimon.kit.errors import InvalidCursor, StateConflict
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound
from daimon.teams import members
from daimon.teams.errors import LastOwner, MemberExists, MemberNotFound, TeamNotFound, TooManyInvitations
from daimon.teams.grants import GrantRepository
from daimon.teams.invitations import VALID_FOR, LinkOf
from daimon.teams.models import Grants, Invited, Member

# In a team's path the member stands last, after the team.
MemberInPath = Annotated[
    UUID,
    PathId(
        Kind.MEMBER, MemberNotFound, "The member's id.", lambda db, scope, values: members.get(db, scope, values[-1])
    ),
]
_TAG = "members"


@operation(
    "POST",
    "/v1/members",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    status=201,
    other_statuses=(200,),
    errors=(MemberExists, ClientIdConflict, PodNotFound, TooManyInvitations),
    example=examples.CREATE_MEMBER,
)
async def create_member(request: Request, body: MemberCreate) -> Answer[MemberCreated]:
    """Invite a person into the account.

    The link in the answer is shown this once; it works for seven days, and once. Whoever opens it gets the member's
    first key. Nobody gives a role with a permission that he does not have himself, where the role holds.
    """
    wish = body.to_domain()
    await check_pods(request, wish.grants)
    invited = await members.invite(request.db, request.principal, wish, _link_of(request), now=request.now)
    member, view = invited.member, created_view(invited.member, invited.link, request.now + VALID_FOR)
    if invited.link is None:
        return Answer(view, _to_go_on(member), status=200)
    request.change = changed(after=member)
    return Answer(view, [*_to_accept(invited), *_to_go_on(member)])


@operation(
    "GET",
    "/v1/members",
    tag=_TAG,
    permission=Permission.TEAMS_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor, TeamNotFound),
    example=examples.LIST_MEMBERS,
)
async def list_members(request: Request, query: MemberList) -> Answer[MemberPage]:
    """List members, the oldest first; those of one team with `team_id`."""
    page = await members.page(request.db, request.principal.scope, query.to_domain())
    views, more = [member_view(member) for member in page.items], page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(MemberPage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/members/{member_id}",
    tag=_TAG,
    permission=Permission.TEAMS_READ,
    reach=KeyScope.ACCOUNT,
    example=examples.GET_MEMBER,
)
async def get_member(request: Request, member_id: MemberInPath) -> Answer[MemberView]:
    """Show a member."""
    member = await members.get(request.db, request.principal.scope, member_id)
    return Answer(member_view(member), _to_go_on(member))


@operation(
    "PATCH",
    "/v1/members/{member_id}",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(PodNotFound, StateConflict, LastOwner),
    example=examples.PATCH_MEMBER,
)
async def update_member(request: Request, member_id: MemberInPath, body: MemberPatch) -> Answer[MemberView]:
    """Change a member's name, status or own grants.

    A disabled member's keys stop within a second, and work again when the member is active again.
    """
    wish = body.to_domain()
    if isinstance(wish.grants, tuple):
        await check_pods(request, wish.grants)
    before, after = await members.change(request.db, request.principal, member_id, wish, now=request.now)
    request.change = changed(before, after)
    request.after_commit = request.services.keys.forget
    return Answer(member_view(after), _to_go_on(after))


@operation(
    "DELETE",
    "/v1/members/{member_id}",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(LastOwner,),
    example=examples.DELETE_MEMBER,
)
async def delete_member(request: Request, member_id: MemberInPath) -> Answer[Deleted]:
    """Delete a member: the member's keys are revoked, grants and invitation end."""
    gone = await members.delete(request.db, request.principal, member_id, now=request.now)
    request.change = changed(gone)
    request.after_commit = request.services.keys.forget
    return Answer(Deleted(show(Kind.MEMBER, gone.id)), ["The other members: GET /v1/members"])


@operation(
    "POST",
    "/v1/members/{member_id}/invite",
    tag=_TAG,
    permission=Permission.TEAMS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(StateConflict, TooManyInvitations),
    example=examples.INVITE_MEMBER,
)
async def invite_member(request: Request, member_id: MemberInPath) -> Answer[InvitationView]:
    """Invite a member again who has not accepted yet; the link made before is void."""
    invited = await members.invite_again(request.db, request.principal, member_id, _link_of(request), now=request.now)
    member, link, until = invited.member, invited.link or "", rfc3339(request.now + VALID_FOR)
    request.change = Change(show(Kind.MEMBER, member.id), None, {"invitation_expires_at": until})
    view = InvitationView(show(Kind.MEMBER, member.id), member.email, link, until)
    return Answer(view, [*_to_accept(invited), *_to_go_on(member)])


async def check_pods(request: Request, grants: Grants) -> None:
    """Raise PodNotFound for a grant in a pod that is not there; those that are stay until the transaction ends."""
    if await GrantRepository(request.db, request.principal.scope).missing_pods(grants):
        raise PodNotFound


def changed(before: Member | None = None, after: Member | None = None) -> Change:
    """Return what happened to a member, for the audit trail."""
    member = after or before
    assert member
    shown_before, shown_after = _shown(before), _shown(after)
    return Change(show(Kind.MEMBER, member.id), shown_before, shown_after, account_id=member.account_id)


def _shown(member: Member | None) -> dict[str, Any] | None:
    return None if member is None else msgspec.to_builtins(member_view(member))


def _link_of(request: Request) -> LinkOf:
    return lambda token: f"{request.services.public_url}/invitations/{token}"


def _to_accept(invited: Invited) -> list[str]:
    return [f"Pass the link on to the member: {invited.link}"]


def _to_go_on(member: Member) -> list[str]:
    shown_id = show(Kind.MEMBER, member.id)
    return [
        f"Change the member's grants: PATCH /v1/members/{shown_id}",
        f"Put the member into a team: PUT /v1/teams/{{team_id}}/members/{shown_id}",
    ]
