"""Deleting an account: mail is refused at once, all comes back within 30 days, and after them nothing is left."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from daimon.db.engine import Connection, Database
from daimon.inbound.directory import Directory
from daimon.inbound.errors import InboxDeleted, InboxSuspended
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.lifecycle import erasure, recovery
from daimon.mail.address import parse_address

from .conftest import Edge, bearer
from .test_account import account_uuid, notices_to, shown, verified
from .worlds import World, make_world

_SAMPLES = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "bytea": "convert_to(gen_random_uuid()::text, 'utf8')",
    "timestamp with time zone": "now()",
    "date": "current_date",
    "json": "'{}'",
    "boolean": "true",
    "ARRAY": "'{}'",
}


async def tables_with_account(db: Connection) -> list[str]:
    """Return every table that says whose its rows are."""
    rows = await db.fetch(
        "select relname as table_name from pg_class join pg_attribute on attrelid = pg_class.oid"
        " where attname = 'account_id' and relkind in ('r', 'p') and not relispartition"
        " and relnamespace = 'public'::regnamespace"
        " order by table_name"
    )
    return [row["table_name"] for row in rows]


async def rows_of(db: Connection, account_id: UUID) -> dict[str, int]:
    """Return how many rows of an account each table holds."""
    return {
        table: await db.fetchval(f'select count(*) from "{table}" where account_id = $1', account_id)
        for table in await tables_with_account(db)
    }


async def fill(db: Connection, table: str, account_id: UUID, rows: int) -> None:
    """Put some rows of an account into a table, whatever its columns are."""
    columns = await db.fetch(
        "select column_name, data_type from information_schema.columns where table_schema = 'public'"
        " and table_name = $1 and is_nullable = 'NO' and column_default is null and column_name <> 'account_id'",
        table,
    )
    names = [row["column_name"] for row in columns]
    values = [_SAMPLES.get(row["data_type"], "n") for row in columns]
    await db.execute(
        f'insert into "{table}" ({", ".join(["account_id", *names])}) '
        f"select {', '.join(['$1', *values])} from generate_series(1, $2) n on conflict do nothing",
        account_id,
        rows,
    )


async def drop_checks(db: Connection) -> None:
    """Let any value stand in the columns that `fill` writes."""
    for row in await db.fetch("select conrelid::regclass::text as on, conname from pg_constraint where contype = 'c'"):
        if row["on"] in await tables_with_account(db):
            await db.execute(f'alter table {row["on"]} drop constraint "{row["conname"]}"')


async def test_deletion_refuses_mail_at_once_and_restores_all(edge: Edge) -> None:
    """Active inboxes come back, suspended ones stay suspended and deleted ones deleted; one row says all of it."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    suspended = await edge.create_inbox(account.account_api_key)
    deleted = await edge.create_inbox(account.account_api_key)
    await edge.http.patch(f"/v1/inboxes/{suspended['id']}", json={"status": "suspended"}, headers=key)
    await edge.http.delete(f"/v1/inboxes/{deleted['id']}", headers=key)
    await verified(edge, account, "last-word@example.com")

    answer = await edge.http.delete("/v1/account", headers=key)
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert (result["id"], result["deleted"]) == (account.account_id, True)
    again = (await edge.http.delete("/v1/account", headers=key)).json()["result"]
    assert again == result
    assert (await notices_to(edge, "last-word@example.com"))[-1][0] == "Your account was deleted"
    with pytest.raises(InboxDeleted):
        await found(edge, account.email)

    state = await shown(edge, account)
    assert (state["deleted_at"], state["erased_at"]) == (result["deleted_at"], result["erased_at"])
    assert datetime.fromisoformat(result["erased_at"]) - datetime.fromisoformat(result["deleted_at"]) == timedelta(30)
    assert (await edge.http.get(f"/v1/inboxes/{account.id}", headers=bearer(account.inbox_api_key))).status_code == 200
    refused = await edge.http.post("/v1/inboxes", json={}, headers=key)
    assert (refused.status_code, refused.json()["error"]) == (403, "ACCOUNT_DELETED")
    taken = await edge.http.post("/v1/inboxes", json={"username": account.email.partition("@")[0]})
    assert taken.json()["error"] == "USERNAME_TAKEN"

    restored = await edge.http.post("/v1/account/restore", headers=key)
    assert restored.status_code == 200
    assert restored.json()["result"]["deleted_at"] is None
    await found(edge, account.email)
    with pytest.raises(InboxSuspended):
        await found(edge, suspended["email"])
    with pytest.raises(InboxDeleted):
        await found(edge, deleted["email"])
    assert (await edge.http.post("/v1/account/restore", headers=key)).status_code == 200
    async with edge.database.read() as db:
        trail = await db.fetch(
            "select action from audit where account_id = $1 and action like '%_account' order by number",
            account_uuid(account),
        )
    assert [row["action"] for row in trail][-2:] == ["delete_account", "restore_account"]


async def test_only_an_owner_deletes_and_restores(edge: Edge) -> None:
    """An inbox key does not reach the account; without a key nobody does."""
    account = await edge.open_account()
    for method, path in (("DELETE", "/v1/account"), ("POST", "/v1/account/restore")):
        assert (await edge.http.request(method, path)).status_code == 401
        answer = await edge.http.request(method, path, headers=bearer(account.inbox_api_key))
        assert answer.status_code == 403
    assert (await shown(edge, account))["deleted_at"] is None


async def test_a_suspended_account_can_be_deleted_and_stays_suspended(edge: Edge) -> None:
    """Deleting is a right that a suspension does not take; restoring gives no more than there was."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    async with edge.database.transaction() as db:
        await db.execute("update accounts set status = 'suspended' where account_id = $1", account_uuid(account))
    edge.services.keys.forget()
    assert (await edge.http.delete("/v1/account", headers=key)).status_code == 200
    answer = await edge.http.post("/v1/account/restore", headers=key)
    assert (answer.status_code, answer.json()["result"]["status"]) == (200, "suspended")


async def test_after_30_days_it_is_too_late(edge: Edge) -> None:
    """A restore then is refused, even if the worker has not come by."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    await edge.http.delete("/v1/account", headers=key)
    async with edge.database.transaction() as db:
        long_ago = utc_now() - timedelta(days=30)
        await db.execute("update accounts set deleted_at = $2 where account_id = $1", account_uuid(account), long_ago)
    edge.services.keys.forget()
    answer = await edge.http.post("/v1/account/restore", headers=key)
    assert (answer.status_code, answer.json()["error"]) == (409, "STATE_CONFLICT")
    async with edge.database.transaction() as db:  # leave nothing due to other tests
        await db.execute("update accounts set deleted_at = null where account_id = $1", account_uuid(account))


async def erase_all(db: Connection, now: datetime) -> list[int]:
    """Erase step by step what is due, as the worker does; return how many rows each step took."""
    steps = [1]
    while steps[-1]:
        async with db.transaction():
            steps.append(await erasure.erase(db, now=now, limit=10))
    return steps


async def test_nothing_is_left_of_an_account_in_any_table(database_url: str) -> None:
    """Every table with an account_id holds rows of two accounts; afterwards only of the one that stays.

    It goes in small steps, each a transaction of its own, and may stop and begin again between any two.
    """
    db = await asyncpg.connect(database_url)
    gone, stays, now = ids.new(), ids.new(), utc_now()
    try:
        await drop_checks(db)
        for table in await tables_with_account(db):
            for account_id in (gone, stays):
                await fill(db, table, account_id, 25)
        await db.execute(
            "update accounts set deleted_at = case when account_id = $1 then $2::timestamptz end", gone, now
        )
        before = await rows_of(db, stays)
        assert all(before.values())
        assert all((await rows_of(db, gone)).values())

        assert await erasure.erase(db, now=now + timedelta(days=30), limit=10) == 0
        steps = await erase_all(db, now + timedelta(days=30, seconds=1))
        left = await rows_of(db, gone)
        assert [table for table, rows in left.items() if not rows] == ["key_secrets", "keys"]
        steps += await erase_all(db, now + timedelta(days=30, minutes=1, seconds=1))
        assert max(steps) <= 10
        assert not any((await rows_of(db, gone)).values())
        assert await rows_of(db, stays) == before
    finally:
        await db.close()


# Tables whose rows are no account's, and what stands in them.
NOBODYS = {
    "schema_migrations": "the files that were applied",
    "organisations": "the operator's names for groups of accounts",
    "free_creates": "networks, for an hour",
    "mail_rates": "hashes of addresses, for an hour",
    "recovery_requests": "addresses, until a worker has looked them up",
    "mta_sts_policies": "domains that mail goes to",
    "billing_reconciliations": "what each night's comparison with Stripe found, for 90 days",
}


async def test_every_other_table_is_nobodys(database_url: str) -> None:
    """What erasure does not look at holds nothing of an account that lasts."""
    db = await asyncpg.connect(database_url)
    try:
        tables = await db.fetch(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " and not relispartition"
        )
        assert {row["relname"] for row in tables} - {*await tables_with_account(db)} == {*NOBODYS}
    finally:
        await db.close()


async def test_nothing_names_what_was_erased(fresh_edge: Edge) -> None:
    """An account with everything in it, made through the API: no row of any table holds one of its ids or addresses."""
    gone, stays = await make_world(fresh_edge), await make_world(fresh_edge)
    edge, key = fresh_edge, bearer(gone.account_key)
    person = f"{gone.account.hex}@example.com"
    await edge.http.patch("/v1/account", json={"operator_email": person}, headers=key)
    await edge.http.post("/v1/account/recovery", json={"email": person})
    await edge.http.delete("/v1/account", headers=key)
    names = {str(gone.account), person, *_all_ways(gone)}
    db = await asyncpg.connect(edge.services.db.url)
    try:
        await recovery.answer(db, public_url="http://x", now=utc_now(), limit=10)
        assert await _naming(db, names)
        await erase_all(db, utc_now() + timedelta(days=30, seconds=30))
        await erase_all(db, utc_now() + timedelta(days=30, minutes=2))
        assert await _naming(db, names) == []
        assert await _naming(db, {str(stays.account)})
    finally:
        await db.close()


def _all_ways(world: World) -> set[str]:
    """Return the ids of a world's objects, as clients and as the database write them."""
    shown = [*world.ids.values(), *world.pods.values(), *world.inboxes.values()]
    ends = [each.rpartition("_")[2] for each in shown]
    return {*ends, *(str(UUID(hex=end)) for end in ends if len(end) == 32), world.account.hex}


async def _naming(db: Connection, names: set[str]) -> list[str]:
    """Return the tables in which a row holds one of the names."""
    tables = await db.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    found = []
    for (table,) in tables:
        rows = await db.fetch(f'select t::text as row from "{table}" t')
        if any(name in row["row"] for row in rows for name in names):
            found.append(table)
    return found


async def test_two_workers_do_not_wait_for_each_other(database_url: str) -> None:
    """While one erases an account, the other takes the next or finds nothing to do."""
    db = await Database.open(database_url, connections=2)
    account_id, now = ids.new(), utc_now()
    try:
        async with db.transaction() as first:
            await first.execute("insert into accounts values ($1, 'free', 'active', null, $2)", account_id, now)
            await first.execute("update accounts set deleted_at = $1", now - timedelta(days=31))
        async with db.transaction() as first, db.transaction() as second:
            assert await erasure.erase(first, now=now, limit=10) == 1
            assert await erasure.erase(second, now=now, limit=10) == 0
    finally:
        await db.close()


async def found(edge: Edge, email: str) -> object:
    """Look an address up as a fresh SMTP process does."""
    recipient = Directory(edge.database, domain="daimon.email").find(parse_address(email))
    return await recipient  # type: ignore[misc]
