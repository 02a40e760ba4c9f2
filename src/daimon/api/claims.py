"""Working through an inbox over HTTP: parse, call, answer."""

from datetime import timedelta
from uuid import UUID

from daimon.accounts.errors import AccountSuspended
from daimon.api import examples
from daimon.api.answer import Answer
from daimon.api.claim_schema import ClaimCreate, ClaimedView, LeaseBody, claimed_view
from daimon.api.inboxes import InboxInPath
from daimon.api.messages import MessageInPath
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.audit.models import Change
from daimon.keys.permissions import Permission
from daimon.kit.errors import StateConflict
from daimon.kit.ids import Kind, show
from daimon.messages import claims
from daimon.messages.models import Message
from daimon.messages.view import MessageView, message_view

_TAG = "messages"


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/claim",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    errors=(AccountSuspended,),
    example=examples.CLAIM_MESSAGE,
)
async def claim_message(request: Request, inbox_id: InboxInPath, body: ClaimCreate) -> Answer[ClaimedView | None]:
    """Take the oldest message that nobody has handled, and hold it for a while.

    Nobody else gets it meanwhile. Acknowledge it when it is done; release it, or let the lease run out, and it comes
    back. After five claims that ran out it gets the label `dead-letter`, within half a minute, and does not come back
    until somebody takes the label away. The result is null when nothing waits.
    """
    scope, lease = request.principal.scope, timedelta(seconds=body.lease_seconds)
    claimed = await claims.claim(request.db, scope, inbox_id, body.to_domain(), lease=lease)
    if claimed is None:
        return Answer(
            None, [f"Nothing waits. GET /v1/inboxes/{_shown(inbox_id)}/messages/wait answers when a mail comes."]
        )
    request.change = _change(claimed.message, claim_count=claimed.claim_count)
    path = f"/v1/inboxes/{show(Kind.INBOX, claimed.message.inbox_id)}/messages/{show(Kind.MESSAGE, claimed.message.id)}"
    lease_body = f'{{"lease_id": "{show(Kind.LEASE, claimed.lease_id)}"}}'
    steps = [f"When it is done: POST {path}/ack {lease_body}", f"To give it back: POST {path}/release {lease_body}"]
    return Answer(claimed_view(claimed), steps)


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/ack",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    errors=(StateConflict, AccountSuspended),
    example=examples.ACK_MESSAGE,
)
async def ack_message(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, body: LeaseBody
) -> Answer[MessageView]:
    """Say that a claimed message is handled: it is not claimed again.

    A lease that ran out does as well, as long as nobody else has claimed the message since. Saying it twice is no
    error.
    """
    message = await claims.acknowledge(
        request.db, request.principal.scope, inbox_id, message_id, body.to_domain(), request.now
    )
    request.change = _change(message, handled=True)
    return Answer(message_view(message), [f"The next one: POST /v1/inboxes/{_shown(inbox_id)}/messages/claim"])


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/release",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    errors=(StateConflict, AccountSuspended),
    example=examples.RELEASE_MESSAGE,
)
async def release_message(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, body: LeaseBody
) -> Answer[MessageView]:
    """Give a claimed message back at once. The claim does not count."""
    message = await claims.release(request.db, request.principal.scope, inbox_id, message_id, body.to_domain())
    request.change = _change(message, handled=False)
    return Answer(message_view(message), [f"The next one: POST /v1/inboxes/{_shown(inbox_id)}/messages/claim"])


def _shown(inbox: UUID | str) -> str:
    return inbox if isinstance(inbox, str) else show(Kind.INBOX, inbox)


def _change(message: Message, **after: object) -> Change:
    return Change(show(Kind.MESSAGE, message.id), None, after, pod_id=message.pod_id, inbox_id=message.inbox_id)
