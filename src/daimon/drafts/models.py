"""Drafts, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import UnsetType

from daimon.kit.written import Ours
from daimon.mail.parsed import Mailbox
from daimon.outbound.models import NewMail

FURTHEST = timedelta(days=366)  # that a mail may be put off
TRIED_FOR = timedelta(hours=72)  # after its moment, while something that passes is in the way
SENT_KEPT = timedelta(days=30)


class DraftStatus(StrEnum):
    """`scheduled`: it is sent at `send_at`. `failed`: it could not be, and `error` says why."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENT = "sent"
    FAILED = "failed"


class DraftFile(msgspec.Struct, frozen=True):
    """What is shown of a file without its content."""

    filename: str | None
    content_type: str
    size: int
    content_id: str | None


class DraftSummary(msgspec.Struct, frozen=True):
    """What a list shows of a draft's content."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    subject: str
    preview: str
    attachments: tuple[DraftFile, ...]


class DraftError(msgspec.Struct, frozen=True):
    """Why a draft was not sent, as the API would have said it."""

    error: Ours
    message: str


class Draft(msgspec.Struct, frozen=True):
    """One row of `drafts`; `content` is None in a list."""

    id: UUID
    account_id: UUID
    inbox_id: UUID
    status: DraftStatus
    send_at: datetime | None
    summary: DraftSummary
    content: NewMail | None
    message_id: UUID | None
    error: DraftError | None
    client_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewDraft:
    """What a create asks for."""

    mail: NewMail
    send_at: datetime | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class DraftChange:
    """What a PATCH asks for: fields of the mail by their names, and when to send it; UNSET leaves that as it is."""

    fields: dict[str, object]
    send_at: datetime | UnsetType | None


@dataclass(frozen=True, slots=True)
class DraftQuery:
    """Which drafts a list shows, the newest first."""

    limit: int
    cursor: str | None = None
    status: DraftStatus | None = None
