"""Composed mails, read again by the standard library and by our own reader."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.mail import mime
from daimon.mail.compose import Attachment, BadField, Outgoing, compose
from daimon.mail.parsed import Mailbox

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PNG = Attachment("dot.png", "image/png", b"\x89PNG\r\n\x1a\n" * 40, content_id="dot@example.org")
PDF = Attachment("Rechnung für März.pdf", "application/pdf", bytes(range(256)) * 10)


def outgoing(**more: Any) -> Outgoing:
    """A mail from Ada to Bob."""
    least: dict[str, Any] = {
        "message_id": "<1@example.org>",
        "date": NOW,
        "from_": Mailbox("ada@example.org", "Ada King"),
        "to": (Mailbox("bob@example.net"),),
        "subject": "Lunch",
        "body_text": "Hello",
    }
    return Outgoing(**(least | more))


def read(mail: Outgoing) -> EmailMessage:
    """What Python's own parser makes of it. Every line that it gets is one that SMTP takes."""
    octets = compose(mail).octets
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\r" not in octets.replace(b"\r\n", b"")
    assert b"\0" not in octets
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def structure(message: EmailMessage) -> Any:
    """The tree of media types."""
    kind = message.get_content_type()
    return (kind, *map(structure, message.iter_parts())) if message.is_multipart() else kind


def test_the_smallest_mail() -> None:
    """Fields in their order, and a body that is sent as it is."""
    composed = compose(outgoing())
    assert composed.octets == (
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"From: Ada King <ada@example.org>\r\n"
        b"To: bob@example.net\r\n"
        b"Subject: Lunch\r\n"
        b"Message-ID: <1@example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello\r\n"
    )
    assert not composed.needs_smtputf8


PLAIN, HTML, MIXED = "text/plain", "text/html", "multipart/mixed"
BOTH = ("multipart/alternative", PLAIN, HTML)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, PLAIN),
        ({"body_text": None}, PLAIN),
        ({"body_text": None, "body_html": "<p>Hi"}, HTML),
        ({"body_html": "<p>Hi"}, BOTH),
        ({"attachments": (PDF,)}, (MIXED, PLAIN, "application/pdf")),
        ({"attachments": (PNG,)}, (MIXED, PLAIN, "image/png")),  # nothing shows it: it is attached
        (
            {"body_html": "<img src=cid:dot@example.org>", "attachments": (PNG,)},
            ("multipart/related", BOTH, "image/png"),
        ),
        (
            {"body_html": "<p>Hi", "attachments": (PNG, PDF)},
            (MIXED, ("multipart/related", BOTH, "image/png"), "application/pdf"),
        ),
        ({"body_text": None, "body_html": "<p>", "attachments": (PDF,)}, (MIXED, HTML, "application/pdf")),
    ],
)
def test_every_mix_of_parts(more: dict[str, Any], expected: Any) -> None:
    """The tree of parts is the smallest that says it, and each part comes out as it went in."""
    mail = outgoing(**more)
    message = read(mail)
    assert structure(message) == expected
    parts = [part for part in message.walk() if not part.is_multipart()]
    files = [part for part in parts if part.get_filename()]
    assert sorted(part.get_filename() for part in files) == sorted(each.filename for each in mail.attachments)
    assert sorted(part.get_payload(decode=True) for part in files) == sorted(each.content for each in mail.attachments)
    ours = mime.parse(compose(mail).octets)
    assert [each.filename for each in ours.attachments] == [part.get_filename() for part in files]


@given(
    subject=st.text(max_size=300),
    name=st.text(max_size=200),
    filename=st.text(min_size=1, max_size=100),
    text=st.text(max_size=2_000),
)
@settings(max_examples=100, deadline=None)
def test_any_unicode_comes_back(subject: str, name: str, filename: str, text: str) -> None:
    """In a subject, a display name, a file's name, a body: whatever can be printed is kept."""
    subject, name, filename = map(_visible, (subject, name, filename))
    mail = outgoing(
        subject=subject,
        from_=Mailbox("ada@example.org", name),
        body_text=text,
        attachments=(Attachment(filename, "text/csv", b"1,2"),),
    )
    message = read(mail)
    assert message["subject"] == subject
    ours = mime.parse(compose(mail).octets)
    assert ours.subject == subject
    assert ours.from_ is not None
    assert " ".join((ours.from_.name or "").split()) == " ".join(name.split())
    [body, attached] = message.iter_parts()
    assert attached.get_filename() == (filename or None)
    written = text.replace("\r\n", "\n").replace("\r", "\n")
    came = body.get_payload(decode=True).decode().replace("\r\n", "\n")
    assert came.rstrip("\n") == written.rstrip("\n")  # the last line end is the delimiter's (RFC 2046 §5.1.1)


@pytest.mark.parametrize("filename", ["*", "a*b.txt", "it's.txt", "100%.txt", "a=b", "a;b", 'a"b', "(a)"])
def test_odd_file_names_come_back(filename: str) -> None:
    """Also those with the marks of RFC 2231, which readers take for an encoding in a value without quotation marks."""
    mail = compose(outgoing(attachments=(Attachment(filename, "text/csv", b"1,2"),))).octets
    [_, attached] = email.message_from_bytes(mail, policy=email.policy.default).iter_parts()
    assert attached.get_filename() == filename
    assert [file.filename for file in mime.parse(mail).attachments] == [filename]


def _visible(text: str) -> str:
    """Return what every reader keeps: readers take apostrophes around a name for quotation marks."""
    return "".join(filter(str.isprintable, text)).strip(" '")


def test_long_things_are_folded() -> None:
    """Many recipients, many references, a word without end: no line is longer than SMTP takes."""
    people = tuple(Mailbox(f"person-{n}@example.net", f"Person {n}") for n in range(300))
    ids = tuple(f"<{n}.{'x' * 60}@example.net>" for n in range(50))
    message = read(outgoing(to=people, references=ids, subject="x" * 5000, headers=(("X-Long", "y" * 3000),)))
    assert len(message["to"].addresses) == 300
    assert message["references"].split() == list(ids)
    assert message["subject"] == "x" * 5000
    assert message["x-long"] == "y" * 3000


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\0", "\x0b", "\x7f"])
@pytest.mark.parametrize(
    "more",
    [
        {"subject": "Lunch{}Bcc: eve@example.org"},
        {"from_": Mailbox("ada@example.org", "Ada{}Bcc: eve@example.org")},
        {"from_": Mailbox("ada@example.org{}Bcc: eve@example.org")},
        {"to": (Mailbox("bob@example.net>{}Bcc: <eve@example.org"),)},
        {"message_id": "<1@example.org>{}Bcc: <eve@example.org>"},
        {"in_reply_to": "<1@example.org{}>"},
        {"references": ("<1@example.org>", "<2@example.org>{}X: y")},
        {"headers": (("X-A", "b{}Bcc: eve@example.org"),)},
        {"headers": (("X-A{}Bcc", "eve@example.org"),)},
        {"attachments": (Attachment("a{}Bcc: eve", "text/plain", b""),)},
        {"attachments": (Attachment("a", "text/plain{}Bcc: eve", b""),)},
        {"attachments": (Attachment("a", "text/plain", b"", content_id="a{}Bcc"),)},
    ],
)
def test_no_header_is_injected(more: dict[str, Any], line_end: str) -> None:
    """Not through any value there is."""
    with pytest.raises(BadField):
        compose(outgoing(**_filled(more, line_end)))


def _filled(value: Any, line_end: str) -> Any:
    if isinstance(value, str):
        return value.replace("{}", line_end)
    if isinstance(value, dict):
        return {key: _filled(each, line_end) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_filled(each, line_end) for each in value)
    if isinstance(value, Mailbox | Attachment):
        return type(value)(**{name: _filled(getattr(value, name), line_end) for name in value.__struct_fields__})
    return value


@pytest.mark.parametrize("name", ["", "X A", "X:A", "Ünicode", "X" * 100])
def test_a_name_that_is_none(name: str) -> None:
    """Names of fields are printable ASCII without a colon."""
    with pytest.raises(BadField):
        compose(outgoing(headers=((name, "b"),)))


def test_addresses_beyond_ascii_need_smtputf8() -> None:
    """RFC 6531: who takes the mail must be told; a display name alone needs nothing."""
    assert compose(outgoing(to=(Mailbox("jürgen@example.net"),))).needs_smtputf8
    assert "To: jürgen@example.net".encode() in compose(outgoing(to=(Mailbox("jürgen@example.net"),))).octets
    assert not compose(
        outgoing(to=(Mailbox("j@example.net", "Jürgen"),), subject="Für dich", body_text="ü")
    ).needs_smtputf8


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hello\nthere", "7bit"),
        ("Größe: 5 m\n" + "plain words " * 20, "quoted-printable"),
        ("x" * 5000, "quoted-printable"),
        ("nul \0 inside, and a good deal of other text", "quoted-printable"),
        ("你好，世界" * 100, "base64"),
    ],
)
def test_the_encoding_suits_the_text(text: str, encoding: str) -> None:
    """What can be read as it stands is left so."""
    message = read(outgoing(body_text=text))
    assert message["content-transfer-encoding"] == encoding
    assert message.get_payload(decode=True).decode().rstrip("\r\n").replace("\r\n", "\n") == text


def test_what_may_not_be_encoded_is_sent_as_octets() -> None:
    """RFC 2046 §5.2.1: a `message/rfc822` in base64 would be none."""
    [_, attached] = read(
        outgoing(attachments=(Attachment("a.eml", "message/rfc822", b"Subject: x\n\ny"),))
    ).iter_parts()
    assert attached.get_content_type() == "application/octet-stream"
    assert attached.get_payload(decode=True) == b"Subject: x\n\ny"
