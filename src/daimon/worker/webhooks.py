"""The worker's webhooks: a dispatcher, woken by events and by the clock."""

import asyncio

from daimon.db.engine import Database
from daimon.db.listener import listen
from daimon.events import rings
from daimon.kit.clock import Clock
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import wake
from daimon.webhooks.dispatch import Dispatcher, settle
from daimon.webhooks.secret import Vault
from daimon.worker.loops import every, work

RENEW_SECONDS = 3.0
WAKE_SECONDS = 1.0
STOP_SECONDS = 8.0  # an attempt takes 5 at most


async def run(
    db: Database, *, http: SafeHttp, vault: Vault, public_url: str, clock: Clock, stop: asyncio.Event
) -> None:
    """Send events to webhooks until `stop`, then finish what is under way."""
    dispatcher = Dispatcher(db, http=http, vault=vault, clock=clock, public_url=public_url)
    stopped = asyncio.Event()  # leases are prolonged until the last attempt has ended

    async def walk() -> None:
        await dispatcher.walk()

    async with asyncio.TaskGroup() as group:
        group.create_task(listen(db.url, rings.CHANNEL, dispatcher.heard, stop, connected=dispatcher.walk_anew))
        group.create_task(listen(db.url, wake.CHANNEL, dispatcher.changed, stop))
        group.create_task(dispatcher.tails.run(db, stop))
        group.create_task(work(dispatcher.look, dispatcher.bell, stop))
        group.create_task(every(WAKE_SECONDS, dispatcher.wake_due, stop))
        group.create_task(every(WAKE_SECONDS, walk, stop))
        group.create_task(every(RENEW_SECONDS, dispatcher.renew, stopped))
        await stop.wait()
        await settle(dispatcher, STOP_SECONDS)
        stopped.set()
