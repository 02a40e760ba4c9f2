"""What the audit trail tells of one change."""

from collections.abc import Mapping
from dataclasses import dataclass
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
