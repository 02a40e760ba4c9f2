"""One request as a handler sees it: who asks, when, from where, and the connection its work is done on."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import cached_property
from uuid import UUID

from daimon.api.client_address import Address, client_address
from daimon.api.request_id import new_request_id
from daimon.api.services import Services
from daimon.audit.models import Change
from daimon.db.engine import Connection
from daimon.db.walls import NOBODY
from daimon.keys.models import Principal
from daimon.kit.asgi import Receive, Scope


class Request:
    """An HTTP request. `db` is what the operation lends: a connection, or the transaction of the whole request."""

    db: Connection

    def __init__(self, scope: Scope, receive: Receive, services: Services) -> None:
        self.scope = scope
        self.receive = receive
        self.services = services
        self.method: str = scope["method"]
        self.raw_path: bytes = scope["raw_path"]
        self.query_string: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.id = new_request_id()
        self.key: Principal | None = None  # None: no key was sent
        self.body = b""
        self.prepared: object = None  # what the operation did before its transaction was opened
        self.after_commit: Callable[[], None] | None = None
        self.change: Change | None = None  # every handler that changes something says here what, for the audit trail
        self.read: Change | None = None  # a handler that shows bodies of mail says here whose
        self.route = ""  # the operation's path; what the client wrote may hold an address, and is not logged

    @property
    def principal(self) -> Principal:
        """Return whose key this is, in an operation that needs one."""
        assert self.key is not None
        return self.key

    @cached_property
    def now(self) -> datetime:
        """Return the one moment at which all of this request happens."""
        return self.services.clock()

    @cached_property
    def client(self) -> Address:
        """Return the client's address, as trusted proxies give it."""
        peer = self.scope.get("client") or ("", 0)
        forwarded_for = [value for name, value in self.scope["headers"] if name == b"x-forwarded-for"]
        return client_address(peer[0], forwarded_for, self.services.trusted_proxies)

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection for single statements within the account of the request, or within nobody's."""
        return self.services.db.read(self._account_id)

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a transaction within the account of the request, or within nobody's."""
        return self.services.db.transaction(self._account_id)

    @property
    def _account_id(self) -> UUID:
        return self.key.scope.account_id if self.key else NOBODY

    async def gone(self) -> None:
        """Return when the client closes the connection. Only for an operation that has read its body."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
