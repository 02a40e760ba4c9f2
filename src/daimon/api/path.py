"""Typed path parameters. A text that was never such an id is that kind's 404, as an id never issued would be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.errors import NotFound

# Tells whether a scope reaches the object that the path's values name, up to and with this parameter's.
Find = Callable[[Connection, Scope, tuple[Any, ...]], Awaitable[object]]


class PathParam(Protocol):
    """How one `{name}` of a path is read; given as `Annotated[type, PathParam]` in the handler."""

    missing: type[NotFound]
    description: str
    example: str
    find: Find | None

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
