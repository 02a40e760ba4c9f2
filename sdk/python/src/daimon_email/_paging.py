"""Lists: one page, and the way to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable, ClassVar, Generic, TypeVar

from daimon_email import _flow
from daimon_email._flow import Flow, Request
from daimon_email._reading import decode
from daimon_email._result import Reader, Result
from daimon_email.errors import UnexpectedAnswer

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Listing(Generic[R]):
    """One page of a list as the server sent it; `told` is what it tells besides its items."""

    result: list[R]
    next_steps: list[str]
    told: Mapping[str, Any]
    following: Callable[[], Flow[Listing[R]]]


class PageData(Generic[R]):
    """A page of a list."""

    _reads: ClassVar[Mapping[str, Reader]] = {}  # what a page tells besides what all pages do

    def __init__(self, listing: Listing[R]) -> None:
        self.result = listing.result
        self.next_steps = listing.next_steps
        self.next_cursor: str | None = listing.told.get("next_cursor")
        self.has_more: bool = bool(self.next_cursor) and listing.told.get("has_more", True)
        self.limit: int | None = listing.told.get("limit")
        self.offset: int | None = listing.told.get("offset")
        self._total: int | None = listing.told.get("total")
        self._following = listing.following
        for name, read in self._reads.items():
            value = listing.told.get(name)
            setattr(self, name, None if value is None else read(value))

    @property
    def total(self) -> int:
        """How many there are on all pages. Raises AttributeError where nobody counts them: messages and threads."""
        if self._total is None:
            raise AttributeError("this list does not count its items; iterate over it")
        return self._total

    def __len__(self) -> int:
        return len(self.result)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.result)}{', and more' if self.has_more else ''}>"


def fetch_page(request: Request, name: str, model: type[R], max_retries: int) -> Flow[Listing[R]]:
    """Ask for a page. `name` is where its items stand in the answer."""
    answer = yield from _flow.ask(request, max_retries)
    envelope = _flow.open_envelope(answer)
    page = envelope.result
    if not isinstance(page, dict) or not isinstance(page.get(name), list):
        raise UnexpectedAnswer(f"The answer has no list of {name}.", status=answer.status)
    rest = {key: value for key, value in request.query.items() if key != "offset"}
    following = replace(request, query={**rest, "cursor": page.get("next_cursor")})
    return Listing(
        result=[decode(model, each) for each in page[name]],
        next_steps=envelope.next_steps,
        told=page,
        following=lambda: fetch_page(following, name, model, max_retries),
    )
