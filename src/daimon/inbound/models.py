"""What SMTP hands over, and whom a forward-path reaches."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.inboxes.arrival import Understood
from daimon.mail.auth_results import AuthResults
from daimon.mail.envelope import Envelope


class Recipient(msgspec.Struct, frozen=True):
    """A forward-path that reaches an inbox here."""

    address: str  # as the sender wrote it, `+tag` and case included
    account_id: UUID
    inbox_id: UUID


class Peer(msgspec.Struct, frozen=True):
    """Who spoke to us: the client's address and its HELO/EHLO name, and whether TLS was on."""

    ip: str
    helo: str
    tls: bool


class Accepted(msgspec.Struct, frozen=True):
    """A mail at end of data: everything that has to be durable before `250`."""

    envelope: Envelope
    recipients: tuple[Recipient, ...]
    octets: bytes
    peer: Peer
    received_at: datetime


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """An accepted mail, envelope and octets."""

    account_id: UUID
    id: UUID
    mail_from: str | None
    recipients: tuple[tuple[str, UUID], ...]  # address as written, inbox
    peer_ip: str
    helo: str
    size: int
    received_at: datetime
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail of the queue, what was read out of it, and what DNS says of it; None if nobody asks."""

    mail: QueuedMail
    content: Understood
    authentication: AuthResults | None = None
