"""Databases of a running PostgreSQL: the template that holds the schema, and fresh ones for single tests."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from daimon.db.embedded import EmbeddedPostgres
from daimon.db.migrate import migrate

_TEMPLATE = "template_daimon"
_numbers = itertools.count(1)


async def make_template(server: EmbeddedPostgres) -> None:
    """Make the database that holds the migrated schema."""
    await _execute(server.url, f"create database {_TEMPLATE}")
    await migrate(database_of(server, _TEMPLATE))


@asynccontextmanager
async def fresh_database(server: EmbeddedPostgres, *, template: str = _TEMPLATE) -> AsyncIterator[str]:
    """Make a database for as long as the block lasts, and yield its URL."""
    name = f"test_{next(_numbers)}"
    await _execute(server.url, f"create database {name} template {template} strategy file_copy")
    yield database_of(server, name)
    await _execute(server.url, f"drop database {name} with (force)")


def database_of(server: EmbeddedPostgres, name: str) -> str:
    """Return the URL of another database of the same server."""
    return server.url.replace("/daimon?", f"/{name}?")


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
