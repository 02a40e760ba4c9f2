"""Reading hostile octets where they can hurt nobody: in a process of its own, under limits that the kernel keeps.

The child may loop, crash or eat memory; it costs the mail at hand its reading, and no other mail anything.
"""

import asyncio
import contextlib
import multiprocessing
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil
from multiprocessing.context import ForkServerProcess
from typing import Any, TypeVar

import msgspec

from daimon.inboxes.arrival import Understood

MAX_MEMORY = 1024 * 1024 * 1024  # of address space, beyond what the interpreter maps by itself
MAX_RESULT = 64 * 1024 * 1024  # of what is read out of one mail
_LARGE_BLOCK = 16 * 1024 * 1024
_WALL_SECONDS = 10.0  # of silence, beyond the CPU limits: a child starved of CPU is given them, a stuck one is not
_TICK_SECONDS = 1.0  # silence is counted in: a process that was stopped itself, however long, missed one of them
_STARTS = 5
_START_PAUSE_SECONDS = 0.1

_CHUNK_MAILS = 16  # go to the child and back together: two processes that take turns by mail mostly wait
_CHUNK_BYTES = 256 * 1024

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Understood]).decode

_LENGTH_BYTES = 4  # before each of the messages between parent and child, in network order

_Read = TypeVar("_Read")
Reading = Callable[[bytes], Understood]


class Unread(Enum):
    """Why a mail was not read."""

    TOO_SLOW = "it took more CPU time than allowed"
    CRASHED = "the reader died on it"
    KILLED = "the reader was killed while it read it"


@dataclass(frozen=True, slots=True)
class _Child:
    process: ForkServerProcess
    from_child: asyncio.StreamReader
    to_child: asyncio.StreamWriter

    async def read(self, mails: Sequence[bytes]) -> list[Understood]:
        """Have mails read. Raises EOFError or OSError when the child ends meanwhile, MsgspecError on nonsense."""
        asked = _encode(mails)
        self.to_child.writelines((_length_of(asked), asked))
        await self.to_child.drain()
        length = int.from_bytes(await self.from_child.readexactly(_LENGTH_BYTES))
        if length > MAX_RESULT:
            raise EOFError
        return _decode(await self.from_child.readexactly(length))

    async def how_it_ended(self) -> int | None:
        """Return the exit code of a child that has closed its end, None if it lives on."""
        await asyncio.to_thread(self.process.join, 1)
        return self.process.exitcode

    def end(self) -> None:
        self.to_child.close()
        self.process.kill()
        self.process.join()


class Reader:
    """One child process that reads mails, started when first needed and replaced when it dies.

    `reading` is a module-level function: the child imports it. `cpu_seconds` is its limit for one mail. The octets go
    to and fro on the event loop: a thread that waits for them would, on a busy loop, wait for its turn as well.
    """

    def __init__(self, reading: Reading, *, cpu_seconds: float) -> None:
        self._reading = reading
        self._cpu_seconds = cpu_seconds
        self._child: _Child | None = None
        self._busy = asyncio.Lock()

    async def start(self) -> None:
        """Start the child now, so that the first mail does not wait for it."""
        async with self._busy:
            await self._running()

    async def read(self, mails: Sequence[bytes]) -> list[Understood | Unread]:
        """Read mails in order, up to the first that cannot be read: that took its time, and others need not wait on."""
        results: list[Understood | Unread] = []
        async with self._busy:
            for chunk in _chunks(mails):
                read = await self._read_chunk(chunk)
                results += await self._one_by_one(chunk, read) if isinstance(read, Unread) else read
                if isinstance(results[-1], Unread):
                    break
        return results

    def close(self) -> None:
        """End the child."""
        if self._child:
            self._child.end()
            self._child = None

    async def _one_by_one(self, chunk: Sequence[bytes], why: Unread) -> list[Understood | Unread]:
        """Find the mail of a chunk that could not be read, having read those before it."""
        if len(chunk) == 1 and why is not Unread.KILLED:
            return [why]
        results: list[Understood | Unread] = []
        for mail in chunk:
            read = await self._read_chunk([mail])
            if read is Unread.KILLED:  # by somebody else: it may not have been this mail's fault
                read = await self._read_chunk([mail])
            if isinstance(read, Unread):
                return [*results, read]
            results += read
        return results

    async def _read_chunk(self, chunk: Sequence[bytes]) -> list[Understood] | Unread:
        child = await self._running()
        try:
            read = await _patiently(child.read(chunk), _WALL_SECONDS + self._cpu_seconds * len(chunk))
        except TimeoutError:  # an OSError as well
            self.close()
            return Unread.TOO_SLOW
        except (EOFError, OSError):
            how = await child.how_it_ended()
            self.close()
            return _WHY.get(how, Unread.CRASHED)
        except msgspec.MsgspecError:  # what it says makes no sense
            read = []
        except BaseException:  # we go, and the answer to this would be taken for that to the next
            self.close()
            raise
        if len(read) != len(chunk):
            self.close()
            return Unread.CRASHED
        return read

    async def _running(self) -> _Child:
        if self._child is None:
            self._child = await self._started()
        return self._child

    async def _started(self) -> _Child:
        """Start a child. A fork server that was killed is noticed, and started again, only a moment later."""
        for _ in range(_STARTS - 1):
            with contextlib.suppress(OSError, EOFError):
                return await self._start_child()
            await asyncio.sleep(_START_PAUSE_SECONDS)
        return await self._start_child()

    async def _start_child(self) -> _Child:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.to_thread(self._fork, theirs)
            except BaseException:
                ours.close()
                raise
        return _Child(process, *await asyncio.open_unix_connection(sock=ours))

    def _fork(self, theirs: socket.socket) -> ForkServerProcess:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([self._reading.__module__])
        process = context.Process(
            target=_child, args=(theirs, self._reading, self._cpu_seconds), daemon=True, name="daimon-reader"
        )
        process.start()
        return process


async def _patiently(reading: Coroutine[Any, Any, _Read], seconds: float) -> _Read:
    """Return what is read, or raise TimeoutError when this process was awake for so long without it.

    One deadline would be past when this process, or its whole machine, goes on after a stop, although the answer has
    arrived meanwhile: it would be blamed on the mail.
    """
    task = asyncio.ensure_future(reading)
    try:
        for _ in range(ceil(seconds / _TICK_SECONDS)):
            await asyncio.wait({task}, timeout=_TICK_SECONDS)
            if task.done():
                return task.result()
        raise TimeoutError
    finally:
        task.cancel()


_NOBODY_KNOWS = 255  # the fork server, which would know how the child ended, is gone itself
_WHY: dict[int | None, Unread] = {
    -signal.SIGPROF: Unread.TOO_SLOW,
    -signal.SIGKILL: Unread.KILLED,
    _NOBODY_KNOWS: Unread.KILLED,
}


def _child(parent: socket.socket, reading: Reading, cpu_seconds: float) -> None:
    """Read mails until the parent closes its end. SIGPROF, which nobody handles, ends one that takes too long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (_mapped() + MAX_MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _keep_freed_memory()
    decode = msgspec.msgpack.Decoder(list[bytes]).decode
    with contextlib.suppress(OSError, msgspec.DecodeError), parent.makefile("rb") as asked:  # the parent is gone
        while length := asked.read(_LENGTH_BYTES):
            mails = decode(asked.read(int.from_bytes(length)))
            read = _encode([_timed(reading, mail, cpu_seconds) for mail in mails])
            parent.sendall(_length_of(read) + read)


def _length_of(message: bytes) -> bytes:
    return len(message).to_bytes(_LENGTH_BYTES)


def _keep_freed_memory() -> None:
    """Have the C library keep what one mail's HTML took for the next, instead of asking the kernel for it each time.

    glibc gives memory back from sizes that grow with the largest block ever freed (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytearray(_LARGE_BLOCK)


def _timed(reading: Reading, mail: bytes, cpu_seconds: float) -> Understood:
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    read = reading(mail)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return read


def _chunks(mails: Sequence[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for mail in mails:
        if chunk and (len(chunk) == _CHUNK_MAILS or size + len(mail) > _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(mail)
        size += len(mail)
    if chunk:
        yield chunk


def _mapped() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
