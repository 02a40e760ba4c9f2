"""DANE for SMTP (RFC 7672): which TLSA records count, and whether a server's certificates are the ones they mean."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from daimon.mail.wildcard import any_covers

MOST_RECORDS = 64
LONGEST_CHAIN = 10

_TA, _EE = 2, 3  # RFC 7671 §2.1: a trust anchor, the server's own certificate
_CERTIFICATE, _PUBLIC_KEY = 0, 1
_DIGEST_SIZES = {1: 32, 2: 64}  # SHA-256, SHA-512; 0 is the thing itself
_SEQUENCE, _VERSION = 0x30, 0xA0
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.ExtensionNotFound)


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Return the records that say something to a mail server.

    RFC 7672 §3.1.3: usages 0 and 1 need a public authority that SMTP has not agreed on. Without any usable record TLS
    is mandatory still, but the certificate goes unchecked (§2.2).
    """
    return tuple(each for each in records if _is_usable(each))[:MOST_RECORDS]


def matches(records: Sequence[Tlsa], chain: Sequence[bytes], *, names: Sequence[str], now: datetime) -> bool:
    """Return whether a server is the one that usable records mean.

    Args:
        records: What `usable` returned.
        chain: The server's certificates as it sent them, in DER, its own first.
        names: What it may be called, for DANE-TA: the name that the records were found under, and the mail domain.
        now: For the validity of certificates under a trust anchor. DANE-EE asks for neither name nor time (§3.1.1).
    """
    if not chain:
        return False
    own = [each for each in records if each.usage == _EE]
    anchors = [each for each in records if each.usage == _TA]
    if any(_means(each, chain[0]) for each in own):
        return True
    return bool(anchors) and _leads_to(anchors, chain[:LONGEST_CHAIN], names, now)


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in (_TA, _EE) or record.selector not in (_CERTIFICATE, _PUBLIC_KEY):
        return False
    if record.matching == 0:
        return bool(record.data)
    return len(record.data) == _DIGEST_SIZES.get(record.matching)


def _means(record: Tlsa, certificate: bytes) -> bool:
    selected = certificate if record.selector == _CERTIFICATE else _public_key_info(certificate)
    if selected is None:
        return False
    match record.matching:
        case 1:
            return hashlib.sha256(selected).digest() == record.data
        case 2:
            return hashlib.sha512(selected).digest() == record.data
        case _:
            return selected == record.data


def _leads_to(anchors: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime) -> bool:
    """Walk from the server's certificate upward, each signed by the next, until one is a trust anchor."""
    try:
        current, *others = [x509.load_der_x509_certificate(each) for each in chain]
        trusted = [any(_means(anchor, der) for anchor in anchors) for der in chain[1:]]
        if not any(trusted) or not _is_in_force(current, now) or not _is_called(current, names):
            return False
        below = 0  # authorities between the server's certificate and the next
        left = list(zip(others, trusted, strict=True))
        while found := next((pair for pair in left if _issued(pair[0], current, below, now)), None):
            if found[1]:
                return True
            left.remove(found)
            current, below = found[0], below + 1
    except _UNREADABLE:
        return False
    return False


def _issued(issuer: x509.Certificate, certificate: x509.Certificate, below: int, now: datetime) -> bool:
    if issuer.subject != certificate.issuer or not _is_in_force(issuer, now) or not _is_authority(issuer, below):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except _UNREADABLE:
        return False
    return True


def _is_authority(certificate: x509.Certificate, below: int) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    return found.ca and (found.path_length is None or below <= found.path_length)


def _is_in_force(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _is_called(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    """RFC 7672 §3.2.3: by its alternative names; by its common name only if it has none of those."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        patterns = alternatives.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        patterns = []
    if not patterns:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        patterns = [each.value for each in common if isinstance(each.value, str)]
    return any(any_covers(patterns, name) for name in names)


def _public_key_info(certificate: bytes) -> bytes | None:
    """Return the SubjectPublicKeyInfo octet for octet, which a library that writes it anew does not promise.

    RFC 5280 §4.1: Certificate → tbsCertificate → [0] version, serial, algorithm, issuer, validity, subject, key.
    """
    try:
        inside, _ = _element(certificate, 0, _SEQUENCE)
        at, _ = _element(certificate, inside, _SEQUENCE)
        if certificate[at] == _VERSION:
            at = _element(certificate, at)[1]
        for _ in range(5):
            at = _element(certificate, at)[1]
        return certificate[at : _element(certificate, at, _SEQUENCE)[1]]
    except (IndexError, ValueError):
        return None


def _element(der: bytes, at: int, tag: int | None = None) -> tuple[int, int]:
    """Return where the contents of the DER element at a place begin and end. Raises IndexError and ValueError."""
    if tag is not None and der[at] != tag:
        raise ValueError("another element")
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2 : begin], "big")
    if begin + length > len(der):
        raise ValueError("cut off")
    return begin, begin + length
