"""Verifying a DKIM signature by its key (RFC 6376 §6.1.2, RFC 8301, RFC 8463): one small public-key operation."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from daimon.kit.dns import AsksTexts, NoSuchName, Unanswered
from daimon.mail.dkim_signature import DkimResult, Signature
from daimon.mail.tags import read_base64, read_tags

MOST_RECORDS = 3  # of a selector that are tried
KEY_BITS = range(1024, 4097)  # RFC 8301 §3.2
MOST_EXPONENT = 2**32  # of an RSA key: one as long as the modulus makes verifying a hundred times dearer
_RECORD_OCTETS = 8 * 1024
_KEYS = 1000  # that are remembered


async def check(asker: AsksTexts, signature: Signature, *, at: datetime) -> DkimResult:
    """Return what becomes of a signature at a moment (of receipt), by the key that DNS has for it."""
    if signature.unsound:
        return signature.unsound
    try:
        records = (await asker.txt(key_name(signature))).records
    except NoSuchName:
        records = ()
    except Unanswered:
        return "temperror"
    return verify(signature, records, at=at)


def verify(signature: Signature, records: Sequence[bytes], *, at: datetime) -> DkimResult:
    """Return what becomes of a signature with the TXT records of its selector, at a moment (of receipt)."""
    if signature.unsound:
        return signature.unsound
    if signature.expires is not None and signature.expires < at.timestamp():
        return "policy"
    results = [_by_record(signature, record) for record in records[:MOST_RECORDS]]
    return "pass" if "pass" in results else next(iter(results), "permerror")  # §6.1.2: without a record, for good


def key_name(signature: Signature) -> str:
    """Return the name whose TXT records hold the key (§3.6.2.1)."""
    return f"{signature.selector}._domainkey.{signature.domain}"


def _by_record(signature: Signature, record: bytes) -> DkimResult:
    """Return what a key says (§6.1.2, §6.1.3)."""
    try:
        tags = read_tags(record[:_RECORD_OCTETS])
        key = _key(signature, tags)
        if isinstance(key, RSAPublicKey):
            key.verify(signature.value, signature.digest, PKCS1v15(), Prehashed(SHA256()))
        else:
            key.verify(signature.value, signature.digest)  # RFC 8463 §3: what is signed is the digest
    except InvalidSignature:
        return "fail"
    except (ValueError, KeyError, UnsupportedAlgorithm):
        return "permerror"
    return "pass"


def _key(signature: Signature, tags: dict[str, str]) -> RSAPublicKey | Ed25519PublicKey:
    """Return the key of a record (§3.6.1). Raises KeyError and ValueError if it is none for this signature."""
    is_for_it = (
        tags.get("v", "DKIM1") == "DKIM1"
        and ("v" not in tags or next(iter(tags)) == "v")
        and tags.get("k", "rsa").lower() == signature.algorithm
        and "sha256" in _listed(tags, "h", "sha256")
        and not {"*", "email"}.isdisjoint(_listed(tags, "s", "*"))
        and ("s" not in _listed(tags, "t", "") or signature.identity == signature.domain)
    )
    if not is_for_it:
        raise ValueError("the key is for something else")
    return _loaded(signature.algorithm, tags["p"])  # an empty one was revoked


@lru_cache(_KEYS)
def _loaded(algorithm: str, text: str) -> RSAPublicKey | Ed25519PublicKey:
    """Return the key that a text holds. To read one takes longer than to verify by it, and many mails share one."""
    octets = read_base64(text)
    if algorithm == "ed25519":
        return Ed25519PublicKey.from_public_bytes(octets)
    key = load_der_public_key(octets)  # of RFC 5280 or, as older ones are, of RFC 8017
    if not isinstance(key, RSAPublicKey) or key.key_size not in KEY_BITS:
        raise ValueError("no RSA key, or of a size that proves nothing")
    if key.public_numbers().e > MOST_EXPONENT:
        raise ValueError("an exponent that nobody has, made to cost us time")
    return key


def _listed(tags: dict[str, str], name: str, otherwise: str) -> set[str]:
    return {each.strip().lower() for each in tags.get(name, otherwise).split(":")}
