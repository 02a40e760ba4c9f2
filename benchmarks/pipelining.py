"""A load generator that speaks as today's mail servers do: PIPELINING (RFC 2920), the envelope in one write.

smtp-source, Postfix's own, waits for the reply to each command. Here a mail is two writes and two reads: MAIL, RCPT
and DATA together, then the octets. One thread over epoll, with bytes made beforehand, so that it costs little of
the processor that it shares with the server.
"""

import select
import socket
import time
from dataclasses import dataclass
from enum import Enum

from benchmarks.smtp_load import SENDER, mail


def pipelined(port: int, to: str, *, mails: int, size: int, connections: int, persistent: bool) -> float:
    """Send mails and return how many a second were accepted. Raises RuntimeError if one was refused."""
    return _Generator(port, to, mails=mails, size=size, connections=connections, persistent=persistent).run()


class Wait(Enum):
    """What a session waits for."""

    GREETING = "greeting"
    HELLO = "hello"
    ENVELOPE = "envelope"  # three replies
    STORED = "stored"


@dataclass(slots=True)
class Session:
    """One connection: what it waits for, and what it has read of it."""

    sock: socket.socket
    wait: Wait = Wait.GREETING
    heard: bytes = b""


class _Generator:
    """Sends `mails` copies of one mail over `connections` sessions, persistent or with a connection each."""

    def __init__(self, port: int, to: str, *, mails: int, size: int, connections: int, persistent: bool) -> None:
        self._port = port
        self._left = mails  # to be begun
        self._connections = connections
        self._persistent = persistent
        self._epoll = select.epoll()
        self._sessions: dict[int, Session] = {}
        self._envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode()
        self._octets = mail(size) + b".\r\n"

    def run(self) -> float:
        """Send them all and return the mails a second that were answered 250. Raises RuntimeError at a refusal."""
        mails, started = self._left, time.perf_counter()
        for _ in range(min(self._connections, mails)):
            self._connect()
        while self._sessions:
            for number, _ in self._epoll.poll(30):
                self._read(self._sessions[number])
        self._epoll.close()
        return mails / (time.perf_counter() - started)

    def _connect(self) -> None:
        self._left -= 1
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sessions[sock.fileno()] = Session(sock)
        self._epoll.register(sock, select.EPOLLIN)

    def _read(self, session: Session) -> None:
        received = session.sock.recv(65536)
        session.heard += received
        if not received or session.heard[:1] in (b"4", b"5"):
            raise RuntimeError(f"the server said {session.heard!r}")
        if not _is_complete(session):
            return
        session.heard = b""
        match session.wait:
            case Wait.GREETING:
                session.wait = Wait.HELLO
                session.sock.sendall(b"EHLO benchmark.example\r\n")
            case Wait.HELLO:
                self._begin(session)
            case Wait.ENVELOPE:
                session.wait = Wait.STORED
                session.sock.sendall(self._octets)
            case Wait.STORED:
                self._end(session)

    def _begin(self, session: Session) -> None:
        session.wait = Wait.ENVELOPE
        session.sock.sendall(self._envelope)

    def _end(self, session: Session) -> None:
        if self._persistent and self._left:
            self._left -= 1
            self._begin(session)
            return
        self._epoll.unregister(session.sock)
        del self._sessions[session.sock.fileno()]
        session.sock.sendall(b"QUIT\r\n")
        session.sock.close()
        if self._left:
            self._connect()


def _is_complete(session: Session) -> bool:
    heard = session.heard
    if not heard.endswith(b"\r\n"):
        return False
    if session.wait is Wait.ENVELOPE:
        return heard.count(b"\r\n") == 3
    last = heard[:-2].rpartition(b"\r\n")[2]
    return last[3:4] != b"-"
