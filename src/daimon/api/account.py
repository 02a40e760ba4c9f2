"""The account over HTTP, and what a key is."""

from daimon.accounts import service as accounts
from daimon.accounts.errors import AccountNotFound
from daimon.api import examples
from daimon.api.account_schema import AccountView, Whoami, account_view, whoami_view
from daimon.api.answer import Answer
from daimon.api.operation import Lend, operation
from daimon.api.request import Request
from daimon.keys.models import KeyScope
from daimon.kit.ids import Kind, show
from daimon.quotas import sends
from daimon.quotas import service as quotas

_TAG = "account"


@operation(
    "GET", "/v1/account", tag=_TAG, reach=KeyScope.ACCOUNT, errors=(AccountNotFound,), example=examples.GET_ACCOUNT
)
async def get_account(request: Request) -> Answer[AccountView]:
    """Show the account, its limits and what it uses of them."""
    return Answer(await full_view(request), ["List the inboxes: GET /v1/inboxes"])


async def full_view(request: Request) -> AccountView:
    """Return the account with its limits and what is used of them."""
    scope = request.principal.scope
    account = await accounts.get(request.db, scope)
    used = await quotas.used(request.db, scope, quotas.Quota.INBOXES)
    sent = await sends.used_today(request.db, scope, now=request.now)
    return account_view(account, request.services.inbox_policy.tiers[account.tier], used, sent)


@operation("GET", "/v1/whoami", tag=_TAG, lend=Lend.NOTHING, example=examples.WHOAMI)
async def whoami(request: Request) -> Answer[Whoami]:
    """Show what the key that is sent reaches and may do."""
    who = request.principal
    if who.scope.inbox_id:
        shown_id = show(Kind.INBOX, who.scope.inbox_id)
        steps = [f"Show the inbox: GET /v1/inboxes/{shown_id}", f"Read its mail: GET /v1/inboxes/{shown_id}/messages"]
    else:
        steps = ["List the inboxes: GET /v1/inboxes"]
    return Answer(whoami_view(who), steps)
