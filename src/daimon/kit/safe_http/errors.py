"""Why a URL was not opened, or did not answer."""

from enum import StrEnum

LONGEST_REASON = 200


class UnsafeUrl(ValueError):
    """A URL that this server does not open, whoever asks."""

    def __init__(self, reason: str) -> None:
        self.reason = reason[:LONGEST_REASON]
        super().__init__(self.reason)


class Failure(StrEnum):
    """What kept an answer from coming."""

    REFUSED = "refused"  # the URL, or an address that its name has now, must not be opened
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"


class Failed(Exception):
    """There was no whole answer. `status` is there if it had begun."""

    def __init__(
        self,
        kind: Failure,
        reason: str,
        *,
        duration_ms: int = 0,
        status: int | None = None,
        remote_ip: str | None = None,
    ) -> None:
        self.kind = kind
        self.reason = reason[:LONGEST_REASON]
        self.duration_ms = duration_ms
        self.status = status
        self.remote_ip = remote_ip
        super().__init__(f"{kind}: {self.reason}")
