"""Signing a mail (DKIM, RFC 6376; Ed25519, RFC 8463): relaxed canonicalization of header and body."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from daimon.mail.canonical import FIELD, relaxed_body, relaxed_field

_RSA_BITS = 2048  # RFC 8301 §3.2
# What a reader sees or a mail program goes by. Those named twice are signed as absent beyond what is there, so that
# nobody can add another one on the way (RFC 6376 §8.15).
_ONCE = ("from", "to", "cc", "subject", "date", "reply-to")
_SIGNED = (
    *_ONCE, "message-id", "in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding",
    "auto-submitted", "list-id", "list-unsubscribe", "list-unsubscribe-post", "sender",
)  # fmt: skip
_LINE = 72


class Algorithm(StrEnum):
    """How a key signs; the value is the `k=` of its record."""

    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and where its public half is found: `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> Algorithm:
        """Return how it signs."""
        return Algorithm.RSA if isinstance(self.private, RSAPrivateKey) else Algorithm.ED25519


def generate(algorithm: Algorithm) -> bytes:
    """Return a new private key in PKCS #8, DER. An RSA key takes about a tenth of a second."""
    key = generate_private_key(65537, _RSA_BITS) if algorithm is Algorithm.RSA else Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def load(domain: str, selector: str, der: bytes) -> SigningKey:
    """Return a key of `generate`, ready to sign. Raises TypeError for one of another kind, ValueError for none."""
    private = load_der_private_key(der, None)
    if isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        return SigningKey(domain, selector, private)
    raise TypeError("neither an RSA nor an Ed25519 key")


def record(key: SigningKey) -> str:
    """Return the TXT record that tells the world the public half (RFC 6376 §3.6.1)."""
    public = key.private.public_key()
    if key.algorithm is Algorithm.RSA:
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={key.algorithm}; p={base64.b64encode(octets).decode()}"


def sign(mail: bytes, keys: Sequence[SigningKey], *, at: datetime) -> bytes:
    """Return one DKIM-Signature field for each key, to stand before the mail. Its lines must end with CRLF."""
    head, _, body = mail.partition(b"\r\n\r\n")
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
    names, signed = _to_sign(head + b"\r\n")
    return b"".join(_signature(key, names, signed, body_hash, at) for key in keys)


def _to_sign(head: bytes) -> tuple[list[bytes], bytes]:
    """Return the names for `h=`, and the fields they stand for in their relaxed form (§3.4.2).

    Of several fields of one name the last comes first (§5.4.2).
    """
    found: dict[str, list[bytes]] = {}
    for name, value in FIELD.findall(head):
        found.setdefault(name.decode("ascii").lower(), []).append(value)
    names: list[bytes] = []
    fields: list[bytes] = []
    for name in _SIGNED:
        there = found.get(name, [])
        names += [name.encode()] * (len(there) + (name in _ONCE))
        fields += [relaxed_field(name.encode(), value) + b"\r\n" for value in reversed(there)]
    return names, b"".join(fields)


def _signature(key: SigningKey, names: Sequence[bytes], signed: bytes, body_hash: bytes, at: datetime) -> bytes:
    tags = [
        b"v=1;",
        b"a=%s-sha256;" % key.algorithm.encode(),
        b"c=relaxed/relaxed;",
        b"d=%s;" % key.domain.encode(),
        b"s=%s;" % key.selector.encode(),
        b"t=%d;" % at.timestamp(),
        b"h=" + b" : ".join(names) + b";",
        b"bh=%s;" % body_hash,
        b"b=",
    ]
    field = _fold(b"DKIM-Signature:", b" ".join(tags).split(b" "))
    name, _, value = field.partition(b":")
    digest = hashlib.sha256(signed + relaxed_field(name, value)).digest()
    made = base64.b64encode(_sign(key, digest))
    return field + b"".join(b"\r\n " + made[at_ : at_ + _LINE] for at_ in range(0, len(made), _LINE)) + b"\r\n"


def _sign(key: SigningKey, digest: bytes) -> bytes:
    if isinstance(key.private, RSAPrivateKey):
        return key.private.sign(digest, PKCS1v15(), Prehashed(SHA256()))
    return key.private.sign(digest)  # RFC 8463 §3: what is signed is the digest


def _fold(name: bytes, pieces: Sequence[bytes]) -> bytes:
    line, lines = name, []
    for piece in pieces:
        if len(line) + 1 + len(piece) > _LINE:
            lines.append(line)
            line = b""
        line += b" " + piece
    return b"\r\n".join([*lines, line])
