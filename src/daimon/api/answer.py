"""What a handler returns: a result in the envelope, octets as they are, or a stream of them."""

from collections.abc import AsyncGenerator, Sequence
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
class Streamed:
    """A body that is made while it is sent. What it needs it takes itself, and gives back when it is closed."""

    chunks: AsyncGenerator[bytes, None]
    content_type: str
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What goes on the wire: a body, or a stream instead of it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    stream: AsyncGenerator[bytes, None] | None = None
