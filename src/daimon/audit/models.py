"""What the audit trail tells of one change or one read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Change:
    """What a request changed. `before` and `after` hold no secrets: an object as clients read it, or the part changed.

    A create has no `before`, a delete no `after`.
    """

    target: str  # the public id, such as `pod_…`
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    account_id: UUID | None = None  # of a request without a key: whose trail it belongs to


class ActorKind(StrEnum):
    """Who did it."""

    KEY = "key"
    MEMBER = "member"  # with a key of his own
    ANONYMOUS = "anonymous"  # without a key: a first create, the holder of a link
    OPERATOR = "operator"  # of this server, from its command line
    SYSTEM = "system"  # the server itself, such as when a time was over


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, with which key, and from where."""

    kind: ActorKind
    key_id: UUID | None = None
    member_id: UUID | None = None
    ip: str | None = None
    request_id: str | None = None


OPERATOR = Actor(ActorKind.OPERATOR)
SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of an account's trail before it has its number. `action` is the operation's name."""

    account_id: UUID
    actor: Actor
    action: str
    change: Change
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the trail. `before` and `after` are JSON, letter for letter as it was hashed."""

    account_id: UUID
    number: int  # 1, 2, 3, … in each account, without a gap
    id: UUID
    at: datetime
    actor: str
    key_id: UUID | None
    member_id: UUID | None
    ip: str | None
    request_id: str | None
    action: str
    target: str | None
    pod_id: UUID | None
    inbox_id: UUID | None
    before: str | None
    after: str | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of an account's chain, and what came before its oldest row that is still kept."""

    account_id: UUID
    number: int
    hash: bytes
    kept_after: int = 0
    kept_hash: bytes = b""
