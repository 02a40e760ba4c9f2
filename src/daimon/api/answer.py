"""What a handler returns: a result in the envelope, or octets as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A result and the next useful calls. `status` is the operation's own unless it is given."""

    result: T
    next_steps: Sequence[str] = ()
    status: int | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Octets:
    """A body that is not an envelope: a raw mail, an attachment, a page."""

    content: bytes
    content_type: str
    status: int | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What goes on the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
