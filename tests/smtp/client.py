"""A client that follows a transcript.

S: 250 2.1.0 *      the next reply, its lines joined by ` | `; `*` stands for anything
C: NOOP             sends the line and CRLF; lines without a reply between them leave in one write
C> a\\n.\\r\\n         sends exactly these octets, escapes as in Python
EOF                 the server has closed
SHUT                the client sends no more
TLS                 the client begins its handshake
"""

import asyncio
import contextlib
import re
import ssl

PATIENCE = 20.0  # seconds, for a server that would never answer


class Client:
    """One connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1") -> "Client":
        return cls(*await asyncio.open_connection(host, port, limit=2**20))

    async def follow(self, transcript: str) -> None:
        """Play the client's part and check the server's."""
        async with asyncio.timeout(PATIENCE):
            await self._follow(transcript)

    async def _follow(self, transcript: str) -> None:
        batch = b""
        for line in filter(None, map(str.strip, transcript.splitlines())):
            who, what = line[:2], line[2:].strip()
            if who == "C:":
                batch += what.encode() + b"\r\n"
                continue
            if who == "C>":
                batch += what.encode("latin-1").decode("unicode_escape").encode("latin-1")
                continue
            await self.send(batch)
            batch = b""
            await self._expect(line)
        await self.send(batch)

    async def _expect(self, line: str) -> None:
        if line == "EOF":
            assert await self.reader.read() == b""
        elif line == "SHUT":
            self.writer.write_eof()
        elif line == "TLS":
            await self.start_tls()
        else:
            assert line.startswith("S:"), line
            reply, pattern = await self.reply(), line[2:].strip()
            assert matches(reply, pattern), f"{reply!r} is not {pattern!r}"

    async def send(self, octets: bytes) -> None:
        if octets:
            self.writer.write(octets)
            await self.writer.drain()

    async def reply(self) -> str:
        """Return the next reply, its lines joined by ` | `; empty at the end of the connection."""
        lines: list[str] = []
        while True:
            raw = await self.reader.readline()
            if not raw:
                return ""
            assert raw.endswith(b"\r\n"), raw
            line = raw[:-2].decode("ascii")
            assert re.match(r"[2345][0-9][0-9][ -]", line), line
            lines.append(line)
            if line[3] == " ":
                return " | ".join(lines)

    async def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await self.writer.start_tls(context)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def matches(reply: str, pattern: str) -> bool:
    """Tell whether a reply is as the transcript says."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), reply) is not None
