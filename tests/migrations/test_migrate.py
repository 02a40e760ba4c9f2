"""Migrations are applied once, in order, whole or not at all."""

import asyncio

import asyncpg
import pytest

from daimon.db.errors import SchemaMismatch
from daimon.db.migrate import Migration, bundled, migrate

ONE = Migration(1, "one", "create table a (x int); create table b (x int)")
TWO = Migration(2, "two", "create table c (x int)")


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows} - {"schema_migrations"}


async def test_applies_each_once_in_order(empty_database_url: str) -> None:
    """The second start finds nothing to do; a later release applies only what is new."""
    assert await migrate(empty_database_url, (ONE,)) == [ONE]
    assert await migrate(empty_database_url, (ONE,)) == []
    assert await migrate(empty_database_url, (ONE, TWO)) == [TWO]
    assert await tables(empty_database_url) == {"a", "b", "c"}


async def test_a_failing_migration_leaves_nothing(empty_database_url: str) -> None:
    """A step is one transaction: its first table goes when its second statement fails."""
    broken = Migration(2, "broken", "create table c (x int); select 1/0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_database_url, (ONE, broken))
    assert await tables(empty_database_url) == {"a", "b"}
    assert await migrate(empty_database_url, (ONE, TWO)) == [TWO]


async def test_refuses_a_newer_database(empty_database_url: str) -> None:
    """Older code does not touch what newer code has made."""
    await migrate(empty_database_url, (ONE, TWO))
    with pytest.raises(SchemaMismatch, match="newer than this daimon"):
        await migrate(empty_database_url, (ONE,))


async def test_refuses_a_changed_migration(empty_database_url: str) -> None:
    """A file that was edited after it was applied is named, and nothing after it is applied."""
    await migrate(empty_database_url, (ONE,))
    edited = Migration(1, "one", ONE.sql + "; create table d (x int)")
    with pytest.raises(SchemaMismatch, match="migration 0001 was changed"):
        await migrate(empty_database_url, (edited, TWO))
    assert await tables(empty_database_url) == {"a", "b"}


async def test_servers_that_start_together_migrate_once(empty_database_url: str) -> None:
    """An advisory lock makes the others wait and then find it done."""
    applied = await asyncio.gather(*(migrate(empty_database_url, (ONE, TWO)) for _ in range(5)))
    assert sorted(len(each) for each in applied) == [0, 0, 0, 0, 2]


async def test_every_test_database_has_the_whole_schema(database_url: str) -> None:
    """The bundled migrations apply to an empty database, and are numbered without gaps."""
    assert await migrate(database_url) == []
    assert [each.version for each in bundled()] == list(range(1, len(bundled()) + 1))
    assert "inbound_queue" in await tables(database_url)
