"""Mail as its sender composed it: whom it is from, and how it is completed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.kit.clock import utc_now
from daimon.mail import submitted
from daimon.mail.submitted import BadFrom, BadMail

FROM = b"From: Agent <agent@daimon.email>\r\n"


def sender(value: str) -> str:
    """Return whom a From field names."""
    return str(submitted.read(f"From:{value}\r\n\r\n".encode()).from_)


@pytest.mark.parametrize(
    "value",
    [
        " a@b.example",
        "a@b.example ",
        "\t<a@b.example>",
        " Ada King <a@b.example>",
        ' "King, Ada <x@y.example>" <a@b.example>',
        ' "a \\" b" <a@b.example>',
        " Ada\r\n King\r\n\t<a@b.example>",
        " =?utf-8?q?=3Cx=40y=3E?= <a@b.example>",
        " J\u00f6rg <a@B.Example>",
    ],
)
def test_one_mailbox(value: str) -> None:
    """However it is written, it says one address to every reader."""
    assert sender(value) == "a@b.example"


@pytest.mark.parametrize(
    "value",
    [
        "",
        " a",
        " a@b.example, c@d.example",
        " x@y.example <a@b.example>",
        " <x@y.example> <a@b.example>",
        " a@b.example <x@y.example>, ",
        " (x@y.example) a@b.example",
        " <@x.example:a@b.example>",
        " group: a@b.example;",
        ' "x <a@b.example>',
        ' "x@y.example"@z <a@b.example>',
        " a@b.example x@y.example",
        " <a@b.example> trailing",
        " a@b..example",
        " a@",
    ],
)
def test_more_or_less_than_one_mailbox(value: str) -> None:
    """Refused, whatever some reader would make of it."""
    with pytest.raises(BadFrom):
        sender(value)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"To: a@b.example\r\n\r\n",
        FROM + FROM,
        FROM + b" \r\n",
        FROM + b"folded too late",
        FROM + b": no name\r\n",
        FROM + b"N" * 77 + b": name too long\r\n",
        FROM + b"Bare: \n\r\n",
        FROM + b"\r\nbody\r",
        FROM + b"\r\n\0",
        FROM + b"To: a\r\nTo: b\r\n",
        FROM + b"--boundary\r\n",
        b"From a@b.example Mon Jan 1\r\n" + FROM,
    ],
)
def test_what_cannot_be_sent(octets: bytes) -> None:
    """Each is told by a text, and by nothing else."""
    with pytest.raises(BadMail, match=r"\w"):
        submitted.read(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"a" * 900 * 10_000,
        b"a:\r\n" * 200_000,
        b"From: " + b'"\\"' * 80_000 + b"\r\n\r\n",
        b"From: " + b'"a" ' * 60_000 + b"\r\n\r\n",
        b"From:" + b"\r\n  a" * 50_000 + b"\r\n\r\n",
        b"From:" + b" " * 250_000 + b"\r\n\r\n",
        b"From: " + b"<" * 250_000 + b"\r\n\r\n",
        b"From:" + b"\r\n" + b" \t" * 120_000 + b"\r\n\r\n",
    ],
)
def test_hostile_headers_end_soon(octets: bytes) -> None:
    """Each octet is looked at once; what looked at them again and again would not end."""
    with pytest.raises(BadMail):
        submitted.read(octets)


_PIECES = st.sampled_from(
    [
        b"From: a@b.example",
        b"bcc: s@b.example",
        b"\r\n",
        b"\r",
        b"\n",
        b" ",
        b"Date: x",
        b":",
        b"\0",
        b"<",
        b'"',
        b"\xff",
        b"X: y",
    ]
)


@given(st.lists(st.one_of(_PIECES, st.binary(max_size=4)), max_size=30).map(b"".join))
def test_whatever_comes(octets: bytes) -> None:
    """It is refused, or completed to a mail from the same sender without what only that one should see."""
    try:
        draft = submitted.read(octets)
    except BadMail:
        return
    again = submitted.read(submitted.completed(draft, message_id="<id@b.example>", at=utc_now()))
    assert again.from_ == draft.from_
    assert again.names == (draft.names - {b"bcc", b"resent-bcc", b"return-path"}) | {b"date", b"message-id"}
    assert again.body == draft.body
