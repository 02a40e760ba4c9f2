"""Mail that is sent: what is asked for, what becomes of each recipient, and what waits in the queue."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from daimon.kit.rate_limit import RateLimit
from daimon.mail.compose import Attachment
from daimon.mail.parsed import Mailbox

MOST_RECIPIENTS = 100
MOST_CONTENT_OCTETS = 25 << 20  # of all attachments
MOST_ATTACHMENTS = 100


class RecipientKind(StrEnum):
    """Which field names a recipient; one of Bcc is named in none that is sent."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"


class DeliveryStatus(StrEnum):
    """What became of a recipient. `sent`: a relay has it. `delivered`: the recipient's own server, or an inbox here.

    `bounced`: refused for good by the recipient's side. `failed`: given up for another reason.
    """

    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


# A message shows the first of these that one of its recipients has.
STATUS_ORDER = (
    DeliveryStatus.QUEUED,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.BOUNCED,
    DeliveryStatus.FAILED,
    DeliveryStatus.SENT,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.CANCELLED,
)
UNDECIDED = frozenset((DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED))


class NewMail(msgspec.Struct, frozen=True, kw_only=True):
    """What a send asks for. Message ids are written with angle brackets."""

    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str = ""
    body_text: str | None = None
    body_html: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    thread_id: UUID | None = None
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    labels: tuple[str, ...] = ()
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address that a mail goes to, as it was written."""

    address: str
    domain: str
    kind: RecipientKind


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand a mail over. What did not happen is None.

    `host` and `address` were connected to. `code`, `enhanced_status` and `reply` are the other server's words, or what
    went wrong without it. `scope` says what a refusal is about. `ambiguous`: the connection was lost after the whole
    mail was sent and before the answer, so it may have been accepted; or a worker was lost that had the mail in hand
    before, so it may have been sent then already.
    """

    at: datetime
    duration_ms: int
    outcome: DeliveryStatus
    host: str | None = None
    address: str | None = None
    tls: str | None = None
    code: int | None = None
    enhanced_status: str | None = None
    reply: str | None = None
    scope: str | None = None
    ambiguous: bool = False
    next_attempt_at: datetime | None = None


class Delivery(msgspec.Struct, frozen=True):
    """One row of `deliveries`."""

    id: UUID
    recipient: str
    kind: RecipientKind
    status: DeliveryStatus
    attempts: list[Attempt]
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Submitted(msgspec.Struct, frozen=True):
    """A message that was accepted to be sent."""

    id: UUID
    inbox_id: UUID
    pod_id: UUID | None
    thread_id: UUID
    message_id: str
    status: DeliveryStatus
    recipients: list[Delivery]
    size: int
    fresh: bool = True  # False: an earlier submission with the same client_id made it
    rate_limit: RateLimit | None = None


class Preview(msgspec.Struct, frozen=True):
    """What a send would do, had it been meant."""

    inbox_id: UUID
    status: DeliveryStatus
    size: int
    recipients: list[tuple[str, RecipientKind, DeliveryStatus]]
    sends_left: int | None  # None: without limit


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """One recipient of a mail that this worker has a lease on."""

    account_id: UUID
    id: UUID
    message_id: UUID | None
    inbox_id: UUID | None
    raw_id: UUID
    mail_from: str | None
    recipient: str
    destination: str
    smtputf8: bool
    size: int
    attempt_count: int
    queued_at: datetime

    @property
    def key(self) -> tuple[UUID, UUID]:
        """Return what names its row."""
        return self.account_id, self.id
