"""Our own delivery status notification (RFC 3464), and to whom none is ever sent (RFC 3834 §2, RFC 5321 §6.1).

It goes out under the null reverse-path, so that it cannot loop, and gives back the header of the mail alone.
"""

import re
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from daimon.mail import auto_reply, bounds, header
from daimon.mail.address import BadAddress, parse_address
from daimon.mail.envelope import Envelope
from daimon.mail.field import mailboxes, unstructured, words
from daimon.mail.header import Header
from daimon.mail.parsed import Dsn, Mailbox

_CRLF = "\r\n"
_RETURNED_OCTETS = 64 * bounds.KIB
_LINE = 998
_BULK = ("bulk", "junk", "list", "auto_reply")
_LISTS = ("list-id", "list-unsubscribe", "list-post", "list-help", "feedback-id", "x-campaign-id")
_NOT_TO_ANSWER = re.compile(
    r"(?i)(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|owner-.*|.*-(?:request|owner|bounces?)|bounces?[+-].*)\Z"
)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a notification says. `to` is the reverse-path of the mail; `recipients` are those it did not reach."""

    message_id: str
    date: datetime
    reporting_mta: str
    to: str
    recipients: tuple[Dsn, ...]
    arrived_at: datetime | None = None


def compose_dsn(notice: Notice, original: bytes) -> bytes:
    """Return the octets of a notification about the mail `original`. Raises BadField for what cannot be written."""
    returned, smtputf8 = _returned(original)
    international = smtputf8 or not notice.to.isascii() or not all(map(_is_ascii, notice.recipients))
    boundary = "=_" + secrets.token_hex(16)
    report = ("message/global-delivery-status", "8bit") if international else ("message/delivery-status", "7bit")
    parts = (
        ("text/plain; charset=utf-8", "8bit", _for_people(notice)),
        (*report, _for_machines(notice, international=international)),
        ("message/global-headers" if smtputf8 else "text/rfc822-headers", "8bit" if smtputf8 else "7bit", returned),
    )
    head = [
        f"Date: {format_datetime(notice.date.astimezone(UTC))}",
        mailboxes("From", [Mailbox(f"MAILER-DAEMON@{notice.reporting_mta}", "Mail Delivery System")]),
        mailboxes("To", [Mailbox(notice.to)]),
        unstructured("Subject", "Undelivered Mail Returned to Sender"),
        words("Message-ID", [notice.message_id]),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;{_CRLF} boundary="{boundary}"',
    ]
    pieces = [
        f"--{boundary}{_CRLF}Content-Type: {kind}{_CRLF}"
        f"Content-Transfer-Encoding: {encoding}{_CRLF * 2}{content}{_CRLF}"
        for kind, encoding, content in parts
    ]
    return (_CRLF.join([*head, "", ""]) + "".join(pieces) + f"--{boundary}--{_CRLF}").encode()


def may_answer(envelope: Envelope, octets: bytes, *, proven: Collection[str]) -> bool:
    """Tell whether a mail's sender may be told of a failure: one that is known to have sent it, and is no machine.

    `proven` are the domains, in A-labels, that SPF passed for, or whose DKIM signature of the mail holds.
    A forged sender must never get what somebody else caused (backscatter): without proof there is no notification.
    """
    if envelope.mail_from is None:
        return False
    try:
        sender = parse_address(envelope.mail_from)
    except BadAddress:
        return False
    if _NOT_TO_ANSWER.match(sender.local) or sender.domain not in proven:
        return False
    return not _is_of_machine(header.read(octets))


def _is_of_machine(top: Header) -> bool:
    submitted = top.first("auto-submitted").strip().lower()
    if submitted and not submitted.startswith("no"):
        return True
    if top.first("precedence").strip().lower() in _BULK or any(name in top.fields for name in _LISTS):
        return True
    if "multipart/report" in top.first("content-type").lower():
        return True
    return auto_reply.is_certain(top) or bool(top.first("x-auto-response-suppress"))


def _for_people(notice: Notice) -> str:
    lines = [f"This is the mail system at {notice.reporting_mta}.", "", "Your message could not be delivered to:", ""]
    for each in notice.recipients:
        lines += [
            f"<{_line(each.final_recipient)}>",
            f"    {_line(each.diagnostic) or 'It could not be delivered.'}",
            "",
        ]
    return _CRLF.join([*lines, "The header of your message is attached.", ""])


def _for_machines(notice: Notice, *, international: bool) -> str:
    lines = [f"Reporting-MTA: dns; {_line(notice.reporting_mta)}"]
    if notice.arrived_at:
        lines.append(f"Arrival-Date: {format_datetime(notice.arrived_at.astimezone(UTC))}")
    for each in notice.recipients:
        lines += ["", *_fields(each, international=international)]
    return _CRLF.join([*lines, ""])


def _fields(recipient: Dsn, *, international: bool) -> Sequence[str]:
    kind = "utf-8" if international and not (recipient.final_recipient or "").isascii() else "rfc822"
    stated = (
        ("Original-Recipient", f"rfc822; {recipient.original_recipient}" if recipient.original_recipient else None),
        ("Final-Recipient", f"{kind}; {recipient.final_recipient}"),
        ("Action", recipient.action),
        ("Status", recipient.status or "5.0.0"),
        ("Remote-MTA", f"dns; {recipient.remote_mta}" if recipient.remote_mta else None),
        ("Diagnostic-Code", f"smtp; {recipient.diagnostic}" if recipient.diagnostic else None),
    )
    return [f"{name}: {_line(value)}" for name, value in stated if value]


def _line(text: str | None) -> str:
    """Return text without line ends and control characters: nothing in it can begin a field."""
    return "".join(character if character >= " " and character != "\x7f" else " " for character in text or "")[:900]


def _is_ascii(recipient: Dsn) -> bool:
    texts = (recipient.final_recipient, recipient.original_recipient, recipient.diagnostic)
    return all(text is None or text.isascii() for text in texts)


def _returned(original: bytes) -> tuple[str, bool]:
    """Return the header of a mail as it can stand in a part, and whether it goes beyond ASCII (RFC 6533 §6.3)."""
    end = header.read(original, section_within=_RETURNED_OCTETS).body
    section = original[: min(end, _RETURNED_OCTETS)].decode("utf-8", "replace").replace("\x00", "")
    lines = section.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    cut = [line.encode()[:_LINE].decode("utf-8", "ignore") for line in lines]
    return _CRLF.join([*cut, ""]), not section.isascii()
