"""What all connections of a server share."""

import asyncio
import ssl
from typing import TYPE_CHECKING

from daimon.kit.clock import Clock
from daimon.smtpd import replies
from daimon.smtpd.collaborators import Acceptor, Directory
from daimon.smtpd.limits import Places, Room
from daimon.smtpd.policy import Policy

if TYPE_CHECKING:
    from daimon.smtpd.protocol import Connection


class House:
    """What all connections of a server share."""

    def __init__(
        self,
        *,
        directory: Directory,
        acceptor: Acceptor,
        policy: Policy,
        tls: ssl.SSLContext | None,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.directory = directory
        self.acceptor = acceptor
        self.policy = policy
        self.tls = tls
        self.clock = clock
        self.loop = loop
        self.greeting = replies.greeting(policy.hostname)
        self.closing = replies.closing_idle(policy.hostname)
        # To these, the client was not in the middle of sending.
        self.without_linger = (
            replies.BYE,
            replies.TIMED_OUT,
            replies.TOO_MANY_CONNECTIONS,
            replies.TOO_MANY_FROM_YOU,
            self.closing,
        )
        self.places = Places(most=policy.max_connections, most_per_network=policy.max_connections_per_ip)
        self.room = Room(policy.max_bytes_in_flight)
        self.connections: set[Connection] = set()
        self._on_empty: asyncio.Future[None] | None = None

    def enter(self, connection: "Connection") -> None:
        """Know a connection."""
        self.connections.add(connection)

    def leave(self, connection: "Connection") -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        if not self.connections and self._on_empty is not None and not self._on_empty.done():
            self._on_empty.set_result(None)

    async def empty(self) -> None:
        """Return once no connection is left."""
        while self.connections:
            self._on_empty = self.loop.create_future()
            await self._on_empty
