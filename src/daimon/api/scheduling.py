"""Sends that are drafts first, or wait for their moment; and the answer to every send."""

from uuid import UUID

from msgspec import UNSET

from daimon.api.answer import Answer
from daimon.api.render import rate_headers
from daimon.api.request import Request
from daimon.api.schema import in_utc, read_id
from daimon.api.send_schema import SendBody
from daimon.api.sent_schema import SentView, scheduled_view, sent_view
from daimon.audit.models import Change
from daimon.drafts import service as drafts
from daimon.drafts.models import Draft, DraftChange, DraftStatus
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind, show
from daimon.outbound import auditing, queue, repository
from daimon.outbound.models import Submitted
from daimon.quotas import sends

_FIELDS = (
    "to", "cc", "bcc", "reply_to", "subject", "body_text", "body_html", "headers", "attachments", "labels",
    "in_reply_to", "references", "thread_id",
)  # fmt: skip


async def schedule(request: Request, inbox_id: UUID | str, body: SendBody) -> Answer[SentView]:
    """Keep a mail until its moment. Whether the account may send at all is looked at now already."""
    who = request.principal
    sends.check_may_send(who.account, request.services.road.tiers[who.account.tier])
    draft, fresh = await drafts.create(request.db, who.scope, inbox_id, body.to_draft(), now=request.now)
    if draft.status is DraftStatus.SENT and draft.message_id:
        earlier = await repository.submitted(request.db, who.scope, draft.message_id)
        return Answer(sent_view(earlier), status=200)
    if fresh:
        request.change = change_of(draft)
    steps = [f"Change it or take it back until then: PATCH or DELETE {path_of(draft)}"]
    return Answer(scheduled_view(draft), steps, status=202 if fresh else 200)


async def send_draft(request: Request, inbox_id: UUID | str, body: SendBody) -> Answer[SentView]:
    """Send a draft, or schedule it, after the changes that the body makes."""
    if body.dry_run:
        raise Invalid.field("dry_run", "is not for drafts; send their fields instead of `draft_id`")
    if body.client_id is not None:
        raise Invalid.field("client_id", "is not for drafts, which are sent once anyway")
    draft_id = read_id(Kind.DRAFT, body.draft_id, "draft_id")
    assert draft_id is not None
    who, now = request.principal, request.now
    given = body.to_domain()
    fields = {name: value for name in _FIELDS if (value := getattr(given, name))}
    if fields or body.send_at is not None:
        send_at = UNSET if body.send_at is None else in_utc(body.send_at, "send_at")
        _, draft = await drafts.change(request.db, who.scope, inbox_id, draft_id, DraftChange(fields, send_at), now=now)
        if body.send_at is not None:
            request.change = change_of(draft)
            return Answer(scheduled_view(draft))
    return sent(request, await drafts.send(request.db, who, inbox_id, draft_id, road=request.services.road, now=now))


def sent(request: Request, submitted: Submitted) -> Answer[SentView]:
    """Return the answer to a send, and have the queue looked at once it is committed."""
    message = f"/v1/inboxes/{show(Kind.INBOX, submitted.inbox_id)}/messages/{show(Kind.MESSAGE, submitted.id)}"
    steps = [f"See what becomes of it: GET {message}/deliveries"]
    if not submitted.fresh:
        return Answer(sent_view(submitted), steps, status=200)
    request.change = auditing.change_of(submitted)
    request.after_commit = lambda: request.services.posts.ring(queue.READY)
    return Answer(sent_view(submitted), steps, headers=rate_headers(submitted.rate_limit))


def change_of(draft: Draft, before: Draft | None = None) -> Change:
    """Return what the audit trail tells of a draft; what it says is not the trail's business."""
    earlier = None if before is None else _state(before)
    return Change(show(Kind.DRAFT, draft.id), earlier, _state(draft), inbox_id=draft.inbox_id)


def path_of(draft: Draft) -> str:
    """Return the path of a draft."""
    return f"/v1/inboxes/{show(Kind.INBOX, draft.inbox_id)}/drafts/{show(Kind.DRAFT, draft.id)}"


def _state(draft: Draft) -> dict[str, object]:
    return {"status": draft.status, "send_at": draft.send_at and draft.send_at.isoformat()}
