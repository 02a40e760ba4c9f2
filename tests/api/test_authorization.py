"""What a key needs besides its reach: a permission, its time, an account that is open. For the rest see test_matrix."""

from uuid import UUID

import pytest

from daimon.kit import ids

from .conftest import Edge, Opened, bearer
from .worlds import KEYED, call, shared_world

_FEW_PERMISSIONS = "update keys set permissions = '{approvals:write}' where account_id = $1"


@pytest.mark.parametrize("name", [name for name, each in KEYED.items() if each.permission])
async def test_a_key_without_the_permission(edge: Edge, name: str) -> None:
    """403 names the permission where the key reaches the object; where it does not, 404 as ever."""
    each = KEYED[name]
    mine, others = await shared_world(edge, "mine, few"), await shared_world(edge, "others, few")
    async with edge.database.read() as db:
        for world in (mine, others):
            await db.execute(_FEW_PERMISSIONS, world.account)
    edge.services.keys.forget()
    answer = await call(edge, each, mine, mine.account_key)
    assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")
    assert str(each.permission) in answer.json()["message"]
    if each.params:
        foreign = await call(edge, each, mine, others.account_key)
        assert (foreign.status_code, foreign.json()["error"]) == (404, each.params[0][1].missing.error)


def _uuid(account: Opened) -> UUID | None:
    return ids.read(ids.Kind.ACCOUNT, account.account_id)


async def test_expired_and_revoked_keys_say_so(edge: Edge) -> None:
    """API_KEY_EXPIRED and API_KEY_REVOKED are told apart."""
    account = await edge.open_account()
    for change, error in (
        ("expires_at = now() - interval '1 second'", "API_KEY_EXPIRED"),
        ("expires_at = null, status = 'revoked'", "API_KEY_REVOKED"),
    ):
        async with edge.database.read() as db:
            await db.execute(f"update keys set {change} where account_id = $1", _uuid(account))
        edge.services.keys.forget()
        answer = await edge.http.get("/v1/whoami", headers=bearer(account.account_api_key))
        assert (answer.status_code, answer.json()["error"]) == (401, error)


async def test_the_scheme_may_be_in_any_case(edge: Edge) -> None:
    """RFC 9110 §11.1."""
    account = await edge.open_account()
    answer = await edge.http.get("/v1/whoami", headers={"Authorization": f"bearer {account.inbox_api_key}"})
    assert answer.json()["result"]["inbox_id"] == account.id


async def test_a_suspended_account_reads_and_changes_nothing(edge: Edge) -> None:
    """403 ACCOUNT_SUSPENDED for a write, 200 for a read."""
    account = await edge.open_account()
    async with edge.database.read() as db:
        await db.execute("update accounts set status = 'suspended' where account_id = $1", _uuid(account))
    edge.services.keys.forget()
    url, key = f"/v1/inboxes/{account.id}", bearer(account.account_api_key)
    assert (await edge.http.get(url, headers=key)).status_code == 200
    for sent in (edge.http.post("/v1/inboxes", headers=key), edge.http.delete(url, headers=key)):
        assert (await sent).json()["error"] == "ACCOUNT_SUSPENDED"
