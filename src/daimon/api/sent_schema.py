"""Sent mails as clients read them: the answer to a send, and what became of each recipient."""

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from daimon.drafts.models import Draft
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show
from daimon.kit.written import Ours
from daimon.outbound.models import Attempt, Delivery, DeliveryStatus, Preview, RecipientKind, Submitted


class RecipientView(msgspec.Struct):
    """One recipient of a message, and how it stands with him."""

    address: str
    kind: RecipientKind
    status: DeliveryStatus


class SendStatus(StrEnum):
    """How a send stands: as a message does, or `scheduled`."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class SentView(msgspec.Struct):
    """A message that will be sent. `message_id` is the `Message-ID` that its recipients see.

    Of a dry run there is no message, and so no ids; it tells how many sends are left today, null without limit. A send
    that is scheduled is a draft until its moment, named by `draft_id`.
    """

    id: Ours | None
    message_id: Ours | None
    inbox_id: Ours
    thread_id: Ours | None
    status: SendStatus
    recipients: list[RecipientView]
    size: int
    dry_run: bool = False
    draft_id: Ours | UnsetType = UNSET
    send_at: Time | UnsetType = UNSET
    sends_left_today: int | UnsetType | None = UNSET


class TryView(msgspec.Struct):
    """One try to hand a message over to one recipient's server.

    `outcome` is the state that it left the recipient in. `scope` says what a refusal is about. `ambiguous`: the
    connection was lost after the whole mail was sent and before the answer, so that it may have been accepted; or a
    try before was lost together with who made it, so that the recipient may have the mail already. That a mail was
    taken back stands here too, `ambiguous` if a try before was.
    """

    at: Time
    duration_ms: int
    outcome: DeliveryStatus
    host: str | None
    address: str | None
    tls: str | None
    code: int | None
    enhanced_status: str | None
    reply: str | None
    scope: str | None
    ambiguous: bool


class RecipientHistory(msgspec.Struct):
    """What became of one recipient of a message, with every attempt, the oldest first."""

    id: Ours
    recipient: str
    kind: RecipientKind
    status: DeliveryStatus
    next_attempt_at: Time | None
    created_at: Time
    updated_at: Time
    attempts: list[TryView]


class DeliveriesView(msgspec.Struct):
    """All recipients of a message."""

    deliveries: list[RecipientHistory]


def sent_view(submitted: Submitted) -> SentView:
    """Return a submission as clients read it."""
    return SentView(
        id=show(Kind.MESSAGE, submitted.id),
        message_id=submitted.message_id,
        inbox_id=show(Kind.INBOX, submitted.inbox_id),
        thread_id=show(Kind.THREAD, submitted.thread_id),
        status=SendStatus(submitted.status),
        recipients=[RecipientView(each.recipient, each.kind, each.status) for each in submitted.recipients],
        size=submitted.size,
    )


def preview_view(preview: Preview) -> SentView:
    """Return what a send would do, as clients read it."""
    return SentView(
        id=None,
        message_id=None,
        inbox_id=show(Kind.INBOX, preview.inbox_id),
        thread_id=None,
        status=SendStatus(preview.status),
        recipients=[RecipientView(*each) for each in preview.recipients],
        size=preview.size,
        dry_run=True,
        sends_left_today=preview.sends_left,
    )


def scheduled_view(draft: Draft) -> SentView:
    """Return a send that waits for its moment, as clients read it."""
    assert draft.send_at is not None
    summary = draft.summary
    people = [(RecipientKind.TO, summary.to), (RecipientKind.CC, summary.cc), (RecipientKind.BCC, summary.bcc)]
    return SentView(
        id=None,
        message_id=None,
        inbox_id=show(Kind.INBOX, draft.inbox_id),
        thread_id=None,
        status=SendStatus.SCHEDULED,
        recipients=[RecipientView(each.address, kind, DeliveryStatus.QUEUED) for kind, some in people for each in some],
        size=0,
        draft_id=show(Kind.DRAFT, draft.id),
        send_at=rfc3339(draft.send_at),
    )


def history_view(delivery: Delivery) -> RecipientHistory:
    """Return a recipient's history as clients read it."""
    return RecipientHistory(
        id=show(Kind.DELIVERY, delivery.id),
        recipient=delivery.recipient,
        kind=delivery.kind,
        status=delivery.status,
        next_attempt_at=rfc3339_or_none(delivery.next_attempt_at),
        created_at=rfc3339(delivery.created_at),
        updated_at=rfc3339(delivery.updated_at),
        attempts=[_try_view(attempt) for attempt in delivery.attempts],
    )


def _try_view(attempt: Attempt) -> TryView:
    return TryView(
        rfc3339(attempt.at),
        attempt.duration_ms,
        attempt.outcome,
        attempt.host,
        attempt.address,
        attempt.tls,
        attempt.code,
        attempt.enhanced_status,
        attempt.reply,
        attempt.scope,
        attempt.ambiguous,
    )
