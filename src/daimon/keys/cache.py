"""Principals by secret, so that a GET is one query. Bounded, and never older than a second: that is how soon a
revocation holds in every process, without a message that could get lost."""

import asyncio
import time
from collections import OrderedDict
from typing import NamedTuple

from daimon.db.walls import TenantDatabase
from daimon.keys.errors import InvalidApiKey
from daimon.keys.models import Principal
from daimon.keys.repository import find_principal
from daimon.keys.secret import digest, is_well_formed
from daimon.kit.clock import Clock
from daimon.kit.errors import Unauthenticated

MAX_AGE_SECONDS = 0.9
MAX_ENTRIES = 50_000


class _Entry(NamedTuple):
    good_until: float
    age: int  # how often everything had been forgotten when the look-up began
    principal: Principal


class _Flight(NamedTuple):
    """A look-up that runs: what it finds, None if it fails, and then everybody looks for himself."""

    age: int
    landed: "asyncio.Future[Principal | None]"


class KeyCache:
    """Looks secrets up, and remembers the answer for less than a second."""

    def __init__(self, db: TenantDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._age = 0
        self._flights: dict[bytes, _Flight] = {}
        self._seen: OrderedDict[bytes, _Entry] = OrderedDict()

    async def principal(self, secret: str) -> Principal:
        """Return whom a secret speaks for. Raises InvalidApiKey, ApiKeyRevoked, ApiKeyExpired, Unavailable."""
        hashed = digest(secret)
        known = self._seen.get(hashed)
        if known and known.age == self._age and time.monotonic() < known.good_until:
            return known.principal
        if not is_well_formed(secret):
            raise InvalidApiKey
        flight = self._flights.get(hashed)
        if flight is not None and flight.age == self._age:
            # Thousands who follow events with one key look it up in the same moment.
            principal = await asyncio.shield(flight.landed)  # who gives up shall not end it for the others
            if principal is not None:
                return principal
        return await self._look_up(hashed)

    async def _look_up(self, hashed: bytes) -> Principal:
        good_until, age = time.monotonic() + MAX_AGE_SECONDS, self._age
        flight = self._flights[hashed] = _Flight(age, asyncio.get_running_loop().create_future())
        principal: Principal | None = None
        try:
            loan = self._db.lend()
            async with loan as db:
                principal = await find_principal(db, hashed, self._clock())
                loan.seat = principal.scope.account_id  # the request that asks goes on with this connection
        except Unauthenticated:
            self._seen.pop(hashed, None)
            raise
        finally:
            flight.landed.set_result(principal)
            if self._flights.get(hashed) is flight:
                del self._flights[hashed]
        self._remember(hashed, _Entry(good_until, age, principal))
        return principal

    def knows(self, secret: str) -> bool:
        """Tell whether a secret was good when it was last looked up, however long ago."""
        return digest(secret) in self._seen

    def forget(self) -> None:
        """Trust nothing that was looked up so far: this process just changed a key, so it at least must see it at once.

        That includes look-ups that run at this moment.
        """
        self._age += 1

    def forget_one(self, secret: str) -> None:
        """Look a secret up anew when it comes next."""
        self._seen.pop(digest(secret), None)

    def _remember(self, hashed: bytes, entry: _Entry) -> None:
        self._seen[hashed] = entry
        self._seen.move_to_end(hashed)
        if len(self._seen) > MAX_ENTRIES:
            self._seen.popitem(last=False)
