"""Walking the chains: was a row edited, is one missing or forged? Memory is bounded, however long a chain is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from daimon.audit.chain import HEAD_COLUMNS, ROW_COLUMNS, Chain, Fault, Walk, head_of, row_of
from daimon.audit.models import Head
from daimon.db.engine import Connection

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one account's trail. `hash` is where the chain ends: who notes it down elsewhere can tell
    later that this row is still there.
    """

    account_id: UUID
    rows: int  # that are right
    number: int  # of the chain's last row
    hash: bytes
    fault: Fault | None = None
    at: int | None = None  # the number at which the fault is; nothing beyond it was looked at


async def accounts(db: Connection) -> AsyncIterator[UUID]:
    """Yield each account that there is, and each that has a trail."""
    account = UUID(int=0)
    while found := await db.fetchval(
        """
        select least(
            (select account_id from accounts where account_id > $1 order by account_id limit 1),
            (select account_id from audit_chains where account_id > $1 order by account_id limit 1),
            (select account_id from audit where account_id > $1 order by account_id, number limit 1))
        """,
        account,
    ):
        yield (account := UUID(bytes=found.bytes))


async def verify(db: Connection, chain: Chain, account_id: UUID) -> Verdict:
    """Walk an account's chain to its first fault, as it is at one moment: the server may go on writing."""
    async with db.transaction(isolation="repeatable_read", readonly=True):
        record = await db.fetchrow(f"select {HEAD_COLUMNS}, seal from audit_chains where account_id = $1", account_id)
        head = Head(account_id, 0, b"") if record is None else head_of(record)
        walk = Walk(chain, head)
        fault, at = await _walk(db, account_id, walk)
        if fault is None and record is not None:
            fault, at = walk.end(record["seal"]), walk.number + (walk.number < head.number)
        elif fault is None and await _exists(db, account_id):
            fault, at = Fault.MISSING, 1  # an account is opened with its first row, in one transaction
    rows = walk.number - head.kept_after
    return Verdict(account_id, rows, head.number, head.hash, fault, at if fault else None)


async def _walk(db: Connection, account_id: UUID, walk: Walk) -> tuple[Fault | None, int | None]:
    number = None
    while True:
        records = await db.fetch(
            f"""
            select {ROW_COLUMNS} from audit where account_id = $1 and number > coalesce($2, -9223372036854775808)
            order by number limit $3
            """,
            account_id,
            number,
            ROWS_AT_ONCE,
        )
        for row in map(row_of, records):
            if fault := walk.step(row):
                return fault, walk.number + 1 if fault is Fault.MISSING else row.number
        if len(records) < ROWS_AT_ONCE:
            return None, None
        number = records[-1]["number"]


async def _exists(db: Connection, account_id: UUID) -> bool:
    found = await db.fetchval("select exists (select from accounts where account_id = $1)", account_id)
    return found is True
