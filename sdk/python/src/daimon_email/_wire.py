"""Between requests of ours and those of httpx, blocking or not."""

from __future__ import annotations

import json
from typing import Any

import httpx

from daimon_email._config import Config
from daimon_email._flow import Answer, Lost, Request
from daimon_email._result import Result

RequestError = httpx.RequestError
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def client(config: Config) -> httpx.Client:
    """Return a blocking client."""
    return httpx.Client(headers=config.headers)


def async_client(config: Config) -> httpx.AsyncClient:
    """Return an asynchronous client."""
    return httpx.AsyncClient(headers=config.headers)


def arguments(config: Config, request: Request) -> dict[str, Any]:
    """Return the arguments of `httpx.Client.request`."""
    headers = dict(request.headers)
    content = None
    if request.body is not None:
        headers["Content-Type"] = "application/json"
        content = json.dumps(request.body, default=_plain).encode()
    return {
        "method": request.method,
        "url": config.base_url + request.path,
        "params": request.query or None,
        "headers": headers,
        "content": content,
        "timeout": httpx.Timeout(config.timeout, read=config.timeout + request.patience),
    }


def answer(response: httpx.Response) -> Answer:
    """Return a response as flows read it."""
    return Answer(response.status_code, response.headers, response.content)


def head(response: httpx.Response) -> Answer:
    """Return a response whose body is still to come."""
    return Answer(response.status_code, {}, b"")


def lost(error: httpx.RequestError) -> Lost:
    """Return why there is no response."""
    reason = str(error) or type(error).__name__
    return Lost(reason, maybe_done=not isinstance(error, _NEVER_SENT))


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value that it does not know: mappings and collections of other kinds."""
    if isinstance(value, Result):
        return value.to_dict()
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118 -- the least that a mapping has
    if isinstance(value, (set, frozenset)) or hasattr(value, "__getitem__"):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
