"""The metrics of the whole server: what its processes count, and what waits in the database."""

import asyncio
import math
from collections.abc import Sequence

import asyncpg

import daimon.api.metrics
import daimon.inbound.metrics
import daimon.smtpd.metrics  # noqa: F401 -- all three: to know what each role counts
from daimon.inbound import backlog
from daimon.kit import metrics
from daimon.kit.exposition import text
from daimon.kit.metrics import Board, Counter, Gauge

_PATIENCE = 2.0

deaths = Counter("daimon_process_deaths_total", "Processes of a role that ended by themselves.", ("role",))
_queued = Gauge("daimon_inbound_queue_mails", f"Accepted mails that are not visible yet; {backlog.MOST} is the most.")
_waiting = Gauge("daimon_inbound_parked_mails", f"Mails that are parked; {backlog.MOST} is the most.")


class Metrics:
    """What a scrape shows. With the URL of a database, the backlog in it too."""

    def __init__(self, boards: Sequence[Board], database_url: str | None) -> None:
        self._boards = boards
        self._database_url = database_url

    def text(self) -> str:
        """Return everything as it is now."""
        if self._database_url is not None:
            asyncio.run(_measure(self._database_url))
        return text([metrics.own(), *self._boards])


async def _measure(url: str) -> None:
    """Look up how much waits; not a number where the database does not say so in time."""
    queued = parked = math.nan
    try:
        async with asyncio.timeout(_PATIENCE):
            connection = await asyncpg.connect(url)
            try:
                found = await backlog.measure(connection)
                queued, parked = found.queued, found.parked
            finally:
                await connection.close(timeout=_PATIENCE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # TimeoutError is an OSError
        pass
    _queued.set(queued)
    _waiting.set(parked)
