"""Whose rows a query may touch. A repository cannot be made without one, so a query without a tenant does not exist."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """An account, narrowed to some of its pods or to one inbox of it when these are set."""

    account_id: UUID
    pod_ids: tuple[UUID, ...] | None = None
    inbox_id: UUID | None = None

    @property
    def pod_id(self) -> UUID | None:
        """The pod, if the scope is exactly one."""
        return self.pod_ids[0] if self.pod_ids and len(self.pod_ids) == 1 else None

    @property
    def is_account(self) -> bool:
        """Whether nothing of the account is left out."""
        return self.pod_ids is None and self.inbox_id is None
