"""Load on an SMTP server: Postfix's own generator for throughput, timed sessions for latency."""

import asyncio
import subprocess
import time

SENDER = "benchmark@example.org"


def send(port: int, to: str, *, mails: int, size: int, connections: int, persistent: bool) -> float:
    """Send mails with smtp-source and return how many a second were accepted. It fails if any was refused."""
    command = ["smtp-source", "-s", str(connections), "-m", str(mails), "-l", str(size), "-f", SENDER, "-t", to]
    command += ["-d"] if persistent else []
    started = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True, timeout=600, capture_output=True)
    return mails / (time.perf_counter() - started)


class Session:
    """One persistent SMTP session that knows how long each mail took."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Session":
        """Connect and say EHLO."""
        session = cls(*await asyncio.open_connection("127.0.0.1", port))
        await session._reply()
        await session._say(b"EHLO benchmark.example\r\n")
        return session

    async def send(self, to: str, octets: bytes) -> float:
        """Send one mail; return the seconds from its last octet to the 250."""
        await self._say(b"MAIL FROM:<%s>\r\n" % SENDER.encode())
        await self._say(b"RCPT TO:<%s>\r\n" % to.encode())
        await self._say(b"DATA\r\n")
        self._writer.write(octets)
        started = time.perf_counter()
        await self._say(b".\r\n")
        return time.perf_counter() - started

    async def close(self) -> None:
        """Say QUIT."""
        await self._say(b"QUIT\r\n")
        self._writer.close()

    async def _say(self, command: bytes) -> None:
        self._writer.write(command)
        reply = await self._reply()
        if not reply.startswith((b"2", b"3")):
            raise RuntimeError(f"{command!r} was answered {reply!r}")

    async def _reply(self) -> bytes:
        while (line := await self._reader.readline())[3:4] == b"-":
            pass
        return line


def mail(size: int, subject: str = "benchmark") -> bytes:
    """Return a mail of about `size` octets, dots stuffed, ending in CRLF."""
    head = f"From: Benchmark <{SENDER}>\r\nTo: you\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    line = b"The quick brown fox jumps over the lazy dog and runs away.\r\n"
    return head + line * max(1, (size - len(head)) // len(line))


async def latencies(port: int, to: str, *, mails: int, size: int, connections: int) -> list[float]:
    """Send mails over persistent sessions and return the seconds that each end of data waited for its 250."""
    octets = mail(size)

    async def one() -> list[float]:
        session = await Session.open(port)
        waits = [await session.send(to, octets) for _ in range(mails // connections)]
        await session.close()
        return waits

    return [wait for waits in await asyncio.gather(*[one() for _ in range(connections)]) for wait in waits]
