"""Threads, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Thread(msgspec.Struct, frozen=True):
    """One row of `threads`, with the pod of its inbox."""

    id: UUID
    inbox_id: UUID
    pod_id: UUID | None
    subject: str
    participants: list[str]
    labels: list[str]
    message_count: int
    unread_count: int
    last_message_at: datetime
    preview: str
    created_at: datetime
    updated_at: datetime


class Order(StrEnum):
    """Which way a list runs."""

    NEWEST = "desc"
    OLDEST = "asc"


@dataclass(frozen=True, slots=True)
class ThreadQuery:
    """Which threads a list shows. `inbox` is an id or an address; None means every inbox of the scope."""

    limit: int
    cursor: str | None = None
    inbox: UUID | str | None = None
    pod_id: UUID | None = None
    label: str | None = None
    unread: bool | None = None
    before: datetime | None = None
    after: datetime | None = None
    q: str | None = None
    order: Order = Order.NEWEST
