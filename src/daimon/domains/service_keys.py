"""The keys of the service domain itself: its subdomains sign with them too. They belong to no account."""

import asyncio
from datetime import datetime

from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.db.walls import NOBODY
from daimon.domains import lookup, records
from daimon.domains.dkim import DkimRepository, KeyVault, make_pair
from daimon.domains.errors import RotationRunning
from daimon.domains.models import DkimKey, Stage
from daimon.kit.dns import Dns
from daimon.mail.dkim_signing import Algorithm

_SCOPE = Scope(NOBODY)


async def listed(db: Connection, domain: str) -> list[DkimKey]:
    """Return the keys of the service domain, the oldest first."""
    rows = await db.fetch(
        "select selector, algorithm, stage, record, created_at, retired_at from dkim_keys"
        " where account_id = $1 and domain_id = $1 and domain = $2 order by created_at, selector",
        NOBODY, domain,
    )  # fmt: skip
    return [
        DkimKey(
            row["selector"], Algorithm(row["algorithm"]), Stage(row["stage"]), row["record"], row["created_at"],
            row["retired_at"],
        )
        for row in rows
    ]  # fmt: skip


async def ensure(db: Connection, domain: str, vault: KeyVault, now: datetime) -> None:
    """Make the first keys. Any number of processes may call it."""
    await _lock(db, domain)
    if not await listed(db, domain):
        pair = await asyncio.to_thread(make_pair, vault, domain)
        await DkimRepository(db, _SCOPE).add(NOBODY, domain, pair, Stage.CURRENT, now)


async def rotate(db: Connection, domain: str, vault: KeyVault, now: datetime) -> None:
    """Make new keys; each signs when the DNS shows it. Raises RotationRunning."""
    await _lock(db, domain)
    if any(key.stage is Stage.NEXT for key in await listed(db, domain)):
        raise RotationRunning
    await DkimRepository(db, _SCOPE).add(NOBODY, domain, make_pair(vault, domain), Stage.NEXT, now)


async def look_for_next(db: Database, dns: Dns, domain: str, now: datetime) -> int:
    """Let new keys sign that the DNS shows by now; return how many."""
    async with db.read() as connection:
        waiting = [key for key in await listed(connection, domain) if key.stage is Stage.NEXT]
    asked = (lookup.question("TXT", f"{key.selector}._domainkey.{domain}") for key in waiting)
    seen = await lookup.look(dns, asked)
    shown = [key.algorithm for key in waiting if records.shows_key(domain, key, seen)]
    if shown:
        async with db.transaction() as connection:
            await DkimRepository(connection, _SCOPE).promote(NOBODY, domain, shown, now)
    return len(shown)


async def _lock(db: Connection, domain: str) -> None:
    await db.execute("select pg_advisory_xact_lock(hashtext($1))", f"dkim@{domain}")
