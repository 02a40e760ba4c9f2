"""What a handler that writes nothing itself leaves to be written."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from daimon.api.answer import Answer
from daimon.outbound.models import Submitted
from daimon.outbound.writing import Prepared

T = TypeVar("T")


class Deferred(Generic[T]):
    """One of the two below; the answer is known once it is written."""


@dataclass(frozen=True, slots=True)
class Alone(Deferred[T]):
    """Work for a transaction of the request's own."""

    work: Callable[[], Awaitable[Answer[T]]]


@dataclass(frozen=True, slots=True)
class Shared(Deferred[T]):
    """A mail that is written in one transaction with those that others of its account send at this moment."""

    mail: Prepared
    answer: Callable[[Submitted], Answer[T]]
