"""The bodies of notices lie sealed until they are sent: the links in them are secrets.

The key is the process's own, set once where it starts. A notice is written deep inside the change that it tells of,
and nobody on the way there has any other use for the server's secret.
"""

from cryptography.exceptions import InvalidTag

from daimon.kit.crypto import derive, seal, unseal

_PURPOSE = "notices"
_keys: list[bytes] = []


def configure(secret: bytes) -> None:
    """Seal and open with the server's secret key from now on."""
    _keys[:] = [derive(secret, _PURPOSE)]


def seal_body(text: str) -> bytes:
    """Return a body as it is stored."""
    return seal(_keys[0], text.encode())


def open_body(box: bytes) -> str | None:
    """Return a stored body, None for one that was sealed under another secret key."""
    try:
        return unseal(_keys[0], box).decode() if box else ""
    except InvalidTag:
        return None
