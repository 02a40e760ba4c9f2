"""What the pages behind single-use links share."""

from dataclasses import dataclass
from typing import Annotated, Any

from daimon.accounts.errors import LinkInvalid
from daimon.api import render
from daimon.api.answer import Answer, Octets
from daimon.api.page import page
from daimon.api.request import Request
from daimon.kit.errors import DaimonError, NotFound


@dataclass(frozen=True, slots=True)
class PathLink:
    """The secret part of a link; the handler says in the reader's language that it is no such link."""

    missing: type[NotFound] = LinkInvalid
    description: str = "The secret part of the link."
    example: str = "Vq8xJ2mN0cRkT5yB7wZfHsLdPgUaEiOoYrXtKqMnAbC"
    find: None = None

    def read(self, text: str) -> str:
        """Return the text as it is."""
        return text


LinkInPath = Annotated[str, PathLink()]


def takes_json(request: Request) -> bool:
    """Tell whether the client asks for JSON by name; a browser, and curl left alone, do not."""
    return b"application/json" in request.headers.get(b"accept", b"").lower()


def refused(request: Request, error: DaimonError) -> Octets:
    """Return the page that says why a link does not work; raise the error itself to a client that asks for JSON."""
    if takes_json(request):
        raise error
    return page("This link does not work", error.message, *error.steps, status=error.status)


def as_json(answer: Answer[Any]) -> Octets:
    """Return the envelope in an operation that otherwise answers with pages."""
    return Octets(render.answer(answer, 200).body, render.JSON.decode(), headers=[(b"cache-control", b"no-store")])
