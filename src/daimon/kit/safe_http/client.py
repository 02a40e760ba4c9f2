"""The one door through which a user's URL is opened.

The URL is read by `url`, its name resolved and each address checked by `resolver`; and whatever happened before, the
socket itself is only made for an address that passes, so that check and connect cannot differ.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self

import aiohttp
from yarl import URL

from daimon.kit.safe_http.address import refusal
from daimon.kit.safe_http.errors import Failed, Failure, UnsafeUrl
from daimon.kit.safe_http.resolver import DnsLookup, Lookup, RefusedAddress, SafeResolver, SystemLookup, Unresolved
from daimon.kit.safe_http.trip import Trip, explained
from daimon.kit.safe_http.url import SafeUrl, checked, literal

_KEPT_SECONDS = 4.0  # less than the 5 s after which Node and Apache hang up, so that few requests meet a closing door
_KEPT_ORIGINS = 512  # connections to more origins than this are not kept
_KEPT_PER_ORIGIN = 16
_PIECE = 16_384


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. `body` is as it was sent, never decompressed; `headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    duration_ms: int
    remote_ip: str


_trip: ContextVar[Trip] = ContextVar("safe_http_trip")


@dataclass(slots=True)
class _Origin:
    open: int = 0
    kept_until: float = 0.0


class SafeHttp:
    """A client for URLs that users gave us. Make one for each process, inside its loop."""

    def __init__(
        self,
        *,
        allow_insecure: bool = False,
        resolver: tuple[str, int] | None = None,
        timeout: float = 5.0,
        max_response: int = 65_536,
        max_open: int = 1000,
        tls: ssl.SSLContext | None = None,
        user_agent: str = "daimon",
    ) -> None:
        """Open nothing yet.

        Args:
            allow_insecure: Let URLs lead to this very machine, by plain HTTP too.
            resolver: Host and port of a DNS resolver; the system's if there is none.
            timeout: Seconds for a request in all: DNS, connection, TLS, answer.
            max_response: Bytes of an answer's body that are read.
            max_open: Requests under way at one time; more wait, and that does not count as their time.
            tls: Which certificates are believed; the system's roots unless told.
            user_agent: Who we say we are.
        """
        self._allow_insecure = allow_insecure
        self._timeout = timeout
        self._max_response = max_response
        self._slots = asyncio.Semaphore(max_open)
        self._origins: dict[tuple[str, str, int], _Origin] = {}
        lookup: Lookup = DnsLookup(*resolver) if resolver else SystemLookup()
        self._resolver = SafeResolver(lookup, allow_loopback=allow_insecure)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                limit=0,  # bounded by the slots, outside of the time that a request has
                keepalive_timeout=_KEPT_SECONDS,
                ssl=tls or ssl.create_default_context(),
                socket_factory=self._wall,
            ),
            headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
            skip_auto_headers=("Content-Type",),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # ours is around the whole
            response_class=_Response,
            trace_configs=[_tracing()],
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is kept open."""
        await self._session.close()
        await self._resolver.close()

    async def check(self, url: str) -> SafeUrl:
        """Return the URL in its normal form once its name leads to good addresses only.

        Raises:
            UnsafeUrl: It must not be opened.
            Failed: `DNS` or `TIMEOUT`: its name leads nowhere at present.
        """
        safe = checked(url, allow_insecure=self._allow_insecure)
        if literal(safe.host):
            return safe
        trip = Trip(time.monotonic())
        try:
            async with asyncio.timeout(self._timeout):
                await self._resolver.checked(safe.host)
        except RefusedAddress as error:
            raise UnsafeUrl(str(error)) from None
        except Unresolved as error:
            raise trip.failed(Failure.DNS, str(error)) from None
        except TimeoutError:
            raise trip.failed(Failure.TIMEOUT, f"the name servers of {safe.host} take too long") from None
        return safe

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a POST and return the answer, redirects included: none is followed. Raises Failed."""
        return await self._request("POST", url, body, headers)

    async def get(self, url: str) -> Reply:
        """Send a GET and return the answer, redirects included: none is followed. Raises Failed."""
        return await self._request("GET", url, None, {})

    async def _request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        try:
            safe = checked(url, allow_insecure=self._allow_insecure)
        except UnsafeUrl as error:
            raise Failed(Failure.REFUSED, error.reason) from None
        async with self._slots:
            trip = Trip(time.monotonic())
            token = _trip.set(trip)
            origin = self._origin(safe)
            origin.open += 1
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._once_more_if_hung_up(method, safe, body, headers, trip, origin)
            except (aiohttp.ClientError, OSError) as error:
                raise explained(error, trip, safe, self._timeout) from error
            finally:
                origin.open -= 1
                _trip.reset(token)

    async def _once_more_if_hung_up(
        self,
        method: str,
        safe: SafeUrl,
        body: bytes | None,
        headers: Mapping[str, str],
        trip: Trip,
        origin: _Origin,
    ) -> Reply:
        try:
            return await self._send(method, safe, body, headers, trip, origin)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # RFC 9112 §9.3.1: a kept connection may be closed by the other side just as it is used again.
            if not trip.reused or trip.status is not None:
                raise
        return await self._send(method, safe, body, headers, trip, origin)

    async def _send(
        self,
        method: str,
        safe: SafeUrl,
        body: bytes | None,
        headers: Mapping[str, str],
        trip: Trip,
        origin: _Origin,
    ) -> Reply:
        trip.reused = False
        url = URL(safe.text, encoded=True)
        request = self._session.request(
            method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=trip
        )
        async with request as response:
            trip.status = response.status
            content, truncated = await self._read(response)
            if truncated or not self._keeps(origin):
                response.close()
            return Reply(
                status=response.status,
                headers=_first_of_each(response),
                body=content,
                truncated=truncated,
                duration_ms=trip.duration_ms,
                remote_ip=trip.remote_ip or "",
            )

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """Return the body as far as it is wanted, and whether there is more."""
        content = bytearray()
        while len(content) <= self._max_response:
            piece = await response.content.read(_PIECE)
            if not piece:
                return bytes(content), False
            content += piece
        return bytes(content[: self._max_response]), True

    def _origin(self, safe: SafeUrl) -> _Origin:
        key = (safe.scheme, safe.host, safe.port)
        if (origin := self._origins.get(key)) is None:
            if len(self._origins) >= _KEPT_ORIGINS:
                self._forget_quiet_origins()
            origin = _Origin()
            if len(self._origins) < _KEPT_ORIGINS:
                self._origins[key] = origin
                origin.kept_until = time.monotonic() + _KEPT_SECONDS
        return origin

    def _forget_quiet_origins(self) -> None:
        now = time.monotonic()
        self._origins = {key: each for key, each in self._origins.items() if each.open or each.kept_until > now}

    def _keeps(self, origin: _Origin) -> bool:
        """Return whether the connection may stay open: idle ones are bounded, by origins and for each."""
        if not origin.kept_until or origin.open > _KEPT_PER_ORIGIN:
            return False
        origin.kept_until = time.monotonic() + _KEPT_SECONDS
        return True

    def _wall(self, target: tuple[Any, ...]) -> socket.socket:
        """Make the socket for an address, if it may be connected to: the last look, at what is really connected to."""
        family, kind, protocol, _, where = target
        trip = _trip.get()
        if reason := refusal(where[0], allow_loopback=self._allow_insecure):
            trip.refused = reason
            raise RefusedAddress(reason)
        if family == socket.AF_INET6 and where[3:4] not in ((), (0,)):
            trip.refused = f"{where[0]} is bound to an interface"
            raise RefusedAddress(trip.refused)
        trip.remote_ip = where[0]
        return socket.socket(family=family, type=kind, proto=protocol)


class _Response(aiohttp.ClientResponse):
    """Notes who answers, which a kept connection's request does not learn otherwise."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Begin to read the answer."""
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        if peer:
            _trip.get().remote_ip = peer[0]
        return await super().start(connection)


def _tracing() -> aiohttp.TraceConfig:
    """Tell a trip that its connection was used before."""
    tracing = aiohttp.TraceConfig()

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reused = True

    tracing.on_connection_reuseconn.append(reused)
    return tracing


def _first_of_each(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), value)
    return headers
