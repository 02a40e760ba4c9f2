"""The API without its tenancy: one principal for every request, no key looked at, no row-level security.

The yardstick of `benchmarks.tenancy`: what a request costs beyond it is what keys, permissions and walls cost.

    python -m benchmarks.open_api DATABASE_URL KEY PORT
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import uvloop

from benchmarks.api_services import api_services
from daimon.api import app as app_module
from daimon.api.app import Api
from daimon.api.server import serve
from daimon.db.engine import Connection, Database, Loan
from daimon.db.walls import TenantDatabase
from daimon.keys.cache import KeyCache
from daimon.keys.models import Principal
from daimon.kit.clock import utc_now


class OpenDatabase(TenantDatabase):
    """Connections of the owner, which no policy binds, and nothing said of accounts."""

    def read(self, account_id: UUID) -> Loan:
        """Lend a connection."""
        return Loan(self)

    @contextlib.asynccontextmanager
    async def transaction(self, account_id: UUID) -> AsyncIterator[Connection]:
        """Lend a transaction."""
        async with Loan(self) as connection, connection.transaction():
            yield connection


async def _main(url: str, key: str, port: int) -> None:
    db = await OpenDatabase.open(url, connections=16)
    jobs = await Database.open(url, connections=2)
    services = api_services(db, jobs, f"http://127.0.0.1:{port}")
    principal = await KeyCache(db, utc_now).principal(key)

    async def authenticate(*_: object) -> Principal:
        return principal

    app_module.authenticate = authenticate  # type: ignore[assignment]
    app_module.check_reach = app_module.check_account = lambda *_: None  # type: ignore[assignment]
    app_module.narrowed = lambda _, who: who  # type: ignore[assignment]
    sock = socket.create_server(("127.0.0.1", port))
    await serve(Api(replace(services)), sock, asyncio.Event())


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
