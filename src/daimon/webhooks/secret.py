"""Secrets of webhooks: `whsec_` and 32 random bytes in base64, as Standard Webhooks has them; sealed at rest."""

import base64
import os

from daimon.kit.crypto import derive, seal, unseal

_PREFIX = "whsec_"
_BYTES = 32
_PURPOSE = "webhooks"


def make() -> str:
    """Return a new secret."""
    return _PREFIX + base64.b64encode(os.urandom(_BYTES)).decode()


def is_one(text: str) -> bool:
    """Tell whether a text is a secret: the prefix, and 24 to 64 bytes in base64."""
    try:
        return text.startswith(_PREFIX) and 24 <= len(base64.b64decode(text[len(_PREFIX) :], validate=True)) <= 64
    except ValueError:
        return False


def key_of(secret: str) -> bytes:
    """Return the bytes that a secret stands for, which sign."""
    return base64.b64decode(secret.removeprefix(_PREFIX))


class Vault:
    """Seals secrets and opens them again, under a key of the server's."""

    def __init__(self, server_secret: bytes) -> None:
        self._key = derive(server_secret, _PURPOSE)

    def seal(self, secret: str) -> bytes:
        """Return a secret as it is stored."""
        return seal(self._key, secret.encode())

    def open(self, box: bytes) -> str:
        """Return a stored secret. Raises cryptography's InvalidTag if the server's secret key is another one now."""
        return unseal(self._key, box).decode()
