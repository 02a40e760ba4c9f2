"""Keys over HTTP: parse, call, answer."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from daimon.accounts.errors import ClientIdConflict
from daimon.api import key_examples as examples
from daimon.api.answer import Answer
from daimon.api.inbox_schema import Rotation
from daimon.api.key_schema import (
    AccountKeyRotated,
    KeyCreate,
    KeyCreated,
    KeyDetails,
    KeyLeak,
    KeyList,
    KeyPage,
    KeyPatch,
    KeyRotated,
    KeyView,
    Received,
    created_view,
    details_view,
    key_view,
    rotated_view,
)
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.audit.models import Change
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxNotFound
from daimon.keys import leaks
from daimon.keys import service as keys
from daimon.keys.errors import AuthenticationFailures, KeyNotFound
from daimon.keys.models import IssuedKey, Key, KeyScope, NewKey
from daimon.keys.permissions import Permission
from daimon.keys.repository import KeyRepository
from daimon.kit.clock import rfc3339
from daimon.kit.errors import Invalid, InvalidCursor, StateConflict
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound
from daimon.pods.repository import Lock, PodRepository

KeyInPath = Annotated[
    UUID,
    PathId(Kind.KEY, KeyNotFound, "The key's id.", lambda db, scope, values: KeyRepository(db, scope).get(values[0])),
]
_TAG = "keys"
_LEAK_SECONDS = 0.1  # several times what it takes to end a key


@operation(
    "POST",
    "/v1/keys",
    tag=_TAG,
    permission=Permission.KEYS_WRITE,
    reach=KeyScope.POD,
    personal=True,
    status=201,
    other_statuses=(200,),
    errors=(ClientIdConflict, PodNotFound, InboxNotFound),
    example=examples.CREATE_KEY,
)
async def create_key(request: Request, body: KeyCreate) -> Answer[KeyCreated]:
    """Create a key.

    No key makes a wider one: it reaches no further than the key that makes it, has no permission that this one lacks,
    ends no later, and is used from no other networks. What is left out is as wide as that allows. A member makes keys
    of his own with `scope` `member`, whatever his roles are. With `client_id`, the same create sent again answers 200
    with the key and without its secret.
    """
    wish, reach = await _reach(request, body.to_domain())
    created = await keys.create(request.db, request.principal, wish, reach, now=request.now)
    view = created_view(created.key, created.secret, request.now)
    if created.secret is None:
        return Answer(view, _to_manage(created.key), status=200)
    request.change = _change_of(request, before=None, after=created.key)
    return Answer(view, ["Save api_key now; it is only returned once.", *_to_manage(created.key)])


@operation(
    "GET",
    "/v1/keys",
    tag=_TAG,
    permission=Permission.KEYS_READ,
    reach=KeyScope.POD,
    personal=True,
    errors=(InvalidCursor,),
    example=examples.LIST_KEYS,
)
async def list_keys(request: Request, query: KeyList) -> Answer[KeyPage]:
    """List keys, the oldest first.

    Only keys that work are shown, unless `status` asks for others. A member finds his own personal keys with
    `scope=member`.
    """
    page = await keys.page(request.db, request.principal, query.to_domain(request.now))
    views = [key_view(key, request.now) for key in page.items]
    more = page.next_cursor is not None
    steps = [f"Next page: GET /v1/keys?limit={query.limit}&cursor={page.next_cursor}"] if more else []
    return Answer(KeyPage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/keys/{key_id}",
    tag=_TAG,
    permission=Permission.KEYS_READ,
    reach=KeyScope.POD,
    personal=True,
    example=examples.GET_KEY,
)
async def get_key(request: Request, key_id: KeyInPath) -> Answer[KeyDetails]:
    """Show a key.

    `unused_permissions` names what it has and never used since it was made: it can probably do without.
    """
    key = await keys.get(request.db, request.principal, key_id)
    view = details_view(key, request.now)
    if not view.unused_permissions:
        return Answer(view, _to_manage(key))
    used = msgspec.json.encode(sorted(key.effective - set(view.unused_permissions))).decode()
    shown = show(Kind.KEY, key.id)
    narrow = f'Leave it only what it used: PATCH /v1/keys/{shown} {{"permissions": {used}}}'
    unused = f"It used none of its permissions; if nobody needs it: DELETE /v1/keys/{shown}"
    return Answer(view, [narrow if used != "[]" else unused, *_to_manage(key)])


@operation(
    "PATCH",
    "/v1/keys/{key_id}",
    tag=_TAG,
    permission=Permission.KEYS_WRITE,
    reach=KeyScope.POD,
    personal=True,
    errors=(StateConflict,),
    example=examples.PATCH_KEY,
)
async def update_key(request: Request, key_id: KeyInPath, body: KeyPatch) -> Answer[KeyView]:
    """Change a key's name, permissions, expiry or networks.

    As in a create, it gets no more than the key that changes it has, and nobody changes a key that may do more than
    his own.
    """
    before, after = await keys.change(request.db, request.principal, key_id, body.to_domain(), now=request.now)
    request.change = _change_of(request, before=before, after=after)
    request.after_commit = request.services.keys.forget
    return Answer(key_view(after, request.now), _to_manage(after))


@operation(
    "DELETE",
    "/v1/keys/{key_id}",
    tag=_TAG,
    permission=Permission.KEYS_WRITE,
    reach=KeyScope.POD,
    personal=True,
    errors=(StateConflict,),
    example=examples.DELETE_KEY,
)
async def delete_key(request: Request, key_id: KeyInPath) -> Answer[Deleted]:
    """Revoke a key, for good.

    It is refused within a second by every process of the server. It stays in the list with `status=revoked`.
    """
    key, ended = await keys.revoke(request.db, request.principal, key_id, now=request.now)
    if ended:
        request.change = _change_of(request, before=key, after=None)
    request.after_commit = request.services.keys.forget
    return Answer(Deleted(show(Kind.KEY, key.id)), ["The other keys: GET /v1/keys"])


@operation(
    "POST",
    "/v1/keys/{key_id}/rotate",
    tag=_TAG,
    permission=Permission.KEYS_WRITE,
    reach=KeyScope.POD,
    personal=True,
    errors=(StateConflict,),
    example=examples.ROTATE_KEY,
)
async def rotate_key(request: Request, key_id: KeyInPath, body: Rotation) -> Answer[KeyRotated]:
    """Give a key a new secret.

    The key keeps its id and all else. The old secret works until `grace_seconds` have passed; with 0 it ends within a
    second.
    """
    grace = timedelta(seconds=body.grace_seconds)
    key, issued = await keys.rotate(request.db, request.principal, key_id, grace=grace, now=request.now)
    _note_rotation(request, key, grace)
    steps = ["Save api_key now; it is only returned once.", *_to_manage(key)]
    return Answer(rotated_view(key, issued, request.now + grace, request.now), steps)


@operation(
    "POST",
    "/v1/account/rotate-key",
    tag=_TAG,
    permission=Permission.KEYS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(StateConflict,),
    example=examples.ROTATE_ACCOUNT_KEY,
)
async def rotate_account_key(request: Request, body: Rotation) -> Answer[AccountKeyRotated]:
    """Give the account's key a new secret.

    An account key renews itself. For a member who is an owner it is the account's oldest key with all permissions.
    """
    grace = timedelta(seconds=body.grace_seconds)
    key, issued = await keys.rotate_account_key(request.db, request.principal, grace=grace, now=request.now)
    _note_rotation(request, key, grace)
    return Answer(
        _account_key_view(key, issued, rfc3339(request.now + grace)),
        ["Save account_api_key now; it is only returned once.", *_to_manage(key)],
    )


@operation(
    "POST",
    "/v1/keys/leaked",
    tag=_TAG,
    reach=None,
    no_sooner=_LEAK_SECONDS,
    status=202,
    errors=(AuthenticationFailures,),
    example=examples.REPORT_LEAKED_KEY,
)
async def report_leaked_key(request: Request, body: KeyLeak) -> Answer[Received]:
    """Report a key that was found in public.

    Needs no key. If the secret is real it ends at once and its owner is told; the answer is the same for every other
    text, and comes after the same time. Reports count as failed authentications of the network that they come from.
    """
    failures = request.services.auth_failures
    failures.check(request.client)
    failures.count(request.client)
    leaked = await leaks.report(request.db, body.key, now=request.now)
    if leaked:
        before, after = ({"status": "active"}, {"status": "revoked"}) if leaked.revoked else (None, None)
        request.change = _change(leaked.key, before, after)
        request.after_commit = request.services.keys.forget
    return Answer(Received())


async def _reach(request: Request, wish: NewKey) -> tuple[NewKey, Scope]:
    """Return the wish with its pod, and what the key shall reach; that exists, and stays until the commit.

    Raises Invalid, PodNotFound, InboxNotFound.
    """
    scope = request.principal.scope
    if wish.inbox_id:
        inbox = await inboxes.get(request.db, scope, wish.inbox_id, lock=True)
        return wish, Scope(inbox.account_id, (inbox.pod_id,) if inbox.pod_id else None, inbox.id)
    if wish.key_scope is KeyScope.POD:
        pod_id = wish.pod_id or scope.pod_id
        if pod_id is None:
            raise Invalid.field("pod_id", "is needed for a pod key")
        await PodRepository(request.db, scope).lock(pod_id, Lock.SHARED)
        return msgspec.structs.replace(wish, pod_id=pod_id), Scope(scope.account_id, (pod_id,))
    return wish, Scope(scope.account_id)


def _account_key_view(key: Key, issued: IssuedKey, until: str) -> AccountKeyRotated:
    return AccountKeyRotated(show(Kind.ACCOUNT, key.account_id), show(Kind.KEY, key.id), issued.secret, until)


def _note_rotation(request: Request, key: Key, grace: timedelta) -> None:
    request.change = _change(key, None, {"old_key_valid_until": rfc3339(request.now + grace)})
    request.after_commit = request.services.keys.forget


def _change_of(request: Request, *, before: Key | None, after: Key | None) -> Change:
    key = after or before
    assert key
    shown = [msgspec.to_builtins(key_view(each, request.now)) if each else None for each in (before, after)]
    return _change(key, *shown)


def _change(key: Key, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    shown = show(Kind.KEY, key.id)
    return Change(shown, before, after, pod_id=key.pod_id, inbox_id=key.inbox_id, account_id=key.account_id)


def _to_manage(key: Key) -> list[str]:
    shown = show(Kind.KEY, key.id)
    return [f"Rotate it: POST /v1/keys/{shown}/rotate", f"Revoke it: DELETE /v1/keys/{shown}"]
