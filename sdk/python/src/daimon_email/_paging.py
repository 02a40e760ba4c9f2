"""Lists: one page, and the way to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Generic, TypeVar

from daimon_email import _flow
from daimon_email._calls.common import as_model
from daimon_email._config import Config
from daimon_email._flow import Envelope, Flow, Request
from daimon_email.errors import UnexpectedAnswer
from daimon_email.models import Result

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Listing(Generic[R]):
    """One page of a list as the server sent it."""

    result: list[R]
    next_steps: list[str]
    has_more: bool
    next_cursor: str | None
    total: int | None  # of small collections alone: inboxes
    limit: int | None
    offset: int | None
    following: Callable[[], Flow[Listing[R]]]


class PageData(Generic[R]):
    """A page of a list."""

    def __init__(self, listing: Listing[R]) -> None:
        self.result = listing.result
        self.next_steps = listing.next_steps
        self.has_more = listing.has_more
        self.next_cursor = listing.next_cursor
        self.limit = listing.limit
        self.offset = listing.offset
        self._total = listing.total
        self._following = listing.following

    @property
    def total(self) -> int:
        """How many there are on all pages. Raises AttributeError where nobody counts them: messages and threads."""
        if self._total is None:
            raise AttributeError("this list does not count its items; iterate over it")
        return self._total

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.result)}{', and more' if self.has_more else ''}>"


def fetch_page(config: Config, path: str, query: dict[str, Any], name: str, model: type[R]) -> Flow[Listing[R]]:
    """Ask for a page. `name` is where its items stand in the answer."""
    answer = yield from _flow.ask(Request("GET", path, query), config.max_retries)
    envelope = _flow.open_envelope(answer)
    page = envelope.result
    if not isinstance(page, dict) or not isinstance(page.get(name), list):
        raise UnexpectedAnswer(f"The answer has no list of {name}.", status=answer.status)
    cursor = page.get("next_cursor")
    rest = {key: value for key, value in query.items() if key != "offset"}
    return Listing(
        result=[as_model(Envelope(each, []), model) for each in page[name]],
        next_steps=envelope.next_steps,
        has_more=bool(cursor) and page.get("has_more", True),
        next_cursor=cursor,
        total=page.get("total"),
        limit=page.get("limit"),
        offset=page.get("offset"),
        following=lambda: fetch_page(config, path, {**rest, "cursor": cursor}, name, model),
    )
