"""Header sections, encoded words, parameters, mailboxes and dates, the broken ones too."""

from datetime import UTC, datetime

import pytest

from daimon.mail import date, encoded_word, header, mailboxes, parameters
from daimon.mail.parsed import Mailbox


@pytest.mark.parametrize(
    ("octets", "fields", "body"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody", [("a", "1"), ("b", "2")], b"body"),
        (b"A: 1\n\nbody", [("a", "1")], b"body"),
        (b"A: 1\r\n 2\r\n\t3\r\n\r\nbody", [("a", "1 2\t3")], b"body"),
        (b"A : 1\r\n\r\n", [("a", "1")], b""),
        (b"A: 1", [("a", "1")], b""),
        (b"\r\nbody", [], b"body"),
        (b"", [], b""),
        (b"From x@y Mon Mar 16\r\nA: 1\r\n\r\nbody", [("a", "1")], b"body"),
        (b"A: 1\r\nnonsense\r\nSubject: 2\r\n\r\nbody", [("a", "1"), ("subject", "2")], b"body"),
        (b"A: 1\r\nwords without an empty line\r\nmore", [("a", "1")], b"words without an empty line\r\nmore"),
        (b"A: 1\r\n--boundary\r\nB: 2\r\n\r\n", [("a", "1")], b"--boundary\r\nB: 2\r\n\r\n"),
    ],
)
def test_header_section(octets: bytes, fields: list[tuple[str, str]], body: bytes) -> None:
    """RFC 5322 §2.2: fields up to the empty line, unfolded; odd lines do not hide those after them."""
    found = header.read(octets)
    assert [(name, value) for name, values in found.fields.items() for value in values] == fields
    assert octets[found.body :] == body


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("=?UTF-8?B?Y2Fmw6k=?= au lait", "café au lait"),
        ("=?iso-8859-1?Q?a_b=20c?=", "a b c"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\t =?iso-8859-1?q?=E9?=", "aé"),
        ("=?utf-8*en?q?a?=", "a"),
        ("=?utf-8?q?a b?=", "a b"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("x=?utf-8?q?a?=y", "xay"),
        ("=?utf-8?b?!!!?=", ""),
        ("=?nosuch?q?=E9?=", "é"),
    ],
)
def test_encoded_words(written: str, read: str) -> None:
    """RFC 2047, with the mistakes that senders make."""
    assert encoded_word.decode(written) == read


@pytest.mark.parametrize(
    ("text", "kind", "params"),
    [
        ("text/plain", "text/plain", {}),
        ("TEXT/Plain; Charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        ('a/b; name="x; y.txt"; q=1', "a/b", {"name": "x; y.txt", "q": "1"}),
        ('a/b; name="a\\"b"', "a/b", {"name": 'a"b'}),
        ("a/b; name=my file.txt; x=1", "a/b", {"name": "my file.txt", "x": "1"}),
        ('a/b; name="never closed', "a/b", {"name": "never closed"}),
        ("a/b; name*=utf-8'en'%e2%82%ac.txt", "a/b", {"name": "€.txt"}),
        ("a/b; name*0=a; name*1=b; name*2=c", "a/b", {"name": "abc"}),
        ("a/b; name*1*=%C3%A9; name*0*=utf-8''x", "a/b", {"name": "xé"}),
        ("a/b; name=plain.txt; name*=utf-8''%C3%A9.txt", "a/b", {"name": "é.txt"}),
        ("a/b;;;; ;x=1;", "a/b", {"x": "1"}),
        ("", "", {}),
    ],
)
def test_parameters(text: str, kind: str, params: dict[str, str]) -> None:
    """RFC 2045 §5.1 and RFC 2231."""
    assert parameters.parse(text) == (kind, params)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("..", None),
        ("a\r\nb.txt", "ab.txt"),
        ("exe.\u202etxt.scr", "exe.txt.scr"),
        ("x" * 400 + ".docx", "x" * 235 + "x" * 15 + ".docx"),
        ("", None),
    ],
)
def test_filename_is_safe_to_save(written: str, name: str | None) -> None:
    """No directories, no control or direction characters, a bounded length that keeps the extension."""
    assert parameters.filename({"filename": written}, {}) == name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@b.org", [("a@b.org", None)]),
        ("Ada <a@b.org>", [("a@b.org", "Ada")]),
        ('"King, Ada" <a@b.org>, b@b.org', [("a@b.org", "King, Ada"), ("b@b.org", None)]),
        ("a@b.org (Ada King)", [("a@b.org", "Ada King")]),
        ("(c (nested (deep))) a@b.org", [("a@b.org", "c nested deep")]),
        ("Team: a@b.org, b@b.org;, c@b.org", [("a@b.org", None), ("b@b.org", None), ("c@b.org", None)]),
        ("undisclosed-recipients:;", []),
        ("<@x.org,@y.org:a@b.org>", [("a@b.org", None)]),
        ('"a b"@c.org', [('"a b"@c.org', None)]),
        ("Ada a@b.org", [("a@b.org", "Ada")]),
        ("Ada <a@b.org", [("a@b.org", "Ada")]),
        ("Ada <a@b.org, B <b@b.org>", [("a@b.org", "Ada"), ("b@b.org", "B")]),
        ("a@[IPv6:2001:db8::1], b@[192.0.2.1]", [("a@[IPv6:2001:db8::1]", None), ("b@[192.0.2.1]", None)]),
        ("=?utf-8?q?J=C3=B6rg?= <j@b.org>", [("j@b.org", "Jörg")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@b.org>', [("j@b.org", "Jörg")]),
        ("=?utf-8?q?Bank_=3Cceo=40bank.org=3E=2C?= <evil@b.org>", [("evil@b.org", "Bank <ceo@bank.org>,")]),
        ("Ada King\r\n <a@b.org>", [("a@b.org", "Ada King")]),
        ("", []),
        (",,;,", []),
        ("no address", []),
    ],
)
def test_mailboxes(text: str, found: list[tuple[str, str | None]]) -> None:
    """RFC 5322 §3.4 and §4.4; an encoded word never forges an address."""
    assert mailboxes.parse(text) == tuple(Mailbox(address, name) for address, name in found)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 16 Mar 2026 10:30:15 +0100", datetime(2026, 3, 16, 9, 30, 15, tzinfo=UTC)),
        ("16 Mar 2026 10:30 -0530", datetime(2026, 3, 16, 16, 0, tzinfo=UTC)),
        ("Mon, 16 Mar 26 10:30:00 GMT", datetime(2026, 3, 16, 10, 30, tzinfo=UTC)),
        ("Mon, 16 Mar 2026 10:30:60 +0000 (leap)", datetime(2026, 3, 16, 10, 30, 59, tzinfo=UTC)),
        ("16-Mar-2026 10:30:00 PDT", datetime(2026, 3, 16, 17, 30, tzinfo=UTC)),
        ("16 March 2026 10:30:00", datetime(2026, 3, 16, 10, 30, tzinfo=UTC)),
        ("2026-03-16T10:30:00Z", datetime(2026, 3, 16, 10, 30, tzinfo=UTC)),
        ("Mon, 32 Mar 2026 10:30:00 +0000", None),
        ("Mon, 16 Foo 2026 10:30:00 +0000", None),
        ("1 Jan 0001 00:00:00 +2359", None),
        ("1 Jan 2026 00:00:00 +9999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(text: str, moment: datetime | None) -> None:
    """RFC 5322 §3.3 and §4.3; what is no date is none."""
    assert date.parse(text) == moment
