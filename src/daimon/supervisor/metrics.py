"""The metrics of the whole server: what its processes count, and what waits in the database."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import asyncpg

import daimon.api.metrics
import daimon.billing.metrics
import daimon.inbound.metrics
import daimon.outbound.metrics
import daimon.smtpd.metrics
import daimon.webhooks.metrics  # noqa: F401 -- all of them: to know what each role counts
from daimon.kit import metrics
from daimon.kit.exposition import text
from daimon.kit.metrics import Board, Counter, Gauge
from daimon.supervisor import backlog

_PATIENCE = 2.0

deaths = Counter("daimon_process_deaths_total", "Processes of a role that ended by themselves.", ("role",))
_UP_TO = f"{backlog.MOST} is the most."
_waiting = {  # by their names in a Backlog
    "accepted": Gauge("daimon_inbound_queue_mails", f"Accepted mails that are not visible yet; {_UP_TO}"),
    "parked": Gauge("daimon_inbound_parked_mails", f"Mails that are parked; {_UP_TO}"),
    "to_send": Gauge("daimon_outbound_queue_mails", f"Mails to send, one for each recipient; {_UP_TO}"),
    "ready": Gauge("daimon_outbound_ready_mails", "Those of them that could be sent now and wait for their turn."),
}


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
    found: Mapping[str, float] = dict.fromkeys(_waiting, math.nan)
    try:
        async with asyncio.timeout(_PATIENCE):
            connection = await asyncpg.connect(url)
            try:
                found = asdict(await backlog.measure(connection))
            finally:
                await connection.close(timeout=_PATIENCE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # TimeoutError is an OSError
        pass
    for name, gauge in _waiting.items():
        gauge.set(found[name])
