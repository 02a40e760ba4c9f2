"""Transfer encodings, charsets, flowed text, parts."""

import pytest

from daimon.mail import charset, flowed, mime, transfer


@pytest.mark.parametrize(
    ("octets", "encoding", "content"),
    [
        (b"aGVsbG8=", "base64", b"hello"),
        (b"aGVs\r\nbG8=\r\n", "base64", b"hello"),
        (b"aGVsbG8", "base64", b"hello"),
        (b"aGVs!!bG8=", "base64", b"hello"),
        (b"aGVsbG8=aGVsbG8=", "base64", b"hellohello"),
        (b"aGVsb", "base64", b"hel"),
        (b"", "base64", b""),
        (b"caf=C3=A9 =\r\nx", "quoted-printable", b"caf\xc3\xa9 x"),
        (b"a=ZZ=", "quoted-printable", b"a=ZZ"),
        (b"begin 644 x\r\n#86)C\r\n`\r\nend\r\n", "x-uuencode", b"abc"),
        (b"as it is", "8bit", b"as it is"),
        (b"as it is", "nosuch", b"as it is"),
    ],
)
def test_transfer_encodings(octets: bytes, encoding: str, content: bytes) -> None:
    """RFC 2045 §6, as far as broken content goes."""
    assert transfer.decode(octets, encoding) == content


@pytest.mark.parametrize(
    ("octets", "label", "text", "mislabelled"),
    [
        ("é".encode(), "utf-8", "é", False),
        ("é".encode(), "iso-8859-1", "é", True),
        ("é".encode("latin-1"), "utf-8", "é", True),
        ("é €".encode("cp1252"), "iso-8859-1", "é €", False),
        ("联通".encode("gbk"), "gb2312", "联通", False),
        ("你好，世界".encode(), "gb2312", "你好，世界", True),
        ("日本".encode("iso2022_jp"), "ISO-2022-JP", "日本", False),
        ("日本".encode("shift_jis"), "shift_jis", "日本", False),
        ("한국".encode("cp949"), "ks_c_5601-1987", "한국", False),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет", False),
        ("Привет".encode("cp1251"), "windows-1251", "Привет", False),
        (b"+AOk-", "utf-7", "é", False),
        (b"1 + 1 ~ 2", "utf-7", "1 + 1 ~ 2", True),
        ("é".encode("utf-16"), "utf-16", "é", False),
        (b"\xef\xbb\xbfx", None, "x", False),
        (b"a\x00b", None, "ab", False),
        ("naïve ".encode() * 50 + b"\xff", "utf-8", "naïve " * 50 + "\ufffd", True),
    ],
)
def test_charsets(octets: bytes, label: str | None, text: str, mislabelled: bool) -> None:
    """UTF-8 is known by itself, other labels are believed, and windows-1252 is the last resort."""
    assert charset.decode(octets, label) == (text, mislabelled)


@pytest.mark.parametrize(
    ("text", "delsp", "whole"),
    [
        ("a \nb\nc", False, "a b\nc"),
        ("a \nb", True, "ab"),
        (">> a \n>> b\n> c", False, ">> a b\n> c"),
        ("> a \nb", False, "> a \nb"),
        (" From x\n >y", False, "From x\n>y"),
        ("a \n-- \nsig", False, "a \n-- \nsig"),
    ],
)
def test_flowed_text(text: str, delsp: bool, whole: str) -> None:
    """RFC 3676: soft breaks, space-stuffing, quote depth, signature."""
    assert flowed.unflow(text, delsp=delsp) == whole


def mail(*lines: str) -> bytes:
    return "\r\n".join(("From: a@example.org", "Date: Mon, 16 Mar 2026 10:30:00 +0000", *lines, "")).encode()


def test_alternatives_are_said_once() -> None:
    """Of multipart/alternative the plain part is the text, and a blank one gives way to the HTML."""
    parts = ("--a", "Content-Type: text/plain", "", "{}", "--a", "Content-Type: text/html", "", "<p>rich</p>", "--a--")
    start = ("Content-Type: multipart/alternative; boundary=a", "")
    both = mime.parse(mail(*start, *(part.format("plain") for part in parts)))
    assert (both.body_text, both.body_html) == ("plain", "<p>rich</p>")
    assert mime.parse(mail(*start, *(part.format("  ") for part in parts))).body_text == "rich"


def test_a_footer_does_not_replace_the_html() -> None:
    """A mailing list's plain footer under an HTML mail is added to its text."""
    found = mime.parse(
        mail("Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: text/html", "", "<p>words</p>",
             "--a", "Content-Type: text/plain", "", "list footer", "--a--")
    )  # fmt: skip
    assert found.body_text == "words\n\nlist footer"


def test_outer_boundary_ends_what_is_open_inside() -> None:
    """RFC 2046 §5.1.2: a nested multipart that is never closed ends with its parent's part."""
    found = mime.parse(
        mail("Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: multipart/mixed; boundary=b", "",
             "--b", "", "one", "--a", "", "two", "--b", "", "not a part", "--a--", "", "epilogue")
    )  # fmt: skip
    assert found.body_text == "one\n\ntwo\n--b\n\nnot a part"


def test_digest_parts_are_messages() -> None:
    """RFC 2046 §5.1.5: the parts of a digest are message/rfc822 unless they say otherwise."""
    found = mime.parse(
        mail("Content-Type: multipart/digest; boundary=a", "", "--a", "", "Subject: x", "", "y", "--a--")
    )
    assert [file.content_type for file in found.attachments] == ["message/rfc822"]


def test_headers_are_decoded_and_repeated_ones_kept() -> None:
    """Names in lower case, every value in order, encoded words read."""
    found = mime.parse(mail("Received: one", "X-Name: =?utf-8?q?caf=C3=A9?=", "Received: two", "", "x"))
    assert found.headers["received"] == ["one", "two"]
    assert found.headers["x-name"] == ["café"]
