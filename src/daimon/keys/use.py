"""When each key was last used, and for what: remembered while requests run, written every few seconds for all of them.

No request writes. What is told of a key is up to a minute old; what a dying process had not yet written is lost.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from daimon.db.engine import Database
from daimon.keys.models import Principal
from daimon.keys.permissions import Permission
from daimon.keys.repository import Use, write_uses
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

FLUSH_SECONDS = 5.0
PRECISION_SECONDS = 60.0  # a key's row is written at most this often, unless it used a permission for the first time
MAX_KEYS = 50_000

_log = Log(__name__)


class KeyUses:
    """The uses of keys in one process that are not written yet, and those written within the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._waiting: dict[UUID, Use] = {}
        self._noted: OrderedDict[UUID, tuple[float, set[Permission]]] = OrderedDict()  # until when, and what

    def note(self, who: Principal, permission: Permission | None) -> None:
        """Remember that a key was used, for an operation that needs `permission`."""
        noted, now = self._noted.get(who.key_id), self._clock()
        if noted is None or noted[0] <= now:
            noted = (now + PRECISION_SECONDS, set())
            self._noted[who.key_id] = noted
            self._noted.move_to_end(who.key_id)
            if len(self._noted) > self._max_keys:
                self._noted.popitem(last=False)
        elif permission is None or permission in noted[1]:
            return
        if permission is not None:
            noted[1].add(permission)
        self._wait(who, permission)

    async def flush(self, db: Database, clock: Clock) -> None:
        """Write what was noted since the last time, in one statement. Raises Unavailable; then it waits on."""
        uses, self._waiting = self._waiting, {}
        if not uses:
            return
        try:
            async with db.read() as connection:
                await write_uses(connection, list(uses.values()), clock())
        except BaseException:
            for key_id, use in uses.items():
                self._waiting.setdefault(key_id, use).permissions.update(use.permissions)
            raise

    async def keep_writing(self, db: Database, clock: Clock, stop: asyncio.Event) -> None:
        """Flush every few seconds until `stop`, and once more then."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FLUSH_SECONDS)
            try:
                await self.flush(db, clock)
            except Unavailable as error:
                _log.warning("keys.use_not_written", error=repr(error.__cause__))

    def _wait(self, who: Principal, permission: Permission | None) -> None:
        use = self._waiting.get(who.key_id)
        if use is None:
            if len(self._waiting) >= self._max_keys:  # the database is away; the key is noted again within a minute
                return
            use = self._waiting[who.key_id] = Use(who.account.account_id, who.key_id, set())
        if permission is not None:
            use.permissions.add(permission)
