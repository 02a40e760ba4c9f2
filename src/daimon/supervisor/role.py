"""What runs in a child of the supervisor: one role, over sockets that were bound before."""

import asyncio
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

import uvloop

from daimon import config
from daimon.config import Settings
from daimon.kit import metrics

_Role = Callable[[Settings, Sequence[socket.socket], asyncio.Event], Awaitable[None]]


def run(role: str, fds: Sequence[int], counts: int) -> None:
    """Run a role until SIGTERM, which lets it finish what it does."""
    wiring = importlib.import_module(f"daimon.bootstrap.{role}")  # while the database starts
    _spare_the_collector()
    handed = sys.stdin.buffer.readline()
    if not handed:
        return  # the supervisor is gone before it began
    metrics.share(counts)
    settings = config.load(json.loads(handed)).settings
    listeners = [socket.socket(fileno=each) for each in fds]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(wiring.run, settings, listeners))


def _spare_the_collector() -> None:
    """Let the garbage collector look seldom: mails and requests leave no cycles. It saves 8 % of an SMTP mail."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _run(serve: _Role, settings: Settings, listeners: Sequence[socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    loop.add_reader(sys.stdin.fileno(), _orphaned)
    await serve(settings, listeners, stop)


def _orphaned() -> None:
    """End at once: the supervisor, which alone holds the other end of standard input, is gone."""
    os._exit(1)
