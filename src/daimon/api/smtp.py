"""Where and how mail is submitted by SMTP, for an account and for an inbox."""

from daimon.api import smtp_examples as examples
from daimon.api.answer import Answer
from daimon.api.inboxes import InboxInPath
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.api.smtp_schema import SmtpView, smtp_view
from daimon.inboxes import service as inboxes
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.ids import Kind, show
from daimon.quotas.errors import SendRequiresPaid
from daimon.quotas.sends import check_may_send

_TAG = "sending"


@operation(
    "GET",
    "/v1/account/smtp",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    reach=KeyScope.ACCOUNT,
    errors=(SendRequiresPaid,),
    example=examples.ACCOUNT_SMTP,
)
async def get_account_smtp(request: Request) -> Answer[SmtpView]:
    """Show how a mail program sends from the inboxes of the account. Needs a tier that sends."""
    _check_may_send(request)
    view = smtp_view(
        request.services.submission,
        username=show(Kind.ACCOUNT, request.principal.account.account_id),
        key="Any key of this account with the permission messages:send.",
        sender="Any inbox that the key reaches.",
    )
    return Answer(view, ["Make a key for it: POST /v1/keys", "List the inboxes to send from: GET /v1/inboxes"])


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/smtp",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    errors=(SendRequiresPaid,),
    example=examples.INBOX_SMTP,
)
async def get_inbox_smtp(request: Request, inbox_id: InboxInPath) -> Answer[SmtpView]:
    """Show how a mail program sends from an inbox. Needs a tier that sends."""
    inbox = await inboxes.get(request.db, request.principal.scope, inbox_id)
    _check_may_send(request)
    view = smtp_view(
        request.services.submission,
        username=inbox.email,
        key=f"Any key with the permission messages:send that reaches {inbox.email}.",
        sender=f"{inbox.email}, or another inbox that the key reaches.",
    )
    return Answer(view, [f"Or send by HTTP: POST /v1/inboxes/{show(Kind.INBOX, inbox.id)}/send"])


def _check_may_send(request: Request) -> None:
    account = request.principal.account
    check_may_send(account, request.services.road.tiers[account.tier])
