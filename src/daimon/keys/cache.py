"""Principals by secret, so that a GET is one query. Bounded, and never older than a second: that is how soon a
revocation holds in every process, without a message that could get lost."""

import time
from collections import OrderedDict

from daimon.db.engine import Database
from daimon.keys.errors import InvalidApiKey
from daimon.keys.models import Principal
from daimon.keys.repository import find_principal
from daimon.keys.secret import digest, is_well_formed
from daimon.kit.clock import Clock

MAX_AGE_SECONDS = 0.9
MAX_ENTRIES = 50_000


class KeyCache:
    """Looks secrets up, and remembers the answer for less than a second."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._seen: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal(self, secret: str) -> Principal:
        """Return whom a secret speaks for. Raises InvalidApiKey, ApiKeyRevoked, ApiKeyExpired, Unavailable."""
        hashed = digest(secret)
        known = self._seen.get(hashed)
        if known and time.monotonic() < known[0]:
            return known[1]
        if not is_well_formed(secret):
            raise InvalidApiKey
        good_until = time.monotonic() + MAX_AGE_SECONDS
        async with self._db.read() as db:
            principal = await find_principal(db, hashed, self._clock())
        self._remember(hashed, good_until, principal)
        return principal

    def forget(self) -> None:
        """Forget everything: this process just changed a key, so it at least must see it at once."""
        self._seen.clear()

    def _remember(self, hashed: bytes, good_until: float, principal: Principal) -> None:
        self._seen[hashed] = (good_until, principal)
        self._seen.move_to_end(hashed)
        if len(self._seen) > MAX_ENTRIES:
            self._seen.popitem(last=False)
