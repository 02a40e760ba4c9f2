"""Messages, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from daimon.mail.auth_results import AuthResults
from daimon.messages.content import Detail, Summary

BLOCKED = "blocked"  # the status, and a label, of a mail that a rule keeps aside


class Direction(StrEnum):
    """Which way a message went."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Sort(StrEnum):
    """Which way a list runs."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Message(msgspec.Struct, frozen=True):
    """One row of `messages` with its contents; `detail` is None where a list leaves it out."""

    id: UUID
    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID
    thread_id: UUID
    direction: Direction
    status: str
    raw_id: UUID
    from_address: str | None
    from_name: str | None
    subject: str
    message_id: str | None
    labels: list[str]
    read: bool
    preview: str
    size: int
    sent_at: datetime | None
    received_at: datetime
    summary: Summary
    detail: Detail | None
    authentication: AuthResults | None = None  # None: nobody looked

    @property
    def is_blocked(self) -> bool:
        """Whether a rule keeps it aside."""
        return self.status == BLOCKED


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a long poll found, and the number of the event that told of it, if that is among the latest."""

    message: Message
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Original:
    """A mail as it was received, and where it lies."""

    octets: bytes
    inbox_id: UUID
    pod_id: UUID | None


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """Which messages of an inbox a list shows. Times are of receipt; `q` is looked for in sender, subject, preview."""

    limit: int
    cursor: str | None = None
    sort: Sort = Sort.NEWEST
    label: str | None = None
    unread: bool | None = None
    thread_id: UUID | None = None
    before: datetime | None = None
    after: datetime | None = None
    from_: str | None = None
    q: str | None = None
    direction: Direction | None = None
    with_detail: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """Which message a long poll waits for: one told behind a number of the account's sequence, or one with a later id.

    Without either, the oldest unread one.
    """

    after: UUID | None = None
    behind: int | None = None
    from_: str | None = None
    subject: str | None = None
    has_code: bool | None = None


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """Which messages of an inbox a claim takes."""

    label: str | None = None
    from_: str | None = None
    subject: str | None = None
    thread_id: UUID | None = None
    has_code: bool | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that its claimer alone holds until a moment."""

    message: Message
    lease_id: UUID
    claim_count: int
    leased_until: datetime


class MessageChange(msgspec.Struct, frozen=True):
    """What a PATCH asks for; UNSET leaves a field as it is."""

    labels: list[str] | msgspec.UnsetType = msgspec.UNSET
    read: bool | msgspec.UnsetType = msgspec.UNSET
