r"""A mail host that plays its part of a transcript, on a real socket.

S: 250 ok            says a line and CRLF
S> 250 ok\r\n        says exactly these octets, escapes as in Python
C: MAIL FROM:<*>     hears a line; `*` stands for anything
BODY                 hears a message with its end, and keeps it
TLS                  shakes hands
DROP                 closes the connection
RESET                resets it
DEAF                 reads nothing more until the test is over

After the last line it waits until the other side has closed, and keeps what it still heard.
"""

import asyncio
import re
import socket
import ssl
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from daimon.mail.envelope import Envelope
from daimon.outbound import smtp
from daimon.outbound.tls import TlsDemand

from .authority import Issued

ROOT = Issued.root()
NAME = "mx.test"
_STAGES = ("connect", "greeting", "command", "tls", "envelope", "content", "final_dot", "quit")
QUICK = smtp.Timeouts(**dict.fromkeys(_STAGES, 10))
HASTY = smtp.Timeouts(**dict.fromkeys(_STAGES, 0.05))
ENVELOPE = Envelope("a@example.org", ("b@example.com",))
THREE = Envelope("a@example.org", ("b@example.com", "c@example.com", "d@example.com"))
MESSAGE = b"Subject: x\r\n\r\n.dot\r\n"
IN_CLEAR = """
    S: 220 mx.test
    C: EHLO us.test
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250 ENHANCEDSTATUSCODES
"""
ENVELOPE_HEARD = """
    C: MAIL FROM:<a@example.org>
    C: RCPT TO:<b@example.com>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 354 go
"""
OFFERS_TLS = """
    S: 220 mx.test
    C: EHLO us.test
    S: 250-mx.test
    S: 250 STARTTLS
    C: STARTTLS
"""


def opportunistic() -> TlsDemand:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return TlsDemand(False, context, NAME, lambda _: None)


def verifying(folder: Path) -> TlsDemand:
    context = ssl.create_default_context(cafile=str(ROOT.save(folder / "root.pem")))
    return TlsDemand(True, context, NAME, lambda _: None)


def serving(folder: Path, leaf: Issued | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain((leaf or ROOT.issue("x", NAME)).save(folder / "leaf.pem"))
    return context


async def speak(
    host: "ScriptedHost",
    demand: TlsDemand | None = None,
    *,
    timeouts: smtp.Timeouts = QUICK,
    credentials: smtp.Credentials | None = None,
) -> smtp.Connection:
    """Connect to the host."""
    demand = demand or opportunistic()
    return await smtp.connect(
        host.address, host.port, demand=demand, helo="us.test", timeouts=timeouts, credentials=credentials
    )


async def deliver(
    host: "ScriptedHost", envelope: Envelope = ENVELOPE, message: bytes = MESSAGE, timeouts: smtp.Timeouts = QUICK
) -> smtp.Sent:
    """Connect, send one message, close."""
    connection = await speak(host, timeouts=timeouts)
    try:
        return await connection.send(envelope, message, may_finish=lambda: True)
    finally:
        await connection.close()


@dataclass
class ScriptedHost:
    """Plays one transcript for each connection, the last one for all that follow."""

    transcripts: tuple[str, ...]
    tls: ssl.SSLContext | None = None
    address: str = "127.0.0.1"
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list)
    rest: bytes = b""
    _deaf: bool = False
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _failed: list[BaseException] = field(default_factory=list)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @classmethod
    def playing(cls, *transcripts: str, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Self:
        return cls(transcripts, tls, address)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.address, 0, limit=2**20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.close()
        self._done.set()
        if kind is not None:
            for task in self._tasks:
                task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._tasks, return_exceptions=kind is not None)
        if self._failed and kind is None:
            raise self._failed[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        transcript = self.transcripts[min(self.connections, len(self.transcripts) - 1)]
        self.connections += 1
        try:
            for line in filter(None, map(str.strip, transcript.splitlines())):
                await self._play(line, reader, writer)
            if self._deaf:
                await self._done.wait()
            self.rest += await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        except AssertionError as error:
            self._failed.append(error)
        finally:
            writer.transport.abort()

    async def _play(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        who, what = line[:2], line[2:].strip()
        if who == "S:":
            writer.write(what.encode() + b"\r\n")
        elif who == "S>":
            writer.write(what.encode("latin-1").decode("unicode_escape").encode("latin-1"))
        elif who == "C:":
            heard = (await reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
            assert re.fullmatch(re.escape(what).replace(r"\*", ".*"), heard), f"{heard!r} is not {what!r}"
        elif line == "BODY":
            self.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
        elif line == "TLS":
            assert self.tls
            await writer.start_tls(self.tls)
        elif line == "DEAF":
            self._deaf = True  # the reader's buffer fills, and then the socket's
        else:
            await self._leave(line, writer)
        await writer.drain()

    async def _leave(self, line: str, writer: asyncio.StreamWriter) -> None:
        assert line in ("DROP", "RESET"), line
        if line == "RESET":
            there = writer.get_extra_info("socket")
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        raise ConnectionResetError
