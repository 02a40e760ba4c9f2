"""A mail as a peer has it, read from where the peer keeps it."""

import re
from dataclasses import dataclass
from pathlib import Path

_TRACE = re.compile(rb"\AReceived:.*\r\n(?:[ \t].*\r\n)*")


@dataclass(frozen=True)
class Received:
    """A mail as a peer has it: the envelope, and the octets without what the peer put before them."""

    mail_from: str | None
    rcpt_to: tuple[str, ...]
    octets: bytes


def as_sent(octets: bytes) -> bytes:
    """Return a mail that is kept with LF as it was on the wire, without the trace field of the peer."""
    return _TRACE.sub(b"", octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), count=1)


def oldest_first(folder: Path, pattern: str = "*") -> list[Path]:
    found = [path for path in folder.rglob(pattern) if path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
