"""The SMTP server: accepts connections on a socket until it is drained."""

import asyncio
import socket
import ssl
from typing import Final

from daimon.kit.clock import Clock
from daimon.smtpd.collaborators import Acceptor, Directory
from daimon.smtpd.house import House
from daimon.smtpd.policy import Policy, Timeouts
from daimon.smtpd.protocol import Connection

_BACKLOG: Final = 1024


class SmtpServer:
    """Receives mail on bound sockets.

    directory: knows whom a forward-path reaches. acceptor: makes mails durable, upon which 250 is said.
    tls: offers STARTTLS, if given (`smtpd.tls` makes one).
    """

    def __init__(
        self, *, directory: Directory, acceptor: Acceptor, policy: Policy, tls: ssl.SSLContext | None, clock: Clock
    ) -> None:
        self._directory = directory
        self._acceptor = acceptor
        self._policy = policy
        self._tls = tls
        self._clock = clock
        self._house: House | None = None
        self._server: asyncio.Server | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def start(self, sock: socket.socket) -> None:
        """Accept connections on a bound stream socket; it is closed when the server is drained."""
        loop = asyncio.get_running_loop()
        house = House(
            directory=self._directory,
            acceptor=self._acceptor,
            policy=self._policy,
            tls=self._tls,
            clock=self._clock,
            loop=loop,
        )
        self._house = house
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


def _granularity(timeouts: Timeouts) -> float:
    shortest = min(getattr(timeouts, name) for name in timeouts.__struct_fields__)
    return float(min(max(shortest / 4, 0.01), 1.0))
