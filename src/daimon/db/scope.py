"""Whose rows a query may touch. A repository cannot be made without one, so a query without a tenant does not exist."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """An account, narrowed to one pod or to one inbox of it when these are set."""

    account_id: UUID
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
