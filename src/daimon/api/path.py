"""Typed path parameters. A text that was never such an id is that kind's 404, as an id never issued would be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxNotFound
from daimon.kit import ids
from daimon.kit.errors import NotFound

_LONGEST_ADDRESS = 320

# Tells whether a scope reaches the object that the path's values name, up to and with this parameter's.
Find = Callable[[Connection, Scope, tuple[Any, ...]], Awaitable[object]]


class PathParam(Protocol):
    """How one `{name}` of a path is read; given as `Annotated[type, PathParam]` in the handler."""

    missing: type[NotFound]
    description: str
    example: str
    find: Any  # a Find, or None

    def read(self, text: str) -> Any:
        """Return the value. Raises the kind's NotFound."""


@dataclass(frozen=True, slots=True)
class PathId:
    """An id of one kind, such as `msg_…`."""

    kind: ids.Kind
    missing: type[NotFound]
    description: str
    find: Find | None = None

    @property
    def example(self) -> str:
        """Return an id of this kind for the reference."""
        return f"{self.kind.value}_0198c5f2a7d47c3e8f0a1b2c3d4e5f60"

    def read(self, text: str) -> UUID:
        """Return the id in a path. Raises the kind's NotFound."""
        found = ids.read(self.kind, text)
        if found is None:
            raise self.missing
        return found


@dataclass(frozen=True, slots=True)
class PathInbox:
    """An inbox, by its id or by its address."""

    missing: type[NotFound] = InboxNotFound
    description: str = "The inbox's id, or its address."
    example: str = "inbox_0198c5f2a7d47c3e8f0a1b2c3d4e5f60"

    def read(self, text: str) -> UUID | str:
        """Return the id, or the address in lower case. Raises InboxNotFound for what is neither."""
        if "@" in text and "\x00" not in text and len(text) <= _LONGEST_ADDRESS:
            return text.lower()
        found = ids.read(ids.Kind.INBOX, text)
        if found is None:
            raise InboxNotFound
        return found

    async def find(self, db: Connection, scope: Scope, values: tuple[Any, ...]) -> object:
        """Look for the inbox. Raises InboxNotFound."""
        return await inboxes.get(db, scope, values[0])
