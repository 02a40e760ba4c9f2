"""Row-level security: what the API's connections can see and change when a query forgets whose rows it wants."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from daimon.db.walls import API, NOBODY, TenantDatabase, enter
from daimon.keys import secret
from daimon.keys.cache import KeyCache
from daimon.keys.errors import InvalidApiKey
from daimon.kit import ids
from daimon.kit.clock import utc_now

from .conftest import Edge

# Asked before an account is known, keyed by what is looked up, and of no other value.
LOOKED_UP = {"addresses", "subdomains", "key_secrets", "links", "operator_emails"}


@pytest_asyncio.fixture(loop_scope="session")
async def walled(fresh_edge: Edge) -> AsyncIterator[TenantDatabase]:
    """One connection in the API's role."""
    db = await TenantDatabase.open(fresh_edge.services.db.url, connections=1, role=API)
    yield db
    await db.close()


async def _account(edge: Edge) -> UUID:
    opened = await edge.open_account()
    await edge.deliver(opened.id)
    account = ids.read(ids.Kind.ACCOUNT, opened.account_id)
    assert account is not None
    return account


async def _tenant_tables(edge: Edge) -> list[str]:
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select table_name from information_schema.columns where column_name = 'account_id'"
            " and table_schema = 'public' and table_name in (select relname from pg_class where relkind in ('r', 'p'))"
        )
    return sorted({row["table_name"] for row in rows} - LOOKED_UP)


async def test_every_tenant_table_has_its_walls(fresh_edge: Edge) -> None:
    """A migration that adds a table calls raise_walls()."""
    async with fresh_edge.database.read() as db:
        walled = {row[0] for row in await db.fetch("select relname from pg_class where relrowsecurity")}
    assert walled == set(await _tenant_tables(fresh_edge))
    assert len(walled) > 15


async def test_the_api_cannot_go_around_them(walled: TenantDatabase) -> None:
    """Its role owns nothing and bypasses nothing."""
    async with walled.read(NOBODY) as db:
        row = await db.fetchrow(
            "select current_user, rolsuper, rolbypassrls,"
            " (select count(*) from pg_class c where c.relowner = r.oid)"
            " from pg_roles r where rolname = current_user"
        )
    assert tuple(row) == (API, False, False, 0)


async def test_a_query_without_an_account_sees_one_account(fresh_edge: Edge, walled: TenantDatabase) -> None:
    """Every tenant table, read whole: the rows of the account, and for nobody none at all."""
    mine, others = await _account(fresh_edge), await _account(fresh_edge)
    filled = set()
    for table in await _tenant_tables(fresh_edge):
        for account, seen in ((mine, {mine}), (others, {others}), (NOBODY, set())):
            async with walled.read(account) as db:
                found = {row[0] for row in await db.fetch(f"select account_id from {table}")}
            assert found <= seen, table
            filled |= {table} if found else set()
    assert {"accounts", "inboxes", "messages", "threads", "keys", "events", "quotas", "raw_mails"} <= filled


async def test_the_look_up_of_a_key_sets_the_connection(fresh_edge: Edge, walled: TenantDatabase) -> None:
    """To the account of the key, from whatever it was; and what comes next is told by its own account."""
    mine, others = await fresh_edge.open_account(), await _account(fresh_edge)
    async with walled.read(others):
        pass
    principal = await KeyCache(walled, utc_now).principal(mine.account_api_key)
    async with walled.lend() as db:
        assert await db.fetchval("select current_account()") == principal.scope.account_id
    async with walled.read(others) as db:
        assert await db.fetchval("select current_account()") == others
    with pytest.raises(InvalidApiKey):
        await KeyCache(walled, utc_now).principal(secret.make(paid=False))
    async with walled.read(others) as db:
        assert await db.fetchval("select current_account()") == others


async def test_a_statement_without_an_account_changes_one_account(fresh_edge: Edge, walled: TenantDatabase) -> None:
    """Updates and deletes pass others' rows by; an insert for another account is refused."""
    mine, others = await _account(fresh_edge), await _account(fresh_edge)
    async with walled.transaction(mine) as db:
        assert await db.execute("update inboxes set display_name = 'x'") == "UPDATE 1"
        assert await db.execute("delete from messages") == "DELETE 1"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with walled.transaction(mine) as db:
            await db.execute("insert into event_sequences values ($1, 7)", others)
    async with fresh_edge.database.read() as db:
        assert await db.fetchval("select display_name from inboxes where account_id = $1", others) is None
        assert await db.fetchval("select count(*) from messages where account_id = $1", others) == 1


async def test_the_audit_trail_is_append_only(fresh_edge: Edge, walled: TenantDatabase) -> None:
    """The API may write rows of it, and change or delete none."""
    mine = await _account(fresh_edge)
    for statement in ("update audit set ip = 'x'", "delete from audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with walled.transaction(mine) as db:
                await db.execute(statement)


async def test_a_connection_forgets_the_account_before(fresh_edge: Edge, walled: TenantDatabase) -> None:
    """Reads and transactions of several accounts, in turn, on the same connection."""
    accounts = [await _account(fresh_edge) for _ in range(2)]
    for account in accounts * 2:
        async with walled.read(account) as db:
            assert [row[0] for row in await db.fetch("select account_id from inboxes")] == [account]
        async with walled.transaction(accounts[0]) as db:
            assert [row[0] for row in await db.fetch("select account_id from inboxes")] == [accounts[0]]
            await enter(db, accounts[1])
            assert [row[0] for row in await db.fetch("select account_id from inboxes")] == [accounts[1]]
        async with walled.read(account) as db:
            assert [row[0] for row in await db.fetch("select account_id from inboxes")] == [account]
        async with walled.read(NOBODY) as db:
            assert await db.fetch("select account_id from inboxes") == []


async def test_a_transaction_that_ends_badly_leaves_nothing(fresh_edge: Edge, walled: TenantDatabase) -> None:
    """An exception, a cancellation and a swallowed error: each rolls back, and the connection is of use afterwards."""
    mine = await _account(fresh_edge)
    rename = "update inboxes set display_name = 'never' where account_id = $1"

    async def fail() -> None:
        async with walled.transaction(mine) as db:
            await db.execute(rename, mine)
            raise KeyError

    async def hang() -> None:
        async with walled.transaction(mine) as db:
            await db.execute(rename, mine)
            await db.execute("select pg_sleep(60)")

    async def swallow() -> None:
        async with walled.transaction(mine) as db:
            await db.execute(rename, mine)
            with pytest.raises(asyncpg.PostgresError):
                await db.execute("select 1 / 0")

    with pytest.raises(KeyError):
        await fail()
    hanging = asyncio.create_task(hang())
    await asyncio.sleep(0.2)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    with pytest.raises(asyncpg.PostgresError):
        await swallow()
    async with walled.read(mine) as db:
        assert await db.fetchval("select display_name from inboxes") is None
        assert not db.is_in_transaction()
