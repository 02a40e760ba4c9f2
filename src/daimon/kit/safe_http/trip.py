"""One request under way: what is known of it, and from what broke it to why it failed."""

import time
from dataclasses import dataclass

import aiohttp

from daimon.kit.safe_http.errors import Failed, Failure
from daimon.kit.safe_http.resolver import RefusedAddress
from daimon.kit.safe_http.url import SafeUrl


@dataclass(slots=True)
class Trip:
    """What is known of a request under way, for the log of what went wrong."""

    started: float
    refused: str | None = None
    remote_ip: str | None = None
    status: int | None = None
    reused: bool = False

    @property
    def duration_ms(self) -> int:
        """Return how long it has taken so far."""
        return round((time.monotonic() - self.started) * 1000)

    def failed(self, kind: Failure, reason: str) -> Failed:
        """Return its end without a whole answer."""
        return Failed(kind, reason, duration_ms=self.duration_ms, status=self.status, remote_ip=self.remote_ip)


def explained(error: Exception, trip: Trip, safe: SafeUrl, seconds: float) -> Failed:
    """Say in few words what went wrong; nothing of the other side's words, and no address that was refused silently."""
    cause = getattr(error, "os_error", None)
    if trip.refused or isinstance(cause, RefusedAddress):
        return trip.failed(Failure.REFUSED, str(cause) if isinstance(cause, RefusedAddress) else str(trip.refused))
    match error:
        case TimeoutError():
            return trip.failed(Failure.TIMEOUT, f"no whole answer within {seconds:g} s")
        case aiohttp.ClientConnectorDNSError():
            return trip.failed(Failure.DNS, str(cause))
        case aiohttp.ClientConnectorCertificateError():
            return trip.failed(Failure.TLS, f"the certificate is not good: {_certificate_fault(error)}")
        case aiohttp.ClientConnectorSSLError():
            return trip.failed(Failure.TLS, "the TLS handshake failed")
        case aiohttp.ClientConnectorError():
            return trip.failed(Failure.CONNECT, f"no connection to port {safe.port}: {_word_of(error.os_error)}")
        case aiohttp.ClientPayloadError():
            return trip.failed(Failure.RESET, "the connection ended before the answer did")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return trip.failed(Failure.RESET, "the connection was closed without an answer")
        case _:
            return trip.failed(Failure.PROTOCOL, "what came back is not HTTP, or has too large headers")


def _certificate_fault(error: aiohttp.ClientConnectorCertificateError) -> str:
    fault = error.certificate_error
    return getattr(fault, "verify_message", None) or str(fault)


def _word_of(error: OSError) -> str:
    return (error.strerror or "it was refused or cannot be reached").lower()
