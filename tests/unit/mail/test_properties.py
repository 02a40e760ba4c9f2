"""What holds for any octets and any text."""

import binascii
import contextlib
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.mail import (
    charset,
    codes,
    date,
    encoded_word,
    flowed,
    html_text,
    links,
    mailboxes,
    mime,
    parameters,
    reply_text,
    threading,
    transfer,
    words,
)
from daimon.mail.address import Address, BadAddress, parse_address

from .storable import assert_storable

MAILS = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "corpus" / "mails").glob("*.eml"))]
LABELS = st.sampled_from(
    ["utf-8", "gb2312", "iso-2022-jp", "utf-7", "utf-16", "koi8-r", "us-ascii", "x-unknown", "punycode"]
)
PIECES = st.sampled_from(
    [b"--b\r\n", b"--b--\r\n", b"\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: text/html\r\n",
     b"Content-Transfer-Encoding: base64\r\n", b"=?utf-8?b?", b"?=", b"<div", b"<a href=x>", b"> ", b"On 1 wrote:\n",
     b"code 123456", b"From: a@b", b"<", b">", b'"', b"(", b";", b"\x00", b"\xff", b"\xed\xa0\x80", b"+2AA-",
     b"-- \r\n"]
)  # fmt: skip


@st.composite
def mutated_mails(draw: st.DrawFn) -> bytes:
    """A mail of the corpus with pieces cut out, doubled, put in or flipped."""
    octets = bytearray(draw(st.sampled_from(MAILS)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(octets)))
        length = draw(st.integers(0, 40))
        match draw(st.integers(0, 3)):
            case 0:
                del octets[at : at + length]
            case 1:
                octets[at:at] = octets[at : at + length] * 3
            case 2:
                octets[at:at] = draw(PIECES)
            case _:
                octets[at : at + length] = random.Random(at).randbytes(length)
    return bytes(octets)


@given(st.one_of(st.binary(max_size=2_000), st.lists(PIECES, max_size=60).map(b"".join)))
@settings(max_examples=150, deadline=None)
def test_any_octets_are_a_mail(octets: bytes) -> None:
    """`parse` and `headers_only` take any octets and give values that can be stored."""
    mail = mime.parse(octets)
    assert_storable(mail)
    assert_storable(mime.headers_only(octets))
    for file in mail.attachments:
        assert len(mime.attachment(octets, file.index)) == file.size


@given(mutated_mails())
@settings(max_examples=150, deadline=None)
def test_damaged_mails_are_mails(octets: bytes) -> None:
    """A real mail with any damage is still read."""
    assert_storable(mime.parse(octets))
    assert_storable(mime.headers_only(octets))


@given(st.binary(max_size=300), LABELS)
@settings(max_examples=150, deadline=None)
def test_any_octets_are_text(octets: bytes, label: str) -> None:
    """Decoding gives storable text under any label."""
    text, _ = charset.decode(octets, label)
    assert "\x00" not in text
    text.encode("utf-8")


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_goes_through_every_reader(text: str) -> None:
    """No reader of text raises, whatever the text."""
    clean = charset.clean(text)
    clean.encode("utf-8")
    encoded_word.decode(clean)
    mailboxes.parse(clean)
    parameters.parse(clean)
    date.parse(clean)
    flowed.unflow(clean, delsp=True)
    reply_text.new_text(clean)
    links.calls_to_action(links.of_text(clean))
    codes.find(words.of(clean[:50], clean))
    threading.message_ids(clean)
    threading.subject_key(clean)
    html_text.render(f"<p>{clean}</p>").text.encode("utf-8")


@given(st.text(max_size=200), st.booleans())
def test_encoded_words_come_back(text: str, base64: bool) -> None:
    """What a sender encodes by RFC 2047 is what is read."""
    clean = charset.clean(text).replace("\r", "").replace("\n", "")
    octets = clean.encode("utf-8")
    if base64:
        word = f"=?utf-8?B?{binascii.b2a_base64(octets, newline=False).decode()}?="
    else:
        word = "=?utf-8?Q?" + "".join(f"={octet:02X}" for octet in octets) + "?="
    assert encoded_word.decode(word) == clean


@given(st.binary(max_size=400), st.integers(1, 76))
def test_base64_comes_back(octets: bytes, width: int) -> None:
    """Base64 is read in lines of any width, without its padding too."""
    encoded = binascii.b2a_base64(octets, newline=False)
    lines = b"\r\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert transfer.decode(lines, "base64") == octets
    assert transfer.decode(lines.replace(b"=", b""), "base64") == octets


@given(
    st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Cc"]), min_size=1, max_size=20)
)
def test_addresses_come_back(local: str) -> None:
    """An address is either refused or reads the same again from what it writes."""
    try:
        address = parse_address('"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"@Example.ORG')
    except BadAddress:
        return
    assert parse_address(str(address)) == address
    assert address.domain == "example.org"


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_not(text: str) -> None:
    """Nothing but BadAddress is raised."""
    with contextlib.suppress(BadAddress):
        assert isinstance(parse_address(text), Address)
