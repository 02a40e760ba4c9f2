"""Keys that somebody found in public. Whoever reports one learns nothing, not even whether it was a key."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from daimon.accounts import service as accounts
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.walls import enter
from daimon.events import service as events
from daimon.events.models import EventType
from daimon.keys.errors import KeyNotFound
from daimon.keys.models import Key, KeyScope
from daimon.keys.repository import KeyRepository, find_key
from daimon.keys.secret import digest
from daimon.keys.service import event
from daimon.kit import ids
from daimon.notices import service as notices

_NOBODY = (Scope(UUID(int=0)), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Leaked:
    """The key of a secret that was found, as it was before. A secret in its grace ends alone and revokes nothing."""

    key: Key
    revoked: bool


async def report(db: Connection, secret: str, *, now: datetime) -> Leaked | None:
    """End a secret that was found in public and tell its owner; None if it was none that works.

    Every report costs the same four statements, whatever it names. Only a key that ends now costs more, which the
    edge hides: it answers every report after the same time.
    """
    hashed = digest(secret)
    scope, key_id = await find_key(db, hashed) or _NOBODY
    await enter(db, scope.account_id)
    keys = KeyRepository(db, scope)
    try:
        key = await keys.lock(key_id)
    except KeyNotFound:
        key = None
    was_present = await keys.end_secret(hashed, now)
    if key is None or was_present is None or key.is_revoked:
        return None
    if was_present:
        await keys.revoke(key.id, now)
    await _tell(db, key, revoked=was_present, now=now)
    return Leaked(key, was_present)


async def _tell(db: Connection, key: Key, *, revoked: bool, now: datetime) -> None:
    account = await accounts.get(db, Scope(key.account_id))
    if account.operator_email and account.operator_email_verified_at:
        subject = f"An API key of yours was found in public: {key.prefix}…"
        await notices.tell(db, account.account_id, account.operator_email, subject, _letter(key, revoked), now=now)
    if revoked:
        await events.record(db, [event(EventType.KEY_REVOKED, key, now, reason="leaked")])


def _letter(key: Key, revoked: bool) -> str:
    shown = ids.show(ids.Kind.KEY, key.id)
    named = f" ({key.name})" if key.name else ""
    done = (
        f"It was revoked at once. Make another one: POST /v1/keys, or {_SHORTCUTS[key.key_scope]}."
        if revoked
        else "It was its secret from before the last rotation, and was ended at once; the present one works on."
    )
    return (
        f"Somebody found the secret of the {key.key_scope} key {shown}{named} in public and reported it.\n\n{done}\n\n"
        f"GET /v1/keys/{shown} says when it was last used. GET /v1/audit?target={shown} says more.\n"
    )


_SHORTCUTS = {
    KeyScope.ACCOUNT: "POST /v1/account/recovery if it was the last one of the account",
    KeyScope.POD: "POST /v1/pods/{id}/rotate-key",
    KeyScope.INBOX: "POST /v1/inboxes/{id}/rotate-key",
    KeyScope.MEMBER: "ask an owner to invite the member again",
}
