"""A mail as its sender composed it (RFC 6409 §8): read as far as needed to know whom it is from, and completed.

Strict where `header` forgives: what other readers could take for another sender is refused, as is what a signature
could not be made over. Only the header section is looked at, within its bounds, and each of its octets once.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from daimon.mail import bounds
from daimon.mail.address import Address, BadAddress, parse_address

# RFC 5322 §2.2. A line of blanks alone inside a field would end the header for some readers.
_FIELD = re.compile(rb"([!-9;-~]{1,76}+)[ \t]*+:([^\r\n]*+(?:\r\n[ \t]++[^\r\n \t][^\r\n]*+)*+)\r\n")
_FOLD = re.compile(r"\r\n")
_WORDS = r'(?:"(?:[^"\\]|\\.)*+"|[^"<>@,;:()\[\]\\]++)*+'
# §3.4: one mailbox, without comments, routes and groups.
_MAILBOX = re.compile(rf'[ \t]*+(?:{_WORDS}<([^<>\s,;:()]++)>|([^<>\s,;:()"]++))[ \t]*+\Z')
_ONCE = frozenset(  # §3.6
    (b"date", b"sender", b"reply-to", b"to", b"cc", b"message-id", b"in-reply-to", b"references", b"subject")
)
_DROPPED = frozenset((b"bcc", b"resent-bcc", b"return-path"))  # §3.6.3; RFC 5321 §4.4: only who delivers writes it


class BadMail(ValueError):
    """The mail cannot be sent as it is; the text says why."""


class BadFrom(BadMail):
    """The mail does not say in one way only whom it is from."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail with a sound header. `fields` are those that stay, each with its line end."""

    from_: Address
    names: frozenset[bytes]
    fields: Sequence[bytes]
    body: memoryview

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the header goes beyond ASCII (RFC 6532)."""
        return not all(each.isascii() for each in self.fields)


def read(octets: bytes) -> Draft:
    """Read a mail of lines that end with CRLF. Raises BadFrom, BadMail."""
    _check_octets(octets)
    fields, body = _fields(octets)
    names = [name for name, _, _ in fields]
    twice = [name.decode() for name, count in Counter(names).items() if count > 1 and name in _ONCE]
    if twice:
        raise BadMail(f"the header has more than one field {twice[0]}")
    return Draft(
        from_=_sender([value for name, value, _ in fields if name == b"from"]),
        names=frozenset(names),
        fields=[written for name, _, written in fields if name not in _DROPPED],
        body=memoryview(octets)[body:],
    )


def completed(draft: Draft, *, message_id: str, at: datetime) -> bytes:
    """Return the mail with the Message-ID and the Date that it lacks, and without what only its sender should see."""
    added = []
    if b"date" not in draft.names:
        added.append(f"Date: {format_datetime(at.astimezone(UTC))}\r\n".encode())
    if b"message-id" not in draft.names:
        added.append(f"Message-ID: {message_id}\r\n".encode())
    return b"".join([*added, *draft.fields, b"\r\n", draft.body])


def _check_octets(octets: bytes) -> None:
    if not octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n"):
        raise BadMail("a line ends with CR or LF alone; lines end with CRLF")  # RFC 5321 §2.3.8
    if b"\0" in octets:
        raise BadMail("it holds NUL octets")


def _fields(octets: bytes) -> tuple[list[tuple[bytes, bytes, bytes]], int]:
    """Return names in lower case, values, and fields as they are written; and where the body starts."""
    found: list[tuple[bytes, bytes, bytes]] = []
    end = min(len(octets), bounds.HEADER_OCTETS)
    at = 0
    while at < len(octets) and not octets.startswith(b"\r\n", at):
        match = _FIELD.match(octets, at, end)
        if match is None and end < len(octets):
            raise BadMail(f"its header is larger than {bounds.HEADER_OCTETS} octets, or malformed")
        if match is None:
            line = octets.count(b"\r\n", 0, at) + 1
            raise BadMail(f"line {line} of the header is no header field")
        if len(found) == bounds.HEADER_FIELDS:
            raise BadMail(f"the header has more than {bounds.HEADER_FIELDS} fields")
        found.append((match[1].lower(), match[2], match[0]))
        at = match.end()
    return found, min(at + 2, len(octets))


def _sender(values: Sequence[bytes]) -> Address:
    if len(values) != 1:
        raise BadFrom(f"the header has {len(values) or 'no'} From field{'s' if len(values) > 1 else ''}; one is needed")
    try:
        match = _MAILBOX.match(_FOLD.sub("", values[0].decode()))
        if match is None:
            raise BadFrom("the From field does not hold one address, such as: Name <user@example.com>")
        return parse_address(match[1] or match[2])
    except UnicodeDecodeError:
        raise BadFrom("the From field is no UTF-8") from None
    except BadAddress as error:
        raise BadFrom(f"the address in the From field is malformed: {error}") from None
