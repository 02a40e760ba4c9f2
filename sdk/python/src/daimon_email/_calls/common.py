"""What all calls are built with."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any, TypeVar, Union
from urllib.parse import quote

from daimon_email import _flow
from daimon_email._config import Config
from daimon_email._decode import decode
from daimon_email._flow import Envelope, Flow, Request
from daimon_email.models import Deleted, Result

R = TypeVar("R", bound=Result)
Moment = Union[str, datetime]


class Unset:
    """The type of UNSET: the argument was not given, and what it stands for stays as it is."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


def path(*segments: str) -> str:
    """Return a path below /v1. Raises ValueError for a segment that would lead elsewhere."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise ValueError(f"{segment!r} is not an id")
    return "/v1/" + "/".join(quote(segment, safe="@") for segment in segments)


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that were given. `from_` is the field `from`."""
    return {name.rstrip("_"): value for name, value in arguments.items() if value is not None and value is not UNSET}


def changes(**arguments: Any) -> dict[str, Any]:
    """Return the changes that were asked for; None asks to clear a field."""
    return {name: value for name, value in arguments.items() if value is not UNSET}


def query(**arguments: Any) -> dict[str, Any]:
    """Return the query parameters that were given, as text."""
    return {name: _text(value) for name, value in given(**arguments).items()}


def once(idempotency_key: str | None = None) -> dict[str, str]:
    """Return the header that lets a POST be repeated without being done twice."""
    return {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}


def fetch(config: Config, request: Request, model: type[R]) -> Flow[R]:
    """Ask, and return the result as a model."""
    answer = yield from _flow.ask(request, config.max_retries)
    return as_model(_flow.open_envelope(answer), model)


def remove(config: Config, of: str) -> Flow[Deleted]:
    """Delete what is at a path. Not repeated where it may be done already: the second try would find nothing."""
    return fetch(config, Request("DELETE", of, repeatable=False), Deleted)


def as_model(envelope: Envelope[Any], model: type[R]) -> R:
    """Return the result of an envelope as a model that carries the next steps."""
    result = decode(model, envelope.result)
    result.next_steps.extend(envelope.next_steps)
    return result


def text_of(value: Moment | None) -> str | None:
    """Return a moment as it is sent; None for none."""
    return None if value is None else str(_text(value))


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a datetime needs a time zone, such as timezone.utc")
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else str(value)
