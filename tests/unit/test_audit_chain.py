"""Whatever is done to the trail behind the server's back is told by verification, and an untouched chain is fine."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from daimon.audit import retention
from daimon.audit.chain import Fault
from daimon.audit.models import OPERATOR, Actor, ActorKind, Change, Entry
from daimon.audit.service import Trail
from daimon.audit.verification import ROWS_AT_ONCE, Verdict, accounts, verify
from daimon.db.engine import Database
from daimon.kit import ids

TRAIL = Trail(b"s" * 32)
NOW = datetime(2026, 11, 5, 12, 30, 0, 123000, UTC)
ACTOR = Actor(ActorKind.MEMBER, ids.new(), ids.new(), "203.0.113.7", "req_1")
OTHER = "00000000-0000-7000-8000-000000000001"
ROWS = 7
COPY = """insert into audit select account_id, {number}, id, at, actor, key_id, member_id, ip, request_id, action,
    target, pod_id, inbox_id, before, after, hash from audit where account_id = $1 and number = {of}"""


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool over a fresh database."""
    opened = await Database.open(database_url, connections=4)
    yield opened
    await opened.close()


def _entry(account: UUID, step: int, at: datetime = NOW) -> Entry:
    change = Change(f"inbox_{step}", {"n": step, "é": None}, {"n": step + 1}, pod_id=ids.new(), inbox_id=ids.new())
    return Entry(account, ACTOR, "update_inbox", change, at)


async def _record(db: Database, *entries: Entry, trail: Trail = TRAIL) -> None:
    async with db.transaction() as connection:
        await trail.record(connection, entries)


async def _written(db: Database, *, start: datetime = NOW) -> UUID:
    """Return an account with ROWS rows: some written one by one, some together; a minute lies between two."""
    account = ids.new()
    entries = [_entry(account, step, start + timedelta(minutes=step)) for step in range(ROWS)]
    await _record(db, entries[0])
    await _record(db, *entries[1:4])
    await _record(db, *entries[4:])
    return account


async def _verify(db: Database, account: UUID, trail: Trail = TRAIL) -> Verdict:
    async with db.read() as connection:
        return await verify(connection, trail.chain, account)


async def _tamper(db: Database, account: UUID, *statements: str) -> tuple[Fault | None, int | None]:
    async with db.transaction() as connection:
        for statement in statements:
            changed = await connection.execute(statement, account)
            assert not changed.endswith(" 0"), statement
    verdict = await _verify(db, account)
    return verdict.fault, verdict.at


async def test_an_untouched_chain_is_fine(db: Database) -> None:
    """All rows count, several accounts in one batch too, and rows of no before and no after."""
    first, second = await _written(db), await _written(db)
    plain = Entry(second, OPERATOR, "suspend", Change("acc_1"), NOW)
    await _record(db, _entry(second, 8), _entry(first, 8), plain, _entry(first, 9))
    for account in (first, second):
        verdict = await _verify(db, account)
        assert (verdict.rows, verdict.number, verdict.fault, verdict.at) == (ROWS + 2, ROWS + 2, None, None)
    async with db.read() as connection:
        assert [account async for account in accounts(connection)] == sorted([first, second])


async def test_a_trail_that_is_gone_is_told(db: Database) -> None:
    """All rows of an account and its chain are taken out: the account that is left was opened with a first row."""
    account = await _written(db)
    opened = "insert into accounts (account_id, tier, status, created_at) values ($1, 'free', 'active', now())"
    gone = [f"delete from {table} where account_id = $1" for table in ("audit", "audit_chains")]
    assert await _tamper(db, account, opened) == (None, None)
    assert await _tamper(db, account, *gone) == (Fault.MISSING, 1)
    async with db.read() as connection:
        assert [account async for account in accounts(connection)] == [account]
    assert (await _verify(db, ids.new())).fault is None


async def test_numbers_have_no_gap_after_a_rollback(db: Database) -> None:
    """What was rolled back took no number with it."""
    account = await _written(db)
    async with db.read() as connection:
        unfinished = connection.transaction()
        await unfinished.start()
        await TRAIL.record(connection, [_entry(account, 1)])
        await unfinished.rollback()
    await _record(db, _entry(account, 2))
    verdict = await _verify(db, account)
    assert (verdict.rows, verdict.fault) == (ROWS + 1, None)


async def test_another_secret_verifies_nothing(db: Database) -> None:
    """The hashes are keyed: who lacks the server's key cannot make one."""
    account = await _written(db)
    verdict = await _verify(db, account, Trail(b"t" * 32))
    assert (verdict.rows, verdict.fault, verdict.at) == (0, Fault.EDITED, 1)


EDITS = {
    "id": f"'{OTHER}'",
    "at": "at + interval '1 microsecond'",
    "actor": "'system'",
    "key_id": f"'{OTHER}'",
    "member_id": "null",
    "ip": "'203.0.113.8'",
    "request_id": "'req_2'",
    "action": "'delete_inbox'",
    "target": "'inbox_x'",
    "pod_id": "inbox_id",
    "inbox_id": "null",
    "before": '\'{"n":3, "é":null}\'',  # one more space
    "after": "null",
    "hash": "set_byte(hash, 0, get_byte(hash, 0) # 1)",
}


@pytest.mark.parametrize("column", EDITS)
async def test_an_edited_column_is_told(db: Database, column: str) -> None:
    """Whichever it is, and the row is named."""
    account = await _written(db)
    edit = f"update audit set {column} = {EDITS[column]} where account_id = $1 and number = 4"
    assert await _tamper(db, account, edit) == (Fault.EDITED, 4)


async def test_every_column_can_be_edited_in_the_test_above(db: Database) -> None:
    """All but the two that name the row."""
    async with db.read() as connection:
        columns = await connection.fetch(
            "select column_name from information_schema.columns where table_name = 'audit'"
        )
    assert {row["column_name"] for row in columns} == {*EDITS, "account_id", "number"}


_SWAP = [
    "update audit set number = -1 where account_id = $1 and number = 3",
    "update audit set number = 3 where account_id = $1 and number = 4",
    "update audit set number = 4 where account_id = $1 and number = -1",
]
_END = "update audit_chains c set number = a.number, hash = a.hash from audit a where a.account_id = c.account_id"
_BEGIN = (
    "update audit_chains c set kept_after = a.number, kept_hash = a.hash from audit a where a.account_id = c.account_id"
)
_DELETE = "delete from audit where account_id = $1 and number"
TAMPERINGS = {
    "a row taken out of the middle": ([f"{_DELETE} = 4"], (Fault.MISSING, 4)),
    "the first row taken out": ([f"{_DELETE} = 1"], (Fault.MISSING, 1)),
    "the gap closed": (
        [f"{_DELETE} = 6", "update audit set number = 6 where account_id = $1 and number = 7"],
        (Fault.EDITED, 6),
    ),
    "the tail cut off": ([f"{_DELETE} > 5"], (Fault.MISSING, 6)),
    "the tail cut off, the end moved": (
        [f"{_DELETE} > 5", f"{_END} and c.account_id = $1 and a.number = 5"],
        (Fault.END, 5),
    ),
    "the head cut off, the begin moved": (
        [f"{_DELETE} < 3", f"{_BEGIN} and c.account_id = $1 and a.number = 3"],
        (Fault.OUT_OF_CHAIN, 3),
    ),
    "the head cut off, begun after it": (
        [f"{_BEGIN} and c.account_id = $1 and a.number = 3", f"{_DELETE} <= 3"],
        (Fault.END, 7),
    ),
    "two rows swapped": (_SWAP, (Fault.EDITED, 3)),
    "a forged row at the end": ([COPY.format(number=8, of=7)], (Fault.OUT_OF_CHAIN, 8)),
    "a forged row at the end, the end moved": (
        [COPY.format(number=8, of=7), f"{_END} and c.account_id = $1 and a.number = 8"],
        (Fault.EDITED, 8),
    ),
    "a forged row before the first": ([COPY.format(number=0, of=1)], (Fault.OUT_OF_CHAIN, 0)),
    "a row replaced by another": ([f"{_DELETE} = 4", COPY.format(number=4, of=2)], (Fault.EDITED, 4)),
    "all rows gone": ([f"{_DELETE} > 0"], (Fault.MISSING, 1)),
    "the chain gone": (["delete from audit_chains where account_id = $1"], (Fault.OUT_OF_CHAIN, 1)),
    "the end's hash altered": (["update audit_chains set hash = '' where account_id = $1"], (Fault.END, 7)),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_is_told(db: Database, name: str) -> None:
    """Rows taken out, put in or exchanged, and ends moved."""
    account = await _written(db)
    statements, told = TAMPERINGS[name]
    assert await _tamper(db, account, *statements) == told


async def test_a_row_moved_to_another_account_is_told(db: Database) -> None:
    """The account is hashed too."""
    mine, other = await _written(db), await _written(db)
    async with db.read() as connection:
        await connection.execute("delete from audit where account_id = $1 and number = 1", mine)
        await connection.execute("update audit set account_id = $1 where account_id = $2 and number = 1", mine, other)
    assert ((await _verify(db, mine)).fault, (await _verify(db, other)).fault) == (Fault.EDITED, Fault.MISSING)


async def test_a_long_chain_is_walked_in_batches(db: Database) -> None:
    """A fault beyond the first batch is found, and none where there is none."""
    account = ids.new()
    rows = ROWS_AT_ONCE * 2 + 1
    await _record(db, *(_entry(account, step) for step in range(rows)))
    assert (await _verify(db, account)).rows == rows
    assert await _tamper(db, account, f"{_DELETE} = {rows - 1}") == (Fault.MISSING, rows - 1)


async def _forget(db: Database, now: datetime, limit: int = 1000) -> list[int]:
    """Forget as the janitor does, and return the numbers that are left."""
    async with db.transaction() as connection:
        await retention.forget(connection, chain=TRAIL.chain, now=now, limit=limit)
        return [row["number"] for row in await connection.fetch("select number from audit order by account_id, number")]


async def test_after_a_year_rows_go_and_the_rest_verifies(db: Database) -> None:
    """A few at a time; new rows go on from those that went, even when all did."""
    account = await _written(db)
    later = NOW + retention.KEPT
    assert await _forget(db, later) == [1, 2, 3, 4, 5, 6, 7]  # a year ago is not longer ago than a year
    half = later + timedelta(minutes=3, seconds=1)
    assert await _forget(db, half, limit=1) == [2, 3, 4, 5, 6, 7]
    assert await _forget(db, half) == [5, 6, 7]
    verdict = await _verify(db, account)
    assert (verdict.rows, verdict.fault) == (3, None)
    assert await _forget(db, later + timedelta(days=1)) == []
    assert (await _verify(db, account)).fault is None
    await _record(db, _entry(account, 9, later))
    verdict = await _verify(db, account)
    assert (verdict.rows, verdict.number, verdict.fault) == (1, ROWS + 1, None)
    assert await _forget(db, later + timedelta(days=300)) == [8]
    assert await _forget(db, later + timedelta(days=367)) == []


async def test_tampering_is_told_after_retention_too(db: Database) -> None:
    """The first row that is kept goes on from the last that is not."""
    account = await _written(db)
    assert await _forget(db, NOW + retention.KEPT + timedelta(minutes=2, seconds=1)) == [4, 5, 6, 7]
    assert await _tamper(db, account, f"{_DELETE} = 4") == (Fault.MISSING, 4)


async def test_retention_keeps_what_does_not_verify(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """A forged date does not make the server delete a row and forget that it was there; other accounts go on."""
    account, other = await _written(db), await _written(db, start=NOW - timedelta(days=400))
    async with db.read() as connection:
        await connection.execute("update audit set at = at - interval '2 years' where account_id = $1", account)
        await connection.execute("update audit_chains set oldest_at = oldest_at - interval '2 years'")
    assert await _forget(db, NOW) == [1, 2, 3, 4, 5, 6, 7]
    assert "audit.chain_broken" in capsys.readouterr().err
    assert (await _verify(db, account)).fault is Fault.EDITED
    assert (await _verify(db, other)).rows == 0
    assert await _forget(db, NOW) == [1, 2, 3, 4, 5, 6, 7]
    assert capsys.readouterr().err == ""  # once a day is enough
