"""Messages that end where they end, commands that hold one path."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.mail.address import BadAddress
from daimon.mail.esmtp import Extensions
from daimon.mail.reply_reader import RawReply
from daimon.mail.smtp_commands import END_OF_DATA, mail, path, rcpt, transparent, with_crlf

_TEXT = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"x", b"MAIL"])).map(b"".join)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", b"\r\n"),
        (b"x", b"x\r\n"),
        (b"x\r\n", b"x\r\n"),
        (b"x\ny\rz\r\n", b"x\r\ny\r\nz\r\n"),
        (b"\r\r\n", b"\r\n\r\n"),
        (b"\n\r", b"\r\n\r\n"),
    ],
)
def test_lines_end_in_crlf(octets: bytes, expected: bytes) -> None:
    """RFC 5321 §2.3.8."""
    assert with_crlf(octets) == expected


@given(_TEXT)
def test_a_message_ends_once(octets: bytes) -> None:
    """However a server reads line ends, it finds the end of the message at its end; and undoing it gives it back."""
    message = with_crlf(octets)
    sent = transparent(message) + END_OF_DATA
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent)
    assert b"." not in re.split(rb"\r\n|\r|\n", sent)[:-2]
    assert sent.endswith(b"\r\n.\r\n")
    assert re.sub(rb"(?m)^\.", b"", sent.removesuffix(END_OF_DATA)) == message


@given(_TEXT)
def test_what_is_well_stays_as_it_is(octets: bytes) -> None:
    """A composed message is sent octet for octet."""
    message = with_crlf(octets)
    assert with_crlf(message) is message


@pytest.mark.parametrize(
    ("address", "written"),
    [
        (None, "<>"),
        ("a@example.com", "<a@example.com>"),
        ('"a b"@example.com', '<"a b"@example.com>'),
        ("a@bücher.example", "<a@xn--bcher-kva.example>"),
        ("ä@example.com", "<ä@example.com>"),
        ("a@[192.0.2.1]", "<a@[192.0.2.1]>"),
    ],
)
def test_paths(address: str | None, written: str) -> None:
    """RFC 5321 §4.1.2; a domain is written in A-labels."""
    assert path(address) == written
    assert mail(written, "SIZE=1") == f"MAIL FROM:{written} SIZE=1\r\n".encode()
    assert rcpt(written) == f"RCPT TO:{written}\r\n".encode()


@given(st.text(max_size=30))
def test_a_path_ends_no_command(address: str) -> None:
    """Whatever an address holds."""
    try:
        written = path(address)
    except BadAddress:
        return
    assert not re.search(r"[\x00-\x1f\x7f]", written)
    assert " " not in re.sub(r'"(?:[^"\\]|\\.)*"', "", written)


def test_extensions() -> None:
    """Keywords in any case of letters, the old form of AUTH, and lines that say nothing."""
    lines = [b"mx greets you", b"size 100", b"AUTH=login plain", b"", b"\xff\xfe", b"8BITMIME"]
    esmtp = Extensions.of(RawReply(250, lines))
    assert (esmtp.max_size, esmtp.auth) == (100, ("LOGIN", "PLAIN"))
    assert "8BITMIME" in esmtp
    assert "MX" not in esmtp
    assert "" not in esmtp
    assert Extensions.none().max_size is None
