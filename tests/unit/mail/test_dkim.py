"""Signatures verified: our own signer's, dkimpy's, the examples of RFC 8463, and those that must not hold."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from corpus.hostile import HOSTILE
from daimon.mail import dkim, dkim_signature
from daimon.mail.canonical import relaxed_body, simple_body
from daimon.mail.dkim_signature import MOST_SIGNATURES, Signature
from daimon.mail.dkim_signing import Algorithm, generate, load, record, sign
from daimon.mail.signed_mail import SignedMail

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
RSA, ED25519 = (load("example.org", f"of-{each}", generate(each)) for each in Algorithm)
RECORDS = {f"{key.selector}._domainkey.example.org": record(key).encode() for key in (RSA, ED25519)}
MAIL = (
    b"Received: from somewhere\r\nFrom: Ada  <ada@example.org>\r\nTo: bob@example.net\r\nSubject: Plans for\r\n"
    b"\tthe  summer\r\nX-Note: one\r\nX-Note: two\r\n\r\nDear Bob,\r\n\r\n  two  spaces\tand a tab \r\n\r\n\r\n"
)


def results(mail: bytes, records: dict[str, bytes] = RECORDS, at: datetime = NOW) -> list[str]:
    """Return what becomes of each signature of a mail."""
    found = []
    for each in dkim_signature.read(SignedMail(mail)):
        texts = [records[name]] if (name := dkim.key_name(each)) in records else []
        found.append(dkim.verify(each, texts, at=at))
    return found


SIGNED = sign(MAIL, [RSA, ED25519], at=NOW) + MAIL


def test_what_our_signer_signs_holds() -> None:
    """Both algorithms, and also when what is relaxed about changes on the way."""
    assert results(SIGNED) == ["pass", "pass"]
    on_the_way = SIGNED.replace(b"Ada  <", b"Ada <").replace(b"two  spaces\tand", b"two spaces and") + b"\r\n"
    assert results(b"Received: by a relay\r\n" + on_the_way) == ["pass", "pass"]


def _by_dkimpy(mail: bytes, **more: object) -> bytes:
    key = RSA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return bytes(dkimpy.sign(mail, b"of-rsa", b"example.org", key, **more)) + mail


@pytest.mark.parametrize("head", [b"relaxed", b"simple"])
@pytest.mark.parametrize("body", [b"relaxed", b"simple"])
@pytest.mark.parametrize("mail", [MAIL, MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", MAIL.rstrip()])
def test_what_dkimpy_signs_holds(head: bytes, body: bytes, mail: bytes) -> None:
    """Every canonicalization, with and without a body, and one whose last line has no end."""
    signed = _by_dkimpy(mail, canonicalize=(head, body))
    assert results(signed) == ["pass"]
    assert results(signed.replace(b"bob@", b"eve@")) == ["fail"]
    assert results(signed + b"More.\r\n") == ["fail"]


def test_a_length_that_leaves_something_out_is_not_believed() -> None:
    """RFC 6376 §8.2: with `l=`, anybody adds what they like. One that covers all is as good as none."""
    signed = _by_dkimpy(MAIL, length=True, canonicalize=(b"relaxed", b"relaxed"))
    assert results(signed) == ["pass"]
    assert results(signed + b"Buy this!\r\n") == ["policy"]


RFC_8463 = (Path(__file__).parents[2] / "corpus" / "rfc8463.eml").read_bytes().replace(b"\n", b"\r\n")
RFC_8463_KEYS = {
    "brisbane._domainkey.football.example.com": (b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    "test._domainkey.football.example.com": (
        b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY"
        b"/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryO"
        b"TIKT+l/K4w3QIDAQAB"
    ),
}


def test_the_examples_of_rfc_8463() -> None:
    """Appendix A: one mail with two signatures."""
    assert results(RFC_8463, RFC_8463_KEYS) == ["pass", "pass"]
    assert results(RFC_8463.replace(b"hungry", b"thirsty"), RFC_8463_KEYS) == ["fail", "fail"]


def _resigned(**tags: str) -> bytes:
    """Return the mail with tags of the first signature changed, which keeps its value."""
    field, _, rest = SIGNED.partition(b"DKIM-Signature:")[2].partition(b"\r\nDKIM-Signature:")
    del rest
    value = field.decode()
    for name, text in tags.items():
        at = value.index(f" {name}=")
        value = value[:at] + f" {name}={text}" + value[value.index(";", at) :]
    return b"DKIM-Signature:" + value.encode() + b"\r\n" + MAIL


@pytest.mark.parametrize(("tags", "result"), [
    ({}, "pass"),
    ({"v": "2"}, "permerror"),
    ({"a": "rsa-sha1"}, "permerror"),
    ({"a": "ed25519-sha256"}, "permerror"),
    ({"a": "none"}, "permerror"),
    ({"c": "nofws/simple"}, "permerror"),
    ({"d": "example.com"}, "permerror"),
    ({"d": "x y"}, "permerror"),
    ({"d": "b\u00fccher.example"}, "permerror"),
    ({"s": "nobody"}, "permerror"),
    ({"s": ""}, "permerror"),
    ({"h": "to : subject"}, "permerror"),
    ({"h": "from : " + "x : " * 3000}, "fail"),
    ({"bh": "AAAA"}, "fail"),
    ({"bh": "\u00e9"}, "permerror"),
    ({"t": "0; x=1"}, "policy"),
    ({"t": "0; x=" + "9" * 30}, "permerror"),
    ({"t": "0; l=100000000"}, "permerror"),
    ({"t": "0; l=-1"}, "permerror"),
    ({"t": "0; i=@evil.example"}, "permerror"),
    ({"t": "0; i=@notexample.org"}, "permerror"),
    ({"t": "0; i=x@sub.example.org"}, "fail"),
    ({"t": "0; q=http"}, "permerror"),
    ({"t": "0; t=1"}, "permerror"),
    ({"t": "0; =; ;"}, "permerror"),
])  # fmt: skip
def test_tags(tags: dict[str, str], result: str) -> None:
    """A changed tag never passes; what the standard forbids is a permanent error."""
    assert results(_resigned(**tags)) == [result]


@pytest.mark.parametrize("change", [
    lambda mail: b"From: ceo@example.org\r\n" + mail,
    lambda mail: b"X-A: 1\nFrom: ceo@example.org\r\n" + mail,
    lambda mail: b"X-A: 1\rFrom: ceo@example.org\r\n" + mail,
    lambda mail: b"From: ceo@example.org\n\nPay him.\r\n" + mail,
    lambda mail: b"Subject: another\r\n" + mail,
    lambda mail: b"no field\r\n" + mail,
    lambda mail: b" folded\r\n" + mail,
])  # fmt: skip
def test_what_could_be_read_in_two_ways_is_not_believed(change: "type[bytes]") -> None:
    """A signature that holds says nothing if it is not clear which From it signs (RFC 6376 §8.15)."""
    assert results(change(SIGNED)) == ["permerror", "permerror"]


def _key(**tags: str) -> dict[str, bytes]:
    known = dict(each.split("=", 1) for each in RECORDS["of-rsa._domainkey.example.org"].decode().split("; "))
    return {"of-rsa._domainkey.example.org": "; ".join(f"{n}={v}" for n, v in {**known, **tags}.items()).encode()}


@pytest.mark.parametrize(("tags", "result"), [
    ({"v": "DKIM1"}, "pass"),
    ({"v": "DKIM2"}, "permerror"),
    ({"k": "ed25519"}, "permerror"),
    ({"p": ""}, "permerror"),
    ({"p": "AAAA"}, "permerror"),
    ({"p": "*"}, "permerror"),
    ({"h": "sha1"}, "permerror"),
    ({"h": "sha1 : sha256"}, "pass"),
    ({"s": "email"}, "pass"),
    ({"s": "other"}, "permerror"),
    ({"t": "s:y"}, "pass"),
    ({"n": "a note"}, "pass"),
])  # fmt: skip
def test_key_records(tags: dict[str, str], result: str) -> None:
    """RFC 6376 §3.6.1."""
    signed = sign(MAIL, [RSA], at=NOW) + MAIL
    assert results(signed, _key(**tags)) == [result]


@pytest.mark.parametrize("bits", [512, 768, 1024, 4096, 8192])
def test_keys_of_a_size_that_proves_nothing(bits: int) -> None:
    """RFC 8301 §3.2: 1,024 bits at least; beyond 4,096 nobody is asked to calculate."""
    if bits in dkim.KEY_BITS:
        octets = generate_private_key(65537, bits).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:  # nobody makes these, or has the time to
        octets = _pkcs1((1 << (bits - 1)) + 1, 65537)
    found = results(sign(MAIL, [RSA], at=NOW) + MAIL, _key(p=base64.b64encode(octets).decode()))
    assert found == ["permerror" if bits not in dkim.KEY_BITS else "fail"]


@pytest.mark.parametrize(("exponent", "result"), [
    (3, "fail"), (2**32 - 1, "fail"), (2**32 + 1, "permerror"), (2**2047 + 1, "permerror"),
])  # fmt: skip
def test_keys_that_take_long_to_verify_by(exponent: int, result: str) -> None:
    """Nobody has an RSA key with a large exponent, except to make others calculate."""
    octets = _pkcs1((1 << 2048) - 1, exponent)
    assert results(sign(MAIL, [RSA], at=NOW) + MAIL, _key(p=base64.b64encode(octets).decode())) == [result]


def _pkcs1(modulus: int, exponent: int) -> bytes:
    numbers = b"".join(_integer(each) for each in (modulus, exponent))
    return b"\x30\x82" + len(numbers).to_bytes(2, "big") + numbers


def _integer(number: int) -> bytes:
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    size = len(octets)
    return b"\x02" + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + octets


def test_a_signature_ends() -> None:
    """`x=` is compared with the moment of receipt."""
    field = b"DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=of-ed25519; h=from; x=1700000000; bh=%s; b="
    body = hashlib.sha256(simple_body(MAIL.partition(b"\r\n\r\n")[2])).digest()
    field %= base64.b64encode(body)
    digest = hashlib.sha256(b"From: Ada  <ada@example.org>\r\n" + field).digest()
    assert isinstance(ED25519.private, Ed25519PrivateKey)
    signed = field + base64.b64encode(ED25519.private.sign(digest)) + b"\r\n" + MAIL
    end = datetime.fromtimestamp(1_700_000_000, UTC)
    assert results(signed, at=end) == ["pass"]
    assert results(signed, at=end + timedelta(seconds=1)) == ["policy"]


def test_only_the_first_signatures_are_looked_at() -> None:
    """A mail of thousands costs what one of five does, and each body is hashed once."""
    assert len(dkim_signature.read(SignedMail(sign(MAIL, [RSA], at=NOW) * 300 + MAIL))) == MOST_SIGNATURES


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mails(name: str) -> None:
    """What is meant to hurt the reader of MIME is hashed like any other body."""
    found = dkim_signature.read(SignedMail(sign(b"", [ED25519], at=NOW) + HOSTILE[name]()))
    assert [each.unsound for each in found] in (["fail"], ["permerror"], [])


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"bc"]), max_size=40).map(b"".join))
def test_canonical_bodies(body: bytes) -> None:
    """As dkimpy has them."""
    body += b"\r\n"
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)
    assert simple_body(body) == Simple.canonicalize_body(body)


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_any_octets_are_read(field: bytes, record_: bytes) -> None:
    """Nothing raises, whatever a signature or a key's record is."""
    for each in dkim_signature.read(SignedMail(b"DKIM-Signature:" + field + b"\r\n" + MAIL)):
        assert dkim.verify(each, [record_], at=NOW) != "pass"
    sound = Signature(domain="example.org", algorithm="rsa", digest=bytes(32), value=b"x")
    assert dkim.verify(sound, [record_, b"p=" + base64.b64encode(record_)], at=NOW) != "pass"
