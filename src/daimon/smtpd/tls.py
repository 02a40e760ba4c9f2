"""Certificates for STARTTLS: the operator's, or one of our own making.

Servers that send mail use TLS without checking who we are (RFC 7435), so a self-made certificate already hides
the mail from the wire.
"""

import os
import secrets
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_FILE: Final = "smtp-self-made.pem"  # key and certificate
_VALID_FOR: Final = timedelta(days=3650)
_RENEW_BEFORE: Final = timedelta(days=30)


def configured(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context with the operator's certificate chain. Raises OSError (ssl.SSLError is one)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def self_made(directory: Path, *, hostname: str, now: datetime) -> ssl.SSLContext:
    """Return a context with the certificate kept in `directory`, making it first if there is none in force."""
    path = directory / _FILE
    if not _is_in_force(path, hostname, now):
        _keep(path, _make(hostname, now))
    return configured(path, path)


def _is_in_force(path: Path, hostname: str, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return False
    soon = now + _RENEW_BEFORE
    return names.get_values_for_type(x509.DNSName) == [hostname] and soon < certificate.not_valid_after_utc


def _make(hostname: str, now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def _keep(path: Path, pem: bytes) -> None:
    """Write readable to us alone from its first moment, and whole or not at all."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
