"""Reading hostile octets where they can hurt nobody: in a process of its own, under limits that the kernel keeps.

The child may loop, crash or eat memory; it costs the mail at hand its reading, and no other mail anything.
"""

import asyncio
import multiprocessing
import resource
import signal
from collections.abc import Callable, Sequence
from enum import Enum
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerProcess

import msgspec

from daimon.inboxes.arrival import Understood

MAX_MEMORY = 1024 * 1024 * 1024  # of address space, beyond what the interpreter maps by itself
_WALL_FACTOR = 10  # a starved child is given this many times its CPU limit before it is taken for dead

_decode = msgspec.msgpack.Decoder(Understood).decode

Reading = Callable[[bytes], Understood]


class Unread(Enum):
    """Why a mail was not read."""

    TOO_SLOW = "it took more CPU time than allowed"
    CRASHED = "the reader died on it"


class Reader:
    """One child process that reads mails, started when first needed and replaced when it dies.

    `reading` is a module-level function: the child imports it. `cpu_seconds` is its limit for one mail.
    """

    def __init__(self, reading: Reading, *, cpu_seconds: float) -> None:
        self._reading = reading
        self._cpu_seconds = cpu_seconds
        self._child: tuple[ForkServerProcess, Pipe] | None = None
        self._busy = asyncio.Lock()

    async def read(self, mails: Sequence[bytes]) -> list[Understood | Unread]:
        """Read mails in order. A mail that kills the child is tried once more alone, unless it ran out of time."""
        async with self._busy:
            return await asyncio.to_thread(self._read, mails)

    def close(self) -> None:
        """End the child."""
        if self._child:
            process, pipe = self._child
            self._child = None
            pipe.close()
            process.kill()
            process.join()

    def _read(self, mails: Sequence[bytes]) -> list[Understood | Unread]:
        results: list[Understood | Unread] = []
        crashed_on = -1
        while len(results) < len(mails):
            at = len(results)
            fault = self._read_on(mails[at:], results)
            if fault is None:
                break
            if fault is Unread.CRASHED and crashed_on != len(results):
                crashed_on = len(results)  # whatever killed the child may not have been this mail's fault
            else:
                results.append(fault)
        return results

    def _read_on(self, mails: Sequence[bytes], results: list[Understood | Unread]) -> Unread | None:
        """Send mails and append what comes back, until all are read (None) or the child dies (why)."""
        process, pipe = self._running()
        try:
            for mail in mails:
                pipe.send_bytes(mail)
                if not pipe.poll(self._cpu_seconds * _WALL_FACTOR):
                    return self._buried(Unread.TOO_SLOW)
                results.append(_decode(pipe.recv_bytes()))
        except (EOFError, OSError):
            process.join(1)
            out_of_time = process.exitcode == -signal.SIGPROF
            return self._buried(Unread.TOO_SLOW if out_of_time else Unread.CRASHED)
        return None

    def _buried(self, why: Unread) -> Unread:
        self.close()
        return why

    def _running(self) -> tuple[ForkServerProcess, Pipe]:
        if self._child is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([self._reading.__module__])
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_child, args=(theirs, ours, self._reading, self._cpu_seconds), daemon=True, name="daimon-reader"
            )
            process.start()
            theirs.close()
            self._child = (process, ours)
        return self._child


def _child(pipe: Pipe, other_end: Pipe, reading: Reading, cpu_seconds: float) -> None:
    """Read mails until the parent closes the pipe. SIGPROF, which nobody handles, ends one that takes too long."""
    other_end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (_mapped() + MAX_MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    encode = msgspec.msgpack.Encoder().encode
    while True:
        try:
            mail = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        read = encode(reading(mail))
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send_bytes(read)


def _mapped() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
