"""A receiving server that does as a test tells it, on a real socket."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

Says = Callable[
    [str, int], bytes | None
]  # of a command and how often it came: the reply, b"" for none, None to hang up


def usual(command: str, _: int) -> bytes | None:
    """Take everything."""
    if command.startswith("EHLO"):
        return b"250-peer.test\r\n250-PIPELINING\r\n250-SIZE 30000000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
    if command.startswith("DATA"):
        return b"354 go on\r\n"
    if command == ".":
        return b"250 2.0.0 taken\r\n"
    return b"220 peer.test\r\n" if not command else b"250 2.1.0 ok\r\n"


@dataclass
class Mail:
    """A mail that was taken."""

    mail_from: str
    rcpt_to: list[str]
    octets: bytes
    tls: bool


@dataclass
class ScriptedPeer:
    """The server. `says` overrides replies; where it returns what `usual` does not know, that is sent as it is."""

    says: Says = usual
    tls: ssl.SSLContext | None = None
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._writers: set[asyncio.StreamWriter] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    def heard(self, word: str) -> int:
        """Return how many commands began with a word."""
        return sum(command.startswith(word) for command in self.commands)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail, secure = Mail("", [], b"", tls=False), False
        if not await self._say("", writer):
            return
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line.upper()
            if verb.startswith("STARTTLS") and self.tls:
                writer.write(b"220 go on\r\n")
                await writer.start_tls(self.tls)
                secure = True
                continue
            if verb.startswith("MAIL"):
                mail = Mail(line.partition("<")[2].partition(">")[0], [], b"", tls=secure)
            if not (said := await self._say(line, writer)):
                return
            if verb.startswith("RCPT") and said.startswith(b"250"):
                mail.rcpt_to.append(line.partition("<")[2].partition(">")[0])
            if said.startswith(b"354"):
                stuffed = (await reader.readuntil(b"\r\n.\r\n"))[:-3] if mail.rcpt_to else await reader.readline()
                mail.octets = stuffed.replace(b"\r\n..", b"\r\n.")
                if (await self._say(".", writer) or b"").startswith(b"250"):
                    self.mails.append(mail)

    async def _say(self, command: str, writer: asyncio.StreamWriter) -> bytes | None:
        self.commands.append(command)
        said = self.says(command, self.commands.count(command))
        if said is None:
            writer.transport.abort()
            return None
        if command.startswith("EHLO") and self.tls and b"STARTTLS" not in said:
            said = said.replace(b"250-PIPELINING", b"250-PIPELINING\r\n250-STARTTLS")
        writer.write(said)
        await writer.drain()
        return said or b"-"
