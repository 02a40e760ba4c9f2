"""Migrations: plain SQL files, `NNNN_name.sql`, each applied once, in order, in a transaction of its own."""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg

from daimon.db.binaries import OLDEST_MAJOR
from daimon.db.engine import Connection
from daimon.db.errors import SchemaMismatch

_NAME = re.compile(r"(\d{4})_(\w+)\.sql\Z")
_LOCK = 0x6461696D6F6E  # "daimon": servers that start together migrate one after the other

_TABLE = """
create table if not exists schema_migrations (
    version     integer primary key,
    name        text not null,
    checksum    text not null,
    applied_at  timestamptz not null default now()
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells an edited file from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def bundled() -> tuple[Migration, ...]:
    """Return the migrations of this code, in order."""
    return read(files("daimon.db") / "migrations")


def read(directory: Traversable) -> tuple[Migration, ...]:
    """Return the migrations in a directory, in order."""
    found = [
        Migration(int(match[1]), match[2], file.read_text("utf-8"))
        for file in directory.iterdir()
        if (match := _NAME.match(file.name))
    ]
    return tuple(sorted(found, key=lambda each: each.version))


async def migrate(url: str, migrations: tuple[Migration, ...] | None = None) -> list[Migration]:
    """Bring a database to this code's schema and return what was applied.

    Raises SchemaMismatch, before any change, for a server too old and for a database that newer or other code made.
    """
    connection = await asyncpg.connect(url, timeout=30)
    try:
        _check_server(connection.get_server_version().major)
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        return await _apply(connection, bundled() if migrations is None else migrations)
    finally:
        await asyncio.shield(connection.close(timeout=10))


def _check_server(major: int) -> None:
    if major < OLDEST_MAJOR:
        raise SchemaMismatch(f"the database server is PostgreSQL {major}; {OLDEST_MAJOR} or newer is needed")


async def _apply(db: Connection, migrations: tuple[Migration, ...]) -> list[Migration]:
    applied = await _applied(db)
    _check(applied, migrations)
    missing = [each for each in migrations if each.version not in applied]
    for each in missing:
        async with db.transaction():
            await db.execute(_TABLE)
            await db.execute(each.sql)
            await db.execute(
                "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
                each.version,
                each.name,
                each.checksum,
            )
    return missing


async def _applied(db: Connection) -> dict[int, str]:
    if await db.fetchval("select to_regclass('schema_migrations')") is None:
        return {}
    rows = await db.fetch("select version, checksum from schema_migrations")
    return {row["version"]: row["checksum"] for row in rows}


def _check(applied: dict[int, str], migrations: tuple[Migration, ...]) -> None:
    known = {each.version: each for each in migrations}
    newest, ours = max(applied, default=0), max(known, default=0)
    if newest > ours:
        raise SchemaMismatch(
            f"the database is newer than this daimon: its schema is {newest}, this one knows {ours}; "
            "start the newer release"
        )
    for version, checksum in sorted(applied.items()):
        if version not in known or known[version].checksum != checksum:
            raise SchemaMismatch(f"migration {version:04} was changed after it was applied to this database")
