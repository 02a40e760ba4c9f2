"""Connections that begin with TLS (RFC 8314 §3.3): a session begins with what is heard after the handshake.

A door of its own, as those who never finish a handshake must have their bounds too: a server of asyncio counts nobody
before it, and takes in as many as there are files.
"""

import asyncio
import socket
import ssl
from collections.abc import Coroutine
from typing import Any, Final

from daimon.kit.log import Log
from daimon.smtpd.house import House
from daimon.smtpd.limits import Places, network_of, plain_ip
from daimon.smtpd.protocol import Connection

_PAUSE_SECONDS: Final = 1.0  # after an accept that failed: there are no files left, say

_log = Log(__name__)


class TlsDoor:
    """Accepts connections on a bound socket, shakes hands, and then leaves them to the house."""

    def __init__(self, house: House, sock: socket.socket, tls: ssl.SSLContext) -> None:
        policy = house.policy
        self._house = house
        self._sock = sock
        self._tls = tls
        self._places = Places(most=policy.max_connections, most_per_network=policy.max_connections_per_ip)
        self._tasks: set[asyncio.Task[None]] = set()
        sock.setblocking(False)
        sock.listen(1024)
        self._keep(self._accept())

    def close(self) -> None:
        """Accept no more, and end the handshakes."""
        for task in self._tasks:
            task.cancel()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._house.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        with self._sock:
            while True:
                try:
                    connection, address = await self._house.loop.sock_accept(self._sock)
                except OSError as error:
                    _log.warning("smtp_accept_failed", error=repr(error))
                    await asyncio.sleep(_PAUSE_SECONDS)
                else:
                    self._let_in(connection, network_of(plain_ip(address[0])))

    def _let_in(self, connection: socket.socket, network: str) -> None:
        if not self._places.enter():
            connection.close()
        elif not self._places.sit(network):
            self._places.leave(None)
            connection.close()
        else:
            self._keep(self._shake_hands(connection, network))

    async def _shake_hands(self, connection: socket.socket, network: str) -> None:
        house = self._house
        try:
            await house.loop.connect_accepted_socket(
                lambda: Connection(house),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=house.policy.timeouts.handshake,
            )
        except OSError as error:  # ssl.SSLError and TimeoutError are OSErrors
            _log.info("smtp_tls_failed", ip=network, error=repr(error))
        finally:
            self._places.leave(network)
