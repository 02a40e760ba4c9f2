"""Each endpoint is declared once, by `@operation` on its handler. Route, validation, OpenAPI document, permission
matrix, SDK methods, CLI commands and MCP tools are made from what stands there.

A handler takes the request, one argument for each `{name}` of the path, and, if the operation has them, `body` and
`query`: msgspec Structs that are read and checked before it is called. It returns an Answer, Octets, Streamed, or what
is Deferred.
"""

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union

import msgspec

from daimon.api.answer import Answer, Octets, Streamed
from daimon.api.body import MAX_BODY_BYTES, BodyReader
from daimon.api.deferred import Deferred
from daimon.api.path import PathParam
from daimon.api.query import QueryReader
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import DaimonError

Handler = Callable[..., Awaitable[Answer[Any] | Octets | Streamed | Deferred[Any]]]
Before = Callable[..., Awaitable[None]]
Around = Callable[[Any], AbstractAsyncContextManager[None]]
H = TypeVar("H", bound=Handler)

OPERATIONS: list["Operation"] = []
_WITH_BODY = ("POST", "PUT", "PATCH")
_PARAM = re.compile(r"\{(\w+)\}")


class Lend(Enum):
    """What `request.db` is while a handler runs."""

    NOTHING = "nothing"
    READ = "read"
    TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True)
class Example:
    """A request body and the result it gets, as the reference shows them."""

    result: object = None
    body: object = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    permission: Permission | None  # None: any key that reaches this far will do
    reach: KeyScope | None  # the narrowest key that reaches this far; None: keys are not looked at
    anonymous: bool  # works without a key too
    owner: bool  # for a key that stands for the account itself: all permissions, and of members an owner's
    unrestricted: bool  # for a key that may do everything in the whole account
    personal: bool  # a member may call it about his own keys, whatever his roles are
    when_closed: bool  # a write that works in an account that is suspended or deleted too
    lend: Lend
    defers: bool  # returns what is to be written
    before: Before | None  # is called with what the handler is, before a transaction is opened
    around: Around | None  # is entered with the request before anything is lent, and left after the commit
    no_sooner: float  # seconds from the request before which no success is answered, so that time tells nothing
    status: int
    other_statuses: tuple[int, ...]  # of answers too, such as 200 for an object that was there already
    errors: tuple[type[DaimonError], ...]
    example: Example
    tag: str
    params: tuple[tuple[str, PathParam], ...]
    body: BodyReader | None  # None: a body, if one comes, is not read
    query: QueryReader
    takes: tuple[str, ...]  # what the handler's parameters after the path's are: `body`, `query`
    result: Any  # the type in the envelope; Octets where there is none
    content_type: str  # of the answer
    also: str | None  # another content type, that clients may ask for
    summary: str
    description: str

    @property
    def name(self) -> str:
        """Return the name that the OpenAPI document, SDK and CLI know it by."""
        return self.handler.__name__


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    permission: Permission | None = None,
    reach: KeyScope | None = KeyScope.INBOX,
    anonymous: bool = False,
    owner: bool = False,
    unrestricted: bool = False,
    personal: bool = False,
    when_closed: bool = False,
    lend: Lend | None = None,
    before: Before | None = None,
    around: Around | None = None,
    max_bytes: int = MAX_BODY_BYTES,
    no_sooner: float = 0.0,
    status: int = 200,
    other_statuses: Sequence[int] = (),
    errors: Sequence[type[DaimonError]] = (),
    example: Example | None = None,
    content_type: str = "application/json",
    also: str | None = None,
    registry: list[Operation] | None = None,
) -> Callable[[H], H]:
    """Declare a handler as the operation at `method path`.

    Writes run in one transaction that commits before the answer leaves, reads on a connection of their own, unless
    `lend` says otherwise. Nothing is lent to a handler that returns what is Deferred; it takes what it needs.
    """

    def declare(handler: H) -> H:
        types = typing.get_type_hints(handler, include_extras=True)
        (OPERATIONS if registry is None else registry).append(
            Operation(
                method=method,
                path=path,
                handler=handler,
                permission=permission,
                reach=reach,
                anonymous=anonymous,
                owner=owner,
                unrestricted=unrestricted,
                personal=personal,
                when_closed=when_closed,
                before=before,
                around=around,
                no_sooner=no_sooner,
                lend=Lend.NOTHING if _defers(types["return"]) else lend or _usual(method),
                defers=_defers(types["return"]),
                status=status,
                other_statuses=tuple(other_statuses),
                errors=tuple(errors),
                example=example or Example(),
                tag=tag,
                params=tuple((name, _param(types[name])) for name in _PARAM.findall(path)),
                body=_body(types, method, max_bytes),
                query=QueryReader(types.get("query", Empty)),
                takes=tuple(name for name in ("body", "query") if name in types),
                result=_result(types["return"]),
                content_type=content_type,
                also=also,
                summary=_summary(handler),
                description=_description(handler),
            )
        )
        return handler

    return declare


def _usual(method: str) -> Lend:
    return Lend.READ if method == "GET" else Lend.TRANSACTION


def _defers(hint: Any) -> bool:
    return typing.get_origin(hint) is Deferred


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body or query of an operation that takes none."""


def _body(types: dict[str, Any], method: str, max_bytes: int) -> BodyReader | None:
    has_one = "body" in types or method in _WITH_BODY
    return BodyReader(types.get("body", Empty), max_bytes) if has_one else None


def _param(hint: Any) -> PathParam:
    param: PathParam = hint.__metadata__[0]
    return param


def _result(hint: Any) -> Any:
    """Return the type in the envelope of what a handler returns, Octets if it makes none."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (Union, UnionType) else (hint,)
    return next((typing.get_args(each)[0] for each in options if typing.get_origin(each) in (Answer, Deferred)), Octets)


def _summary(handler: Handler) -> str:
    return (inspect.getdoc(handler) or "").partition("\n")[0].rstrip(".")


def _description(handler: Handler) -> str:
    return (inspect.getdoc(handler) or "").partition("\n")[2].strip()
