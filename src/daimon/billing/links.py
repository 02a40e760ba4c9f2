"""Links to pay by: signed, so that one in each 402 costs no row and no look-up (record 0024).

A link says in itself whose account it is for, which tier, and until when; the server's secret key signs that. One that
an agent asks for has a random part and is used once. One in the answer to a refused request is the same all day for
an account and a tier; a row is made for it when somebody goes on to pay.
"""

import base64
import binascii
import hashlib
import secrets
import struct
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from daimon.accounts.errors import LinkInvalid
from daimon.accounts.models import Tier
from daimon.billing.models import UpgradeLink
from daimon.kit.crypto import derive, sign, verify

VALID_FOR = timedelta(days=7)

_FORM = struct.Struct(">B16sBI8s")  # version, account, tier, when it ends in seconds, what tells it from others
_VERSION = 1
_NONCE_BYTES = 8
_SAME_ALL_DAY = bytes(_NONCE_BYTES)
_TIERS = tuple(Tier)


class Links:
    """Makes and reads the links of one server."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._key = derive(secret, "links to upgrade an account")
        self._public_url = public_url

    def for_refusal(self, account_id: UUID, target: Tier, *, now: datetime) -> str:
        """Return the URL in the answer to a request that money would have let through: valid 7 to 8 days."""
        tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
        return self.url(self._token(account_id, target, tomorrow + VALID_FOR, _SAME_ALL_DAY))

    def for_agent(self, account_id: UUID, target: Tier, *, now: datetime) -> str:
        """Return the secret part of a link that an agent asks for."""
        return self._token(account_id, target, now + VALID_FOR, secrets.token_bytes(_NONCE_BYTES))

    def url(self, token: str, page: str = "") -> str:
        """Return the URL of a link, or of a page below it."""
        return f"{self._public_url}/upgrade/{token}{page}"

    def read(self, token: str) -> UpgradeLink:
        """Return what a link says, whether it has expired or not. Raises LinkInvalid."""
        try:
            octets = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            version, account, tier, ends, nonce = _FORM.unpack_from(octets)
            signature = octets[_FORM.size :]
            if version != _VERSION or not verify(self._key, octets[: _FORM.size], signature):
                raise LinkInvalid
            return UpgradeLink(
                account_id=UUID(bytes=account),
                hash=hashlib.sha256(octets).digest(),
                target=_TIERS[tier],
                expires_at=datetime.fromtimestamp(ends, UTC),
                asked=nonce != _SAME_ALL_DAY,
            )
        except (binascii.Error, struct.error, ValueError):
            raise LinkInvalid from None

    def _token(self, account_id: UUID, target: Tier, ends: datetime, nonce: bytes) -> str:
        said = _FORM.pack(_VERSION, account_id.bytes, _TIERS.index(target), int(ends.timestamp()), nonce)
        return base64.urlsafe_b64encode(said + sign(self._key, said)).rstrip(b"=").decode()


def next_tier(tier: Tier) -> Tier:
    """Return the tier above, of the highest the highest."""
    return _TIERS[min(_TIERS.index(tier) + 1, len(_TIERS) - 1)]


def is_higher(tier: Tier, than: Tier) -> bool:
    """Whether a tier gives more than another."""
    return _TIERS.index(tier) > _TIERS.index(than)
