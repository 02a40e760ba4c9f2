"""Blocked mail over HTTP: parse, call, answer. It is listed and shown as other messages are."""

from daimon.accounts.errors import AccountSuspended
from daimon.api import examples
from daimon.api.answer import Answer
from daimon.api.inboxes import InboxInPath
from daimon.api.messages import MessageInPath
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.audit.models import Change
from daimon.inbound import releasing
from daimon.keys.permissions import Permission
from daimon.kit.ids import Kind, show
from daimon.messages.view import MessageView, message_view


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/unblock",
    tag="messages",
    permission=Permission.MESSAGES_WRITE,
    errors=(AccountSuspended,),
    example=examples.UNBLOCK_MESSAGE,
)
async def unblock_message(request: Request, inbox_id: InboxInPath, message_id: MessageInPath) -> Answer[MessageView]:
    """Release a message that a rule blocked: from now on it is as if it had just been received.

    It gets its place in a thread, is counted and metered, and `message.received` tells of it. A message that is not
    blocked stays as it is.
    """
    before, message = await releasing.release(
        request.db, request.principal.scope, inbox_id, message_id, now=request.now
    )
    if before.is_blocked:
        request.change = Change(
            show(Kind.MESSAGE, message.id), {"labels": before.labels}, {"labels": message.labels},
            pod_id=message.pod_id, inbox_id=message.inbox_id,
        )  # fmt: skip
    path = f"/v1/inboxes/{show(Kind.INBOX, message.inbox_id)}/messages/{show(Kind.MESSAGE, message.id)}"
    # Not the sender's address: next_steps are this server's words alone, and an address may be a sentence in quotes.
    return Answer(message_view(message), [f"Show it: GET {path}", "Let its sender through from now on: POST /v1/rules"])
