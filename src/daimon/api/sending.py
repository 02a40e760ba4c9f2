"""Sending over HTTP: parse, call, answer. A 202 leaves after the commit; from then on the mail is ours to deliver."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from daimon.accounts.errors import AccountUnderReview, ClientIdConflict
from daimon.api import send_examples as examples
from daimon.api.answer import Answer
from daimon.api.deferred import Alone, Deferred, Shared
from daimon.api.inboxes import InboxInPath
from daimon.api.messages import MessageInPath
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.api.scheduling import schedule, send_draft, sent
from daimon.api.send_schema import MAX_SEND_BYTES, ForwardBody, ReplyBody, SendBody
from daimon.api.sent_schema import DeliveriesView, SentView, history_view, preview_view, sent_view
from daimon.drafts.errors import DraftNotFound, TooManyDrafts
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxIsSuspended
from daimon.keys.permissions import Permission
from daimon.kit.errors import DaimonError, PayloadTooLarge, StateConflict
from daimon.kit.ids import Kind, show
from daimon.messages import service as messages
from daimon.outbound import auditing, cancelling, metrics, replying, repository, submission
from daimon.outbound.errors import BeingSent, NothingWaits, NotSentMail
from daimon.outbound.models import UNDECIDED, NewMail, Submitted
from daimon.outbound.planning import Ask
from daimon.pods.errors import PodSuspended
from daimon.quotas.errors import (
    BurstLimitExceeded,
    ConcurrencyLimitExceeded,
    DailySendsExceeded,
    PodDailySendsExceeded,
    PodMayNotSend,
    SendRequiresPaid,
)
from daimon.rules.errors import RecipientBlocked
from daimon.threads.errors import ThreadNotFound

_TAG = "sending"
ERRORS: Sequence[type[DaimonError]] = (
    AccountUnderReview,
    BurstLimitExceeded,
    ClientIdConflict,
    ConcurrencyLimitExceeded,
    DailySendsExceeded,
    InboxIsSuspended,
    PayloadTooLarge,
    PodDailySendsExceeded,
    PodMayNotSend,
    PodSuspended,
    RecipientBlocked,
    SendRequiresPaid,
)


@asynccontextmanager
async def in_turn(request: Request) -> AsyncIterator[None]:
    """Let a send count among those that run at one time, for as long as its transaction lasts."""
    limits = request.services.road.tiers[request.principal.account.tier]
    async with request.services.mailroom.leases.held(request.principal.account, limits):
        yield


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/send",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    status=202,
    other_statuses=(200,),
    errors=(*ERRORS, ThreadNotFound, DraftNotFound, StateConflict, TooManyDrafts),
    example=examples.SEND,
    around=in_turn,
    max_bytes=MAX_SEND_BYTES,
)
async def send_message(request: Request, inbox_id: InboxInPath, body: SendBody) -> Deferred[SentView]:
    """Send a mail from an inbox.

    The answer leaves once the mail is stored; what becomes of each recipient is in events and in the message's
    deliveries. With `client_id`, the same send again answers 200 with the message that it made. With `dry_run`, the
    answer says what would happen.
    """
    if body.draft_id is not None:
        return Alone(partial(send_draft, request, inbox_id, body))
    if body.send_at is not None and not body.dry_run:
        return Alone(partial(schedule, request, inbox_id, body))
    return await _send(request, inbox_id, body.to_domain(), dry_run=body.dry_run)


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/reply",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    status=202,
    other_statuses=(200,),
    errors=ERRORS,
    example=examples.REPLY,
    around=in_turn,
    max_bytes=MAX_SEND_BYTES,
)
async def reply_to_message(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, body: ReplyBody
) -> Deferred[SentView]:
    """Answer whom a message is from, in its thread."""
    return await _answer(request, inbox_id, message_id, body, to_all=False)


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/reply-all",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    status=202,
    other_statuses=(200,),
    errors=ERRORS,
    example=examples.REPLY_ALL,
    around=in_turn,
    max_bytes=MAX_SEND_BYTES,
)
async def reply_all_to_message(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, body: ReplyBody
) -> Deferred[SentView]:
    """Answer whom a message is from, and all others whom it went to."""
    return await _answer(request, inbox_id, message_id, body, to_all=True)


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/forward",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    status=202,
    other_statuses=(200,),
    errors=ERRORS,
    example=examples.FORWARD,
    around=in_turn,
    max_bytes=MAX_SEND_BYTES,
)
async def forward_message(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, body: ForwardBody
) -> Deferred[SentView]:
    """Hand a message on, with its attachments, below what the body says."""
    wish = body.to_domain()
    scope = request.principal.scope
    async with request.reading() as db:
        parent = await messages.get(db, scope, inbox_id, message_id)
        attached = await messages.attached(db, scope, inbox_id, parent)
    return await _send(request, inbox_id, replying.forward(parent, wish, attached), dry_run=body.dry_run)


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/cancel",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    errors=(NotSentMail, BeingSent, NothingWaits),
    example=examples.CANCEL,
)
async def cancel_message(request: Request, inbox_id: InboxInPath, message_id: MessageInPath) -> Answer[SentView]:
    """Take back a sent message: from each recipient who still waits for it.

    Whoever is `cancelled` in the answer is sent nothing any more. Whom a worker is sending to at this moment stays as
    he is: ask again. Where nobody is cancelled it is 409, with the code `MESSAGE_IN_FLIGHT` or `MESSAGE_DECIDED`. To
    repeat the call is harmless.
    """
    cancelled = await cancelling.cancel(request.db, request.principal.scope, inbox_id, message_id, now=request.now)
    if cancelled.recipients:
        request.change = auditing.change_of_cancelling(cancelled)
        request.after_commit = partial(metrics.cancelled, len(cancelled.recipients))
    return Answer(sent_view(cancelled.message), _after_cancelling(cancelled.message))


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/deliveries",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    example=examples.DELIVERIES,
)
async def list_message_deliveries(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath
) -> Answer[DeliveriesView]:
    """Show what became of each recipient of a sent message, attempt by attempt."""
    message = await messages.get(request.db, request.principal.scope, inbox_id, message_id)
    deliveries = await repository.deliveries_of(request.db, request.principal.scope, message.id)
    return Answer(DeliveriesView([history_view(each) for each in deliveries]))


def _after_cancelling(message: Submitted) -> list[str]:
    path = f"/v1/inboxes/{show(Kind.INBOX, message.inbox_id)}/messages/{show(Kind.MESSAGE, message.id)}"
    steps = []
    if sending := sum(each.status in UNDECIDED for each in message.recipients):
        steps.append(f"{sending} of the recipients are being sent to just now; try again soon: POST {path}/cancel")
    if doubtful := sum(map(cancelling.may_have_it, message.recipients)):
        steps.append(f"{doubtful} of those cancelled may have it from an attempt before: see `ambiguous` there")
    return [*steps, f"See what became of each: GET {path}/deliveries"]


async def _answer(
    request: Request, inbox_id: UUID | str, message_id: UUID, body: ReplyBody, *, to_all: bool
) -> Deferred[SentView]:
    wish = body.to_domain()
    scope = request.principal.scope
    async with request.reading() as db:
        own = (await inboxes.get(db, scope, inbox_id)).email
        parent = await messages.get(db, scope, inbox_id, message_id)
    return await _send(request, inbox_id, replying.reply(parent, wish, own=own, to_all=to_all), dry_run=body.dry_run)


async def _send(request: Request, inbox_id: UUID | str, wish: NewMail, *, dry_run: bool) -> Deferred[SentView]:
    """Compose a mail with nothing locked, and leave it to be written together with others."""
    if dry_run:
        return Alone(partial(_preview, request, inbox_id, wish))
    who, services = request.principal, request.services
    if wish.client_id is not None:
        async with request.reading() as db:
            if earlier := await submission.earlier(db, who, wish):
                return Alone(partial(_as_before, request, earlier))
    ask = Ask(who, inbox_id, wish)
    plan = await services.mailroom.planner.plan(ask)
    return Shared(await submission.compose(ask, plan, road=services.road, now=request.now), partial(sent, request))


async def _preview(request: Request, inbox_id: UUID | str, wish: NewMail) -> Answer[SentView]:
    who, road = request.principal, request.services.road
    preview = await submission.preview(request.db, who, inbox_id, wish, road=road, now=request.now)
    return Answer(preview_view(preview), ["Send the same request without dry_run."], status=200)


async def _as_before(request: Request, submitted: Submitted) -> Answer[SentView]:
    return sent(request, submitted)
