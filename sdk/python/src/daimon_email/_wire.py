"""Between requests of ours and those of httpx, blocking or not."""

from __future__ import annotations

import logging
import os
import re
import ssl
from functools import lru_cache
from typing import Any

import anyio  # httpx is built on it
import anyio.lowlevel
import httpx

from daimon_email._config import Config
from daimon_email._flow import Answer, Lost, Request

RequestError = httpx.RequestError
sleep = anyio.sleep
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)  # a wait holds a connection, one of many
_LINK = re.compile(r"(?<=/v1/downloads/)\S+")
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class _LinksHidden(logging.Filter):
    """Keeps links that open without a key out of what httpx logs of each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_LINK.sub("…", str(each)) if _LINK.search(str(each)) else each for each in record.args)
        return True


logging.getLogger("httpx").addFilter(_LinksHidden())


def client(config: Config) -> httpx.Client:
    """Return a blocking client."""
    return httpx.Client(headers=config.headers, limits=_LIMITS, verify=_trust())


def async_client(config: Config) -> httpx.AsyncClient:
    """Return an asynchronous client."""
    return httpx.AsyncClient(headers=config.headers, limits=_LIMITS, verify=_trust())


def _trust() -> ssl.SSLContext:
    """Return which certificates are believed: one for all clients, of which it would be nearly the whole cost."""
    return _trust_by(*(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))


@lru_cache(maxsize=8)
def _trust_by(*_: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def running_loop() -> object:
    """Return the running event loop: asyncio's loop, or the token of trio's run."""
    token = anyio.lowlevel.current_token()
    return getattr(token, "native_token", token)


def has_ended(loop: object) -> bool:
    """Return whether a loop other than the running one can run no more. Of trio's it cannot be seen: it is likely."""
    return bool(loop.is_closed()) if hasattr(loop, "is_closed") else True


def arguments(config: Config, request: Request) -> dict[str, Any]:
    """Return the arguments of `httpx.Client.request`."""
    headers = dict(request.headers)
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return {
        "method": request.method,
        "url": config.base_url + request.path,
        "params": request.query or None,
        "headers": headers,
        "content": request.body,
        "timeout": httpx.Timeout(config.timeout, read=config.timeout + request.patience),
    }


def answer(response: httpx.Response) -> Answer:
    """Return a response as flows read it."""
    return Answer(response.status_code, response.headers, response.content)


def head(response: httpx.Response) -> Answer:
    """Return a response whose body is still to come."""
    return Answer(response.status_code, response.headers, b"")


def lost(error: httpx.RequestError) -> Lost:
    """Return why there is no response, and from where."""
    reason, url = str(error).rstrip(".") or type(error).__name__, error.request.url
    where = f"{url.scheme}://{url.netloc.decode('ascii')}"
    return Lost(f"{reason} ({where})", maybe_done=not isinstance(error, _NEVER_SENT))
