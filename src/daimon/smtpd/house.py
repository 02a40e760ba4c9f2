"""What all connections of a server share."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Protocol

from daimon.kit.clock import Clock
from daimon.smtpd import replies
from daimon.smtpd.framing import Framer
from daimon.smtpd.limits import Places, Room
from daimon.smtpd.policy import Policy
from daimon.smtpd.session import Session

if TYPE_CHECKING:
    from daimon.smtpd.protocol import Connection


class Dialogue(Protocol):
    """Begins a client's dialogue."""

    def __call__(self, framer: Framer, *, policy: Policy, clock: Clock, tls_offered: bool) -> Session:
        """Return the session of one connection."""
        ...


class House:
    """What all connections of a server share."""

    def __init__(
        self,
        *,
        dialogue: Dialogue,
        policy: Policy,
        tls: ssl.SSLContext | None,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.dialogue = dialogue
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
