"""Two shapes of loop: one that runs while there is work and is rung awake, one that runs every so often."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from daimon.kit.log import Log

IDLE_SECONDS = 1.0  # looks for work this often even if no bell rang: a bell can be lost with its connection
OUTAGE_SECONDS = 0.5

_log = Log(__name__)


async def work(step: Callable[[], Awaitable[int]], bell: asyncio.Event, stop: asyncio.Event) -> None:
    """Run `step` until it finds nothing, then wait for the bell. A step that fails is tried again."""
    while not stop.is_set():
        bell.clear()
        try:
            done = await step()
        except Exception as error:
            _log.warning("worker.step_failed", step=step.__qualname__, error=repr(error))
            await _wait(stop, OUTAGE_SECONDS)
            continue
        if not done:
            await _wait_for_either(bell, stop)


async def every(seconds: float, step: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    """Run `step` now and then every so many seconds. A step that fails is tried again the next time."""
    while not stop.is_set():
        try:
            await step()
        except Exception as error:
            _log.warning("worker.step_failed", step=step.__qualname__, error=repr(error))
        await _wait(stop, seconds)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _wait_for_either(bell: asyncio.Event, stop: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (bell, stop)]
    try:
        await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
