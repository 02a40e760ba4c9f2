"""Mails that the simulator sends back: a complaint (RFC 5965), the answer of a machine (RFC 3834), an echo."""

from email.utils import format_datetime

from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.mail import header
from daimon.outbound.lines import Answer, Letter

_SHOWN_OCTETS = 64 * 1024  # of a mail that is quoted


def complaint(letter: Letter, recipient: str, clock: Clock) -> Answer:
    """Return that a recipient called the mail spam, as mailbox providers report it."""
    boundary = f"complaint-{ids.new().hex}"
    lines = [
        *_fields(recipient, letter.mail_from or "", "Complaint about a mail from you", clock),
        f'Content-Type: multipart/report; report-type=feedback-report; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "This is a report of a mail that a recipient called spam.",
        "",
        f"--{boundary}",
        "Content-Type: message/feedback-report",
        "",
        "Feedback-Type: abuse",
        "User-Agent: daimon-simulator/1",
        "Version: 1",
        f"Original-Mail-From: <{letter.mail_from or ''}>",
        f"Original-Rcpt-To: <{recipient}>",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
    ]
    head = letter.octets[:_SHOWN_OCTETS].partition(b"\r\n\r\n")[0]
    return Answer(None, letter.mail_from or "", _octets(lines) + head + f"\r\n\r\n--{boundary}--\r\n".encode())


def out_of_office(letter: Letter, recipient: str, clock: Clock) -> Answer:
    """Return what a person's program answers who is away."""
    subject = _field(letter, "subject")
    lines = [
        *_fields(recipient, letter.mail_from or "", f"Out of office: {subject}", clock),
        f"In-Reply-To: {_field(letter, 'message-id')}",
        "Auto-Submitted: auto-replied",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "I am away until Monday and will answer then.",
        "",
    ]
    return Answer(None, letter.mail_from or "", _octets(lines))


def echo(letter: Letter, recipient: str, clock: Clock) -> Answer:
    """Return an answer that says what the mail said, to whom it is from."""
    sender, subject = _field(letter, "from"), _field(letter, "subject")
    named = _field(letter, "message-id")
    lines = [
        *_fields(recipient, sender, f"Re: {subject}", clock),
        f"In-Reply-To: {named}",
        f"References: {named}",
    ]
    head, _, body = letter.octets.partition(b"\r\n\r\n")
    kept = header.read(head + b"\r\n\r\n").fields
    lines += [
        f"{name}: {kept[name][0]}"
        for name in ("content-type", "content-transfer-encoding", "mime-version")
        if name in kept
    ]
    address = sender.rpartition("<")[2].rstrip(">") if "<" in sender else sender
    return Answer(recipient, address, _octets([*lines, "", ""])[:-2] + body)


def _fields(sender: str, recipient: str, subject: str, clock: Clock) -> list[str]:
    named = f"<{ids.new().hex}@{sender.rpartition('@')[2]}>"
    date = format_datetime(clock())
    return [f"From: {sender}", f"To: {recipient}", f"Subject: {subject}", f"Date: {date}", f"Message-ID: {named}"]


def _field(letter: Letter, name: str) -> str:
    """Return a field of the mail as it is written, in one line."""
    values = header.read(letter.octets[:_SHOWN_OCTETS]).fields.get(name, [""])
    return " ".join(values[0].split())


def _octets(lines: list[str]) -> bytes:
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n"
