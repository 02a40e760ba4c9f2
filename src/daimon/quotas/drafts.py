"""What an account's drafts may hold that were not sent. Triggers of `drafts` count it."""

from uuid import UUID

from daimon.db.engine import Connection
from daimon.quotas.usage import NO_POD

MOST_OCTETS = 1 << 30  # of an account; each draft counts 1 KiB more than its content

_HELD = "select used from quotas where account_id = $1 and pod_id = $2 and quota = 'draft_octets'"


async def has_room(db: Connection, account_id: UUID) -> bool:
    """Return whether what was written in this transaction is within the bound; others' changes wait for its end."""
    used: int = await db.fetchval(_HELD, account_id, NO_POD)
    return used <= MOST_OCTETS


async def hold(db: Connection, account_id: UUID) -> None:
    """Lock the counter before anything else that sending a draft locks, as whoever writes and then sends one does."""
    await db.execute(f"{_HELD} for update", account_id, NO_POD)
