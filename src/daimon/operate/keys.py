"""Keys, from the command line."""

from uuid import UUID

from daimon.config import Settings
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import EventType
from daimon.keys import service as keys
from daimon.keys.models import Key
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.kit.ids import Kind
from daimon.operate.desk import Desk, change
from daimon.operate.errors import NotDone

REASON = "revoked by the operator of the server"


def revoke(settings: Settings, key: str) -> Key:
    """Revoke a key for good. Raises NotDone."""
    key_id = ids.read(Kind.KEY, key)

    async def work(desk: Desk) -> Key:
        account_id = key_id and await _account_of(desk.db, key_id)
        if key_id is None or account_id is None:
            raise NotDone(f"no key {key}")
        repository = KeyRepository(desk.db, Scope(account_id))
        ended = await repository.lock(key_id)
        if ended.is_revoked:
            raise NotDone(f"{key} was revoked before")
        await repository.revoke(key_id, desk.now)
        await events.record(desk.db, [keys.event(EventType.KEY_REVOKED, ended, desk.now, reason=REASON)])
        await desk.note(account_id, "revoke_key", key, before={"status": "active"}, after={"status": "revoked"})
        return ended

    return change(settings, work)


def fields(key: Key) -> dict[str, str | None]:
    """Return a key that was revoked, for programs."""
    return {
        "key_id": ids.show(Kind.KEY, key.id),
        "account_id": ids.show(Kind.ACCOUNT, key.account_id),
        "scope": key.key_scope.value,
        "name": key.name,
        "prefix": key.prefix,
        "status": "revoked",
    }


async def _account_of(db: Connection, key_id: UUID) -> UUID | None:
    """Return whose key it is: the look-up that finds the account, so it knows none yet. For the operator alone."""
    account_id: UUID | None = await db.fetchval("select account_id from keys where id = $1", key_id)
    return account_id
