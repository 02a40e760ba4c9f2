"""Where one process takes mail to be sent: what waits at one moment is planned together, and written together."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from daimon.audit.models import Entry
from daimon.audit.service import Trail
from daimon.db.engine import Connection
from daimon.db.ringer import Ringer
from daimon.db.walls import TenantDatabase
from daimon.events import rings
from daimon.kit.clock import Clock
from daimon.outbound import queue, writing
from daimon.outbound.models import Submitted
from daimon.outbound.planning import Planner
from daimon.outbound.road import Road
from daimon.outbound.writing import Prepared
from daimon.quotas.leases import Leases

AT_ONCE = 64  # mails in one transaction
MOST_OCTETS = 16 << 20  # of them

Finish = Callable[[Connection, Sequence[Submitted]], Awaitable[Sequence[Entry]]]


class Mailroom:
    """The collaborators of a submission, and the transaction in which it ends. Make one for each process.

    `told` rings for the events that submissions record, `posts` for the mails themselves.
    """

    def __init__(
        self, db: TenantDatabase, *, road: Road, trail: Trail, told: Ringer, posts: Ringer, clock: Clock
    ) -> None:
        self.road = road
        self.leases = Leases(db.read, clock)
        self.planner = Planner(db.read)
        self._db = db
        self._trail = trail
        self._told = told
        self._posts = posts

    async def commit(self, account_id: UUID, mails: Sequence[Prepared], finish: Finish) -> list[Submitted]:
        """Write mails of one account and return them once they are committed. Raises what `writing.write` raises.

        `finish` does what else belongs into the transaction, and returns what the audit trail is to tell.
        """
        with rings.noticing() as told:
            async with self._db.transaction(account_id) as db:
                submitted = await writing.write(db, mails, road=self.road)
                await self._trail.record(db, await finish(db, submitted))
        self._told.ring(*told)
        self._posts.ring(queue.READY)
        return submitted
