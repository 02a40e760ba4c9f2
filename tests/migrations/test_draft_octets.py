"""Servers of the release before write drafts while the schema changes: what those hold is counted all the same."""

import asyncio

import asyncpg
import pytest

from daimon.db.migrate import bundled, migrate

_WRITE = """
insert into drafts (account_id, id, inbox_id, status, content, summary, created_at, updated_at)
values (md5('account')::uuid, gen_random_uuid(), md5('inbox')::uuid, $1, '1234', '{}', now(), now())
"""
_USED = "select used from quotas where quota = 'draft_octets'"
_EACH = 1024 + 4


@pytest.mark.parametrize("committed", [0, 1])
async def test_a_draft_that_is_written_meanwhile_is_counted(empty_database_url: str, committed: int) -> None:
    """It can be deleted afterwards, and leaves nothing on the counter."""
    await migrate(empty_database_url, tuple(each for each in bundled() if each.version <= 18))
    server, other = await asyncpg.connect(empty_database_url), await asyncpg.connect(empty_database_url)
    try:
        for _ in range(committed):
            await server.execute(_WRITE, "draft")
        async with server.transaction():
            await server.execute(_WRITE, "draft")
            migrating = asyncio.create_task(migrate(empty_database_url))
            async with asyncio.timeout(20):
                while not await other.fetchval(  # noqa: ASYNC110 - another process waits
                    "select count(*) from pg_locks where relation = 'drafts'::regclass and not granted"
                ):
                    await asyncio.sleep(0.02)
        await migrating
        assert await other.fetchval(_USED) == (committed + 1) * _EACH
        await other.execute("delete from drafts")
        assert await other.fetchval(_USED) == 0
    finally:
        await server.close()
        await other.close()


async def test_deleting_what_was_sent_waits_for_no_counter(database_url: str) -> None:
    """Whoever sends has the counter locked meanwhile, and what was sent long ago is nothing on it."""
    sending, tidying = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        await sending.execute(_WRITE, "draft")
        await sending.execute(_WRITE, "sent")
        async with sending.transaction():
            await sending.execute(f"{_USED} for update")
            await tidying.execute("delete from drafts where status = 'sent'", timeout=20)
        assert await sending.fetchval(_USED) == _EACH
    finally:
        await sending.close()
        await tidying.close()
