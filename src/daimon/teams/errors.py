"""What can be wrong with a member or a team."""

from daimon.kit.errors import Conflict, NotFound, TooManyRequests


class MemberNotFound(NotFound):
    """There is no such member within the reach of this key."""

    error = "MEMBER_NOT_FOUND"
    next_steps = ("GET /v1/members lists the members.",)


class TeamNotFound(NotFound):
    """There is no such team within the reach of this key."""

    error = "TEAM_NOT_FOUND"
    next_steps = ("GET /v1/teams lists the teams.",)


class MemberExists(Conflict):
    """The account already has a member with this e-mail address."""

    error = "MEMBER_EXISTS"
    next_steps = ("GET /v1/members?q=<address> shows the member; PATCH changes the member's grants.",)


class LastOwner(Conflict):
    """This would leave the account without an active owner."""

    error = "LAST_OWNER"
    next_steps = ("Give another active member the role `owner` in the whole account first.",)


class TooManyInvitations(TooManyRequests):
    """Too many invitations were sent within an hour, by this account or to this address."""

    code = "INVITATION_RATE_LIMIT"
    next_steps = ("Wait `retry_after` seconds, then send the same request again.",)
