"""Secrets at rest and links that need no key: AES-256-GCM boxes, HMAC signatures, keys derived by HKDF."""

import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


def derive(secret: bytes, purpose: str) -> bytes:
    """Return a 32-byte key for one purpose (RFC 5869), so that no two uses share one."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


def seal(key: bytes, clear: bytes) -> bytes:
    """Return nonce and ciphertext; only the same 32-byte key opens it."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, clear, None)


def unseal(key: bytes, box: bytes) -> bytes:
    """Return the clear text of `seal`. Raises cryptography's InvalidTag for another key or an altered box."""
    return AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], None)


def sign(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA-256 of a message."""
    return hmac.digest(key, message, hashlib.sha256)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is ours, in constant time."""
    return hmac.compare_digest(sign(key, message), signature)
