"""LISTEN on a connection of its own, kept alive. A notification is a hint: whoever waits also looks for himself."""

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg

from daimon.db.engine import OUTAGES
from daimon.kit.log import Log

RETRY_SECONDS = 0.5

_log = Log(__name__)


async def listen(
    url: str,
    channel: str,
    heard: Callable[[str], None],
    stop: asyncio.Event,
    *,
    connected: Callable[[], None] = lambda: None,
) -> None:
    """Call `heard` with the payload of every notification until `stop`; reconnect when the server went away.

    `connected` is called after every connect: what was missed meanwhile must be looked for.
    """
    while not stop.is_set():
        try:
            await _listen_once(url, channel, heard, stop, connected)
        except OUTAGES as error:
            _log.warning("listen.lost", channel=channel, error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RETRY_SECONDS)


async def _listen_once(
    url: str, channel: str, heard: Callable[[str], None], stop: asyncio.Event, connected: Callable[[], None]
) -> None:
    connection = await asyncpg.connect(url, server_settings={"application_name": f"daimon listen {channel}"})
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda _conn, _pid, _channel, payload: heard(str(payload)))
        connected()
        waits = [asyncio.ensure_future(event.wait()) for event in (lost, stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if lost.is_set():
            raise ConnectionResetError("the connection that listens was closed")
    finally:
        await connection.close(timeout=1)
