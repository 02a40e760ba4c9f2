"""The SASL mechanisms PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login), as AUTH carries them (RFC 4954)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final, NamedTuple

MECHANISMS: Final = ("PLAIN", "LOGIN")
_CHALLENGES: Final[Mapping[str, tuple[str, ...]]] = {
    "PLAIN": ("",),
    "LOGIN": ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"),  # `Username:` and `Password:`, as all clients know them
}
_MOST_CHARS: Final = 255  # of a user and of a password


class BadResponse(ValueError):
    """The client's response is not what the mechanism says."""


class Credentials(NamedTuple):
    """Who the client says it is."""

    user: str
    password: str


class Exchange:
    """Challenges and responses of one AUTH, until there are credentials."""

    def __init__(self, mechanism: str) -> None:
        self._mechanism = mechanism
        self._responses: list[str] = []

    @property
    def challenge(self) -> str | None:
        """What the client is asked next, in base64; None once it has said everything."""
        asked = _CHALLENGES[self._mechanism]
        return asked[len(self._responses)] if len(self._responses) < len(asked) else None

    def respond(self, response: bytes) -> None:
        """Take the response to the challenge, in base64. Raises BadResponse."""
        try:
            self._responses.append(base64.b64decode(response, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError) as error:
            raise BadResponse from error

    def credentials(self) -> Credentials:
        """Return what the client has said. Raises BadResponse."""
        user, password = self._responses if self._mechanism == "LOGIN" else _plain(self._responses[0])
        if not (0 < len(user) <= _MOST_CHARS and 0 < len(password) <= _MOST_CHARS):
            raise BadResponse
        return Credentials(user, password)


def _plain(message: str) -> tuple[str, str]:
    """RFC 4616 §2: `[authzid] NUL authcid NUL passwd`. Nobody acts for another here."""
    acting_for, *said = message.split("\0")
    if len(said) != 2 or acting_for not in ("", said[0]):
        raise BadResponse
    return said[0], said[1]
