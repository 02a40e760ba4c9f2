"""The audit trail's chains, walked from the command line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from daimon.audit.chain import Chain, Fault
from daimon.audit.verification import Verdict, accounts
from daimon.audit.verification import verify as walk
from daimon.config import Settings
from daimon.db.engine import Connection
from daimon.kit import ids
from daimon.kit.ids import Kind
from daimon.operate.database import opened
from daimon.operate.errors import NotDone
from daimon.supervisor import data_dir

_SAID = {
    Fault.EDITED: "is not as it was written",
    Fault.MISSING: "is missing",
    Fault.OUT_OF_CHAIN: "is not of this chain",
    Fault.END: "was not the last one: the chain's end was altered",
}


def verify(settings: Settings, account: str | None, tell: Callable[[Verdict], None]) -> bool:
    """Walk the chain of one account, or of each, telling what was found in it; return whether all are right.

    Raises NotDone if there is no such account, or no secret key to verify with.
    """

    async def run() -> bool:
        right = True
        async with opened(settings) as db:
            chain = Chain(secret_of(settings))
            async for account_id in _chosen(db, account):
                verdict = await walk(db, chain, account_id)
                right &= verdict.fault is None
                tell(verdict)
        return right

    return asyncio.run(run())


def secret_of(settings: Settings) -> bytes:
    """Return the server's secret key: the setting, or what is kept in the data directory. Raises NotDone."""
    if settings.secret_key is not None:
        return settings.secret
    if settings.database_url is not None:
        raise NotDone("DAIMON_SECRET_KEY is not set; with DAIMON_DATABASE_URL it must be, as for the server")
    return data_dir.secret_key(settings.data_dir).encode()


def as_fields(verdict: Verdict) -> dict[str, str | int | bool | None]:
    """Return a verdict for programs."""
    return {
        "account_id": ids.show(Kind.ACCOUNT, verdict.account_id),
        "ok": verdict.fault is None,
        "rows": verdict.rows,
        "last_number": verdict.number,
        "last_hash": verdict.hash.hex(),
        "fault": verdict.fault,
        "fault_at": verdict.at,
    }


def as_line(verdict: Verdict) -> str:
    """Return a verdict for people."""
    found = "ok" if verdict.fault is None else f"BROKEN: row {verdict.at} {_SAID[verdict.fault]}"
    return f"{ids.show(Kind.ACCOUNT, verdict.account_id)}  {verdict.rows} rows checked  {found}"


async def _chosen(db: Connection, account: str | None) -> AsyncIterator[UUID]:
    if await db.fetchval("select to_regclass('audit_chains')") is None:
        raise NotDone("this database has no audit trail yet: the next start of the server makes it")
    if account is None:
        async for account_id in accounts(db):
            yield account_id
        return
    wanted = ids.read(Kind.ACCOUNT, account)
    if wanted is None or not await db.fetchval("select exists (select from accounts where account_id = $1)", wanted):
        raise NotDone(f"no account {account}")
    yield wanted
