"""The API's connections: behind row-level security, each statement within one account (migration 0003).

A transaction says whose it is in the message that begins it, which costs nothing. A connection that only reads keeps
the account of its last request, and the next request of that account prefers it: the setting is sent when the account
changes, not with each read.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import ClassVar
from uuid import UUID

from asyncpg.exceptions import ActiveSQLTransactionError

from daimon.db.engine import Connection, Loan, Pool

API, JOBS = "daimon_api", "daimon_jobs"  # the roles of the processes
NOBODY = UUID(int=0)  # the account of a request without a key: it reaches no row of anybody's


class TenantDatabase(Pool):
    """A pool of connections that see the rows of one account at a time.

    A statement is planned once, for all values: all are written so that one plan suits (record 0008), and to plan a
    read anew often takes longer than to run it (record 0018). Rows are read in the order of an index: in a plan for the
    average account it looks as cheap to gather all that the account has and sort it, which is dear in a large one.
    """

    SETTINGS: ClassVar = Pool.SETTINGS | {"plan_cache_mode": "force_generic_plan", "enable_bitmapscan": "off"}

    def read(self, account_id: UUID) -> Loan:
        """Lend a connection for single statements of an account. Raises Unavailable when the server is away."""
        return Loan(self, account_id)

    def lend(self) -> Loan:
        """Lend a connection in whatever account it is, for what is found by a secret alone and looks over the wall."""
        return Loan(self)

    @contextlib.asynccontextmanager
    async def transaction(self, account_id: UUID) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction of an account; leaving the block commits, an exception rolls back."""
        async with Loan(self) as connection:
            try:
                await connection.execute(f"begin; set local daimon.account = '{account_id}'")
                yield connection
                await _commit(connection)
            except BaseException:
                await _roll_back(connection)
                raise


async def _commit(connection: Connection) -> None:
    if await connection.execute("commit") != "COMMIT":  # a statement failed, and its error was not passed on
        raise ActiveSQLTransactionError("the transaction was rolled back")


async def _roll_back(connection: Connection) -> None:
    try:
        await connection.execute("rollback", timeout=10)
    except BaseException:
        connection.terminate()  # nobody shall go on in a transaction that was given up
        raise


async def enter(db: Connection, account_id: UUID) -> None:
    """Go on with the running transaction in another account, one that it has just made or found by a secret."""
    await db.execute("select set_config('daimon.account', $1, true)", str(account_id))
