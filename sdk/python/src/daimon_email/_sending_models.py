"""What calls about sending and drafts return."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Optional

from daimon_email._result import Result


@dataclass(frozen=True)
class Mailbox:
    """An address with its display name, if it has one."""

    address: str
    name: Optional[str] = None


@dataclass(frozen=True)
class SentRecipient:
    """One recipient of a message, and how it stands with him."""

    address: str
    kind: str
    status: str


@dataclass(frozen=True)
class SentMessage(Result):
    """A message that will be sent. Of a dry run there is none, and so no ids."""

    inbox_id: str
    status: str
    size: int
    recipients: list[SentRecipient]
    id: Optional[str] = None
    message_id: Optional[str] = None
    thread_id: Optional[str] = None
    dry_run: bool = False
    sends_left_today: Optional[int] = None
    draft_id: Optional[str] = None
    send_at: Optional[datetime] = None


@dataclass(frozen=True)
class DeliveryAttempt:
    """One try to hand a message over; `outcome` is how it stood with the recipient afterwards."""

    at: datetime
    duration_ms: int
    outcome: str
    ambiguous: bool
    host: Optional[str] = None
    address: Optional[str] = None
    tls: Optional[str] = None
    code: Optional[int] = None
    enhanced_status: Optional[str] = None
    reply: Optional[str] = None
    scope: Optional[str] = None


@dataclass(frozen=True)
class RecipientHistory:
    """What became of one recipient of a message."""

    id: str
    recipient: str
    kind: str
    status: str
    created_at: datetime
    updated_at: datetime
    attempts: list[DeliveryAttempt]
    next_attempt_at: Optional[datetime] = None


@dataclass(frozen=True)
class Deliveries(Result):
    """All recipients of a message."""

    deliveries: list[RecipientHistory]


@dataclass(frozen=True)
class DraftFile:
    """A file of a draft, without its content."""

    content_type: str
    size: int
    filename: Optional[str] = None
    content_id: Optional[str] = None


@dataclass(frozen=True)
class DraftError:
    """Why a draft was not sent."""

    error: str
    message: str


@dataclass(frozen=True)
class Draft(Result):
    """A draft. Lists leave out bodies, headers and what it refers to."""

    id: str
    inbox_id: str
    status: str
    subject: str
    preview: str
    created_at: datetime
    updated_at: datetime
    to: list[Mailbox] = field(default_factory=list)
    cc: list[Mailbox] = field(default_factory=list)
    bcc: list[Mailbox] = field(default_factory=list)
    attachments: list[DraftFile] = field(default_factory=list)
    send_at: Optional[datetime] = None
    sent_message_id: Optional[str] = None
    error: Optional[DraftError] = None
    client_id: Optional[str] = None
    body: Optional[str] = None
    body_html: Optional[str] = None
    reply_to: list[Mailbox] = field(default_factory=list)
    headers: Optional[dict[str, str]] = None
    labels: list[str] = field(default_factory=list)
    in_reply_to: Optional[str] = None
    references: list[str] = field(default_factory=list)
    thread_id: Optional[str] = None
