"""What runs in a child of the supervisor: one role, over a socket that was bound before."""

import asyncio
import json
import os
import signal
import socket
import sys

import uvloop

from daimon import bootstrap, config
from daimon.config import Settings


def run(role: str, fd: int | None) -> None:
    """Run a role until SIGTERM, which lets it finish what it does."""
    handed = sys.stdin.buffer.readline()
    if not handed:
        return  # the supervisor is gone before it began
    settings = config.load(json.loads(handed)).settings
    listener = None if fd is None else socket.socket(fileno=fd)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(role, settings, listener))


async def _run(role: str, settings: Settings, listener: socket.socket | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    loop.add_reader(sys.stdin.fileno(), _orphaned)
    match role, listener:
        case "api", socket.socket():
            await bootstrap.run_api(settings, listener, stop)
        case "smtp", socket.socket():
            await bootstrap.run_smtp(settings, listener, stop)
        case "worker", None:
            await bootstrap.run_worker(settings, stop)
        case _:
            raise ValueError(f"no such role: {role}")


def _orphaned() -> None:
    """End at once: the supervisor, which alone holds the other end of standard input, is gone."""
    os._exit(1)
