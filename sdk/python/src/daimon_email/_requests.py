"""What the generated calls make requests of."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Union
from urllib.parse import parse_qsl, quote, urlsplit

from daimon_email._files import sent_files
from daimon_email._flow import Request
from daimon_email._json import in_json, text_of_day

Moment = Union[str, datetime]
Day = Union[str, date]
Addresses = Union[str, Sequence[str]]


class Unset:
    """The type of UNSET: the argument was not given, and what it stands for stays as it is."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


def seg(value: str) -> str:
    """Return an id or an address as a segment of a path. Raises TypeError, and ValueError for what leads elsewhere."""
    if not isinstance(value, str):
        raise TypeError(f"an id or an address is a str, not {type(value).__name__}")
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} is not an id")
    return quote(value, safe="@")


def get(path: str, **query: Any) -> Request:
    """Return a GET with the parameters that were given."""
    return Request("GET", path, _query(query))


def linked(url: str) -> Request:
    """Return a GET of a link, at the base URL: the public one may be out of reach from here, or have another path."""
    link = urlsplit(url)
    return Request("GET", f"/v1/{link.path.partition('/v1/')[2]}", dict(parse_qsl(link.query)))


def delete(path: str, **query: Any) -> Request:
    """Return a DELETE. Not repeated where it may be done already: the second try would find nothing."""
    return Request("DELETE", path, _query(query), repeatable=False)


def write(verb: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None, **query: Any) -> Request:
    """Return a POST, PATCH or PUT. A POST has a key by which repeating it does it once."""
    headers = {"Idempotency-Key": _idempotency_key(key)} if verb == "POST" else {}
    return Request(verb, path, _query(query), body=None if body is None else in_json(body), headers=headers)


def fields(given: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a body: of `given` what is not None, of `changes` what is not UNSET. `from_` is the field `from`."""
    body = {name.rstrip("_"): _sent(name, value) for name, value in given.items() if value is not None}
    for name, value in (changes or {}).items():
        if value is not UNSET:
            body[name.rstrip("_")] = _sent(name, value)
    return body


def commas(names: Sequence[str] | None) -> str | None:
    """Return several names as one parameter."""
    return None if names is None else ",".join([names] if isinstance(names, str) else names)


def _idempotency_key(given: str | None) -> str:
    if not given:
        return str(uuid.uuid4())
    if not given.isascii() or not given.isprintable() or not given.strip():
        raise ValueError("idempotency_key must be of printable ASCII characters")
    return given


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name.rstrip("_"): _text(value) for name, value in query.items() if value is not None}


def _sent(name: str, value: Any) -> Any:
    return sent_files(value) if name == "attachments" and value is not None else value


def _text(value: Any) -> Any:
    if isinstance(value, Enum):
        return _text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return text_of_day(value)
    return [_text(each) for each in value] if isinstance(value, (list, tuple, set, frozenset)) else str(value)
