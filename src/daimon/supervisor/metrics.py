"""The metrics of the whole server: what its processes count, and what waits in the database."""

import asyncio
import math
from collections.abc import Sequence

import asyncpg

import daimon.api.metrics
import daimon.billing.metrics
import daimon.inbound.metrics
import daimon.outbound.metrics
import daimon.smtpd.metrics
import daimon.webhooks.metrics  # noqa: F401 -- all of them: to know what each role counts
from daimon.inbound import backlog as inbound
from daimon.kit import metrics
from daimon.kit.exposition import text
from daimon.kit.metrics import Board, Counter, Gauge
from daimon.outbound import backlog as outbound

_PATIENCE = 2.0

deaths = Counter("daimon_process_deaths_total", "Processes of a role that ended by themselves.", ("role",))
_accepted = Gauge("daimon_inbound_queue_mails", f"Accepted mails that are not visible yet; {inbound.MOST} is the most.")
_parked = Gauge("daimon_inbound_parked_mails", f"Mails that are parked; {inbound.MOST} is the most.")
_to_send = Gauge("daimon_outbound_queue_mails", f"Mails to send, one for each recipient; {outbound.MOST} is the most.")
_ready = Gauge("daimon_outbound_ready_mails", "Those of them that could be sent now and wait for their turn.")


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
    found = dict.fromkeys((_accepted, _parked, _to_send, _ready), math.nan)
    try:
        async with asyncio.timeout(_PATIENCE):
            connection = await asyncpg.connect(url)
            try:
                arriving, leaving = await inbound.measure(connection), await outbound.measure(connection)
            finally:
                await connection.close(timeout=_PATIENCE)
        found = {
            _accepted: arriving.queued, _parked: arriving.parked, _to_send: leaving.queued, _ready: leaving.ready
        }  # fmt: skip
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # TimeoutError is an OSError
        pass
    for gauge, mails in found.items():
        gauge.set(mails)
