"""Invitations over HTTP: a page that says what the link is, and the button on it. Neither needs a key."""

from daimon.accounts.errors import AccountDeleted, AccountSuspended, LinkInvalid
from daimon.api.answer import Answer, Octets
from daimon.api.links import LinkInPath, as_json, refused, takes_json
from daimon.api.member_schema import AcceptedInvitation
from daimon.api.members import changed
from daimon.api.operation import Lend, operation
from daimon.api.page import page
from daimon.api.request import Request
from daimon.keys.roles import Grant
from daimon.kit.ids import Kind, show
from daimon.teams import invitations
from daimon.teams.models import Accepted, Invitation

_TAG = "members"
_MOST_SHOWN = 10  # roles on the page


# In a transaction: only there can a request enter the account that its link leads to.
@operation("GET", "/invitations/{token}", tag=_TAG, reach=None, lend=Lend.TRANSACTION, content_type="text/html")
async def show_invitation(request: Request, token: LinkInPath) -> Octets:
    """Show what an invitation offers.

    It changes nothing: whoever looks at a link before its reader does, such as a mail scanner, does no harm.
    """
    try:
        invitation = await invitations.find(request.db, token, request.now)
    except LinkInvalid as error:
        return refused(request, error)
    account = show(Kind.ACCOUNT, invitation.account_id)
    return page(
        "You are invited",
        f"{invitation.email} is invited to the daimon account {account}.",
        _offered(invitation),
        "When you accept, you are shown your first key, once.",
        button="Accept the invitation",
    )


@operation(
    "POST",
    "/invitations/{token}",
    tag=_TAG,
    reach=None,
    errors=(AccountSuspended, AccountDeleted),
    content_type="text/html",
)
async def accept_invitation(request: Request, token: LinkInPath) -> Octets:
    """Accept an invitation: the member is active, and is shown a first key this once.

    Answers with a page, or with `{"result": {"member_id", "account_id", "api_key"}}` to a request that accepts
    `application/json`.
    """
    try:
        accepted = await invitations.accept(request.db, token, now=request.now)
    except (LinkInvalid, AccountSuspended, AccountDeleted) as error:
        return refused(request, error)
    request.change = changed(accepted.before, accepted.member)
    return _as_json(accepted) if takes_json(request) else _as_page(accepted)


def _offered(invitation: Invitation) -> str:
    if not invitation.grants:
        return "No role comes with it yet."
    shown = [_in_words(grant) for grant in invitation.grants[:_MOST_SHOWN]]
    more = len(invitation.grants) - len(shown)
    return "Offered: " + ", ".join(shown) + (f", and {more} more." if more else ".")


def _in_words(grant: Grant) -> str:
    role = grant.role.replace("_", " ")
    return f"{role} in {show(Kind.POD, grant.pod_id)}" if grant.pod_id else f"{role} of the whole account"


def _as_json(accepted: Accepted) -> Octets:
    member = accepted.member
    result = AcceptedInvitation(
        show(Kind.MEMBER, member.id), show(Kind.ACCOUNT, member.account_id), accepted.key.secret
    )
    steps = ["Save api_key now; it is only shown once.", "See what it may do: GET /v1/whoami"]
    return as_json(Answer(result, steps))


def _as_page(accepted: Accepted) -> Octets:
    return page(
        "Welcome",
        f"{accepted.member.email} is now a member of {show(Kind.ACCOUNT, accepted.member.account_id)}.",
        "This is your first key. Save it now: it is not shown again. Whoever has it can do what you can.",
        secret=accepted.key.secret,
    )
