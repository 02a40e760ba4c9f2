"""A sender that notes every mail it sent and every `250` it got, and what a reader finds of them afterwards."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

PATIENCE = 30.0
_PAUSE = 0.03  # between two looks at a state that somebody else changes


async def until(
    look: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE, told: Callable[[], str] = str
) -> None:
    """Return when a look says so. `told` says more about the failure if it never does."""
    deadline = time.monotonic() + seconds
    while not await look():
        assert time.monotonic() < deadline, f"not within {seconds} s: {look}\n{told()}"
        await asyncio.sleep(_PAUSE)


@dataclass(frozen=True)
class Inbox:
    """An inbox that mail is sent to, with the key that reads it."""

    id: str
    email: str
    key: str


@dataclass(frozen=True)
class Sent:
    """A mail that was sent once: whom the receiver took it for, and its octets."""

    to: tuple[Inbox, ...]
    octets: bytes


class Refused(Exception):
    """The receiver's reply is not the one that lets the transaction go on."""


class SmtpClient:
    """One SMTP connection that says no more than it must."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "SmtpClient":
        """Open a connection and greet."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        try:
            await client.expect("220")
            await client.say("EHLO sender.example", "250")
        except BaseException:
            await client.close()
            raise
        return client

    async def say(self, line: str, expected: str) -> None:
        """Send a command and expect a reply. Raises Refused, OSError, EOFError, TimeoutError."""
        await self.send(line.encode() + b"\r\n")
        await self.expect(expected)

    async def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self._writer.write(octets)
        await self._writer.drain()

    async def expect(self, code: str) -> None:
        """Read a reply whole."""
        reply = await self.reply()
        if not reply.startswith(code):
            raise Refused(reply)

    async def reply(self) -> str:
        """Read a reply, and return its last line. Raises EOFError at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            while (line := await self._reader.readline())[3:4] == b"-":
                pass
        if not line.endswith(b"\r\n"):
            raise EOFError(line)
        return line.decode().rstrip()

    async def close(self) -> None:
        """Let go."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@dataclass
class Ledger:
    """What was sent, by subject, and which of it was answered with `250`."""

    sent: dict[str, Sent] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    async def send(self, client: SmtpClient, inboxes: Sequence[Inbox], chance: random.Random) -> None:
        """Send one mail that was never sent before, and note the answer. Raises what SmtpClient raises."""
        subject = f"mail {len(self.sent)}"
        wanted = tuple(chance.sample(inboxes, chance.choice((1, 1, 1, 2, 3))))
        octets = _mail(subject, chance)
        self.sent[subject] = Sent((), octets)
        await client.say("MAIL FROM:<sender@sender.example>", "250")
        for inbox in wanted:
            await client.say(f"RCPT TO:<{inbox.email}>", "250")
        await client.say("DATA", "354")
        self.sent[subject] = Sent(wanted, octets)
        await client.send(octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")  # RFC 5321 §4.5.2
        await client.expect("250")
        self.acknowledged.add(subject)

    async def send_until(self, stop: asyncio.Event, port: int, inboxes: Sequence[Inbox], chance: random.Random) -> None:
        """Send mail after mail; connect again whenever the connection, or the receiver, is gone."""
        while not stop.is_set():
            try:
                client = await SmtpClient.connect(port)
            except (OSError, EOFError, Refused):
                await asyncio.sleep(_PAUSE)
                continue
            try:
                while not stop.is_set():
                    await self.send(client, inboxes, chance)
            except (OSError, EOFError, Refused):
                await asyncio.sleep(_PAUSE)
            finally:
                await client.close()

    async def more(self, mails: int) -> None:
        """Return when so many more mails were acknowledged."""
        enough = len(self.acknowledged) + mails

        async def look() -> bool:
            return len(self.acknowledged) >= enough

        await until(look)

    def promised(self) -> Counter[tuple[str, str]]:
        """Return what must be readable: inbox and subject of every copy behind a `250`."""
        return Counter((inbox.id, subject) for subject in self.acknowledged for inbox in self.sent[subject].to)

    def possible(self) -> Counter[tuple[str, str]]:
        """Return what may be readable at most."""
        return Counter((inbox.id, subject) for subject, mail in self.sent.items() for inbox in mail.to)


@dataclass
class Mailbox:
    """Reads an inbox through the API."""

    http: httpx.AsyncClient
    inbox: Inbox

    async def messages(self) -> list[dict[str, str]]:
        """Return every message, page by page."""
        found: list[dict[str, str]] = []
        query = {"limit": "100"}
        while True:
            page = (await self._get("messages", query)).json()["result"]
            found += page["messages"]
            if not page["has_more"]:
                return found
            query["cursor"] = page["next_cursor"]

    async def counters(self) -> dict[str, int]:
        """Return what the inbox says of itself."""
        shown = (await self._get("", {})).json()["result"]
        return {name: shown[name] for name in ("message_count", "unread_count", "thread_count")}

    async def threads(self) -> int:
        """Count the threads, page by page."""
        found, query = 0, {"limit": "100"}
        while True:
            page = (await self._get("threads", query)).json()["result"]
            found += len(page["threads"])
            if not page["has_more"]:
                return found
            query["cursor"] = page["next_cursor"]

    async def raw(self, message_id: str) -> bytes:
        """Return the octets of a message."""
        return (await self._get(f"messages/{message_id}/raw", {})).content

    async def _get(self, path: str, query: dict[str, str]) -> httpx.Response:
        url = f"/v1/inboxes/{self.inbox.id}/{path}".rstrip("/")
        answer = await self.http.get(url, params=query, headers={"Authorization": f"Bearer {self.inbox.key}"})
        assert answer.status_code == 200, answer.text
        return answer


def _mail(subject: str, chance: random.Random) -> bytes:
    lines = chance.choice((1, 5, 5, 5, 40, 2000))
    body = b"".join(b"." * (number % 3) + b" line %d \xc3\xa4\r\n" % number for number in range(lines))
    head = f"From: sender@sender.example\r\nSubject: {subject}\r\nMessage-ID: <{subject.replace(' ', '.')}@x>\r\n\r\n"
    return head.encode() + body
