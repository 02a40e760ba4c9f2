"""Octets for an SMTP server: commands that hold nothing but what they should, and messages that end where they end."""

import re

from daimon.mail.address import parse_address

_CRLF = b"\r\n"
_BARE_CR = re.compile(rb"\r(?!\n)")
_LINE_OF_DOT = re.compile(rb"\n\.")  # a third of what bytes.find costs for two octets
END_OF_DATA = b".\r\n"


def path(address: str | None) -> str:
    """Return a path as it is written between MAIL FROM: or RCPT TO: and parameters; `<>` for None.

    Whatever could end the path or the line is no address. Raises BadAddress.
    """
    return "<>" if address is None else f"<{parse_address(address)}>"


def mail(mail_from: str, *parameters: str) -> bytes:
    """Return the MAIL command for a path and its parameters, such as `SIZE=1000`."""
    return " ".join((f"MAIL FROM:{mail_from}", *parameters)).encode() + _CRLF


def rcpt(rcpt_to: str) -> bytes:
    """Return the RCPT command for a path."""
    return f"RCPT TO:{rcpt_to}".encode() + _CRLF


def with_crlf(octets: bytes) -> bytes:
    """Return a message whose lines, the last one too, end in CRLF, without a CR or LF elsewhere.

    A server that takes a bare LF or CR for the end of a line would find the end of the message where somebody wrote it
    into the text, and what follows would be commands (RFC 5321 §2.3.8, §4.1.1.4).
    """
    if octets.count(b"\n") != octets.count(b"\r") or _BARE_CR.search(octets):
        octets = octets.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)
    return octets if octets.endswith(_CRLF) else octets + _CRLF


def transparent(message: bytes) -> bytes:
    """Return a message, its lines ended by CRLF, with each dot that begins a line doubled (RFC 5321 §4.5.2)."""
    stuffed = message.replace(b"\r\n.", b"\r\n..") if _LINE_OF_DOT.search(message) else message
    return b"." + stuffed if stuffed.startswith(b".") else stuffed
