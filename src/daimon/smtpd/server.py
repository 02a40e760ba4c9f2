"""The SMTP server: accepts connections on a socket until it is drained."""

import asyncio
import socket
import ssl
from functools import partial
from typing import Final

from daimon.kit.clock import Clock
from daimon.smtpd.collaborators import Acceptor, Desk, Directory
from daimon.smtpd.house import Dialogue, House
from daimon.smtpd.policy import Policy, Timeouts
from daimon.smtpd.protocol import Connection
from daimon.smtpd.receiving import Receiving
from daimon.smtpd.submitting import Submitting
from daimon.smtpd.tls_door import TlsDoor

_BACKLOG: Final = 1024


class Server:
    """Speaks SMTP on bound sockets.

    dialogue: begins a session. tls: offers STARTTLS, or is begun with, if given (`smtpd.tls` makes one).
    """

    def __init__(self, *, dialogue: Dialogue, policy: Policy, tls: ssl.SSLContext | None, clock: Clock) -> None:
        self._dialogue = dialogue
        self._policy = policy
        self._tls = tls
        self._clock = clock
        self._house: House | None = None
        self._server: asyncio.Server | TlsDoor | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def start(self, sock: socket.socket) -> None:
        """Accept connections on a bound stream socket; it is closed when the server is drained."""
        loop = asyncio.get_running_loop()
        house = House(
            dialogue=self._dialogue,
            policy=self._policy,
            tls=self._tls,
            clock=self._clock,
            loop=loop,
        )
        self._house = house
        if self._policy.implicit_tls:
            assert self._tls is not None
            self._server = TlsDoor(house, sock, self._tls)
        else:
            self._server = await loop.create_server(lambda: Connection(house), sock=sock, backlog=_BACKLOG)
        self._check_deadlines(house, _granularity(self._policy.timeouts))

    async def drain(self, *, patience: float) -> None:
        """Accept no more, say 421 to idle sessions, let mails on their way finish; after `patience` seconds, cut."""
        if self._server is None or self._house is None:
            return
        self._server.close()
        for connection in list(self._house.connections):
            connection.drain()
        try:
            async with asyncio.timeout(patience):
                await self._house.empty()
        except TimeoutError:
            for connection in list(self._house.connections):
                connection.abort()
            await self._house.empty()
        finally:
            if self._watch is not None:
                self._watch.cancel()

    def _check_deadlines(self, house: House, interval: float) -> None:
        # One timer for all connections: setting one per command would cost more than the command.
        now = house.loop.time()
        for connection in list(house.connections):
            connection.check_deadline(now)
        self._watch = house.loop.call_later(interval, self._check_deadlines, house, interval)


class SmtpServer(Server):
    """Receives mail.

    directory: knows whom a forward-path reaches. acceptor: makes mails durable, upon which 250 is said.
    """

    def __init__(
        self, *, directory: Directory, acceptor: Acceptor, policy: Policy, tls: ssl.SSLContext | None, clock: Clock
    ) -> None:
        dialogue = partial(Receiving, directory=directory, acceptor=acceptor)
        super().__init__(dialogue=dialogue, policy=policy, tls=tls, clock=clock)


class SubmissionServer(Server):
    """Takes mail to be sent from who shows a key (RFC 6409). desk: knows the keys, and takes the mails."""

    def __init__(self, *, desk: Desk, policy: Policy, tls: ssl.SSLContext, clock: Clock) -> None:
        super().__init__(dialogue=partial(Submitting, desk=desk), policy=policy, tls=tls, clock=clock)


def _granularity(timeouts: Timeouts) -> float:
    shortest = min(getattr(timeouts, name) for name in timeouts.__struct_fields__)
    return float(min(max(shortest / 4, 0.01), 1.0))
