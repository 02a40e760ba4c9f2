"""Mails with an Authenticated Received Chain (RFC 8617): as dkimpy seals them, and as nobody should."""

import base64
import hashlib
from collections.abc import Sequence

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daimon.mail.canonical import FIELD, relaxed_body, relaxed_field
from daimon.mail.dkim_signing import SigningKey

NAMES = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")


def sealed(mail: bytes, keys: Sequence[SigningKey]) -> bytes:
    """Return a mail as it went through the hands of each key's domain, sealed by dkimpy. The keys are RSA keys."""
    for nth, key in enumerate(keys):
        found = b"Authentication-Results: mx.example; spf=pass smtp.mailfrom=example.org; arc=%s\r\n"
        assert isinstance(key.private, RSAPrivateKey)
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        fields = dkimpy.arc_sign(
            found % (b"pass" if nth else b"none") + mail, key.selector.encode(), key.domain.encode(), pem, b"mx.example"
        )
        mail = b"".join(fields) + mail
    return mail


def hop(
    mail: bytes, key: SigningKey, number: int, cv: bytes | None = None, *, signature: bytes = b"", seal: bytes = b""
) -> bytes:
    """Return a mail with one more set, whose parts are right for what they say: nobody refuses to sign anything.

    `signature` and `seal` are tags to add to those fields.
    """
    head, _, body = mail.partition(b"\r\n\r\n")
    earlier = [(m[1].lower(), m[2]) for m in FIELD.finditer(head + b"\r\n")]
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
    own = b"i=%d; a=%s-sha256; d=%s; s=%s; %%s" % (
        number,
        key.algorithm.encode(),
        key.domain.encode(),
        key.selector.encode(),
    )
    results = (NAMES[0], b" i=%d; mx.example; arc=%s" % (number, cv or b"none"))
    author = next(relaxed_field(name, value) + b"\r\n" for name, value in earlier if name == b"from")
    message = own % b"c=relaxed/relaxed; h=from; bh=%s; %sb=" % (body_hash, signature)
    message = b" " + _signed(key, author, NAMES[1], message)
    cv = cv or (b"none" if number == 1 else b"pass")
    # Sets are over each other from the top; within one, the fields stand as in `NAMES` from the end (RFC 8617 §5.1.1).
    before = [(name, value) for name, value in reversed(earlier) if name in NAMES]
    over = b"".join(relaxed_field(*each) + b"\r\n" for each in [*before, results, (NAMES[1], message)])
    sealing = b" " + _signed(key, over, NAMES[2], own % b"cv=%s; %sb=" % (cv, seal))
    fields = ((NAMES[2], sealing), (NAMES[1], message), results)
    return b"".join(b"%s:%s\r\n" % each for each in fields) + mail


def _signed(key: SigningKey, over: bytes, name: bytes, tags: bytes) -> bytes:
    """Return tags with the signature at their end, of some fields and of themselves."""
    octets = over + relaxed_field(name, tags)
    if isinstance(key.private, RSAPrivateKey):
        made = key.private.sign(octets, PKCS1v15(), SHA256())
    else:
        made = key.private.sign(hashlib.sha256(octets).digest())
    return tags + base64.b64encode(made)
