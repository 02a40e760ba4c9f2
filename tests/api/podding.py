"""What tests of pods need again and again."""

from typing import Any
from uuid import UUID

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.scope import Scope
from daimon.keys import service as keys
from daimon.keys.models import KeyScope
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.quotas.usage import NO_POD

from .conftest import Edge, Opened, bearer


async def create_pod(edge: Edge, account: Opened, **body: object) -> dict[str, Any]:
    """Create a pod with the account's key."""
    answer = await edge.http.post("/v1/pods", json={"name": "Pod"} | body, headers=bearer(account.account_api_key))
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


async def in_pod(edge: Edge, account: Opened, pod: dict[str, Any], **body: object) -> dict[str, Any]:
    """Create an inbox in a pod with the account's key."""
    return await edge.create_inbox(account.account_api_key, pod_id=pod["id"], **body)


async def patch_inbox(edge: Edge, account: Opened, inbox: dict[str, Any], **body: object) -> None:
    """Change an inbox with the account's key."""
    answer = await edge.http.patch(f"/v1/inboxes/{inbox['id']}", json=body, headers=bearer(account.account_api_key))
    assert answer.status_code == 200, answer.text


async def make_paid(edge: Edge, account: Opened) -> None:
    """Let the account have as many inboxes as it likes."""
    async with edge.database.read() as db:
        await db.execute("update accounts set tier = 'developer' where account_id = $1", uuid_of(account))
    edge.services.keys.forget()


async def member_key(edge: Edge, account: Opened, *grants: tuple[str, str | None]) -> str:
    """Make a member with roles in pods (None: in the account), and return a key of his own."""
    member_id, now = ids.new(), utc_now()
    owner = Account(uuid_of(account), Tier.FREE, AccountStatus.ACTIVE, None, now)
    async with edge.database.transaction() as db:
        await db.execute(
            "insert into members (account_id, id, email, status, created_at, updated_at)"
            " values ($1, $2, $3, 'active', $4, $4)",
            owner.account_id, member_id, f"{member_id.hex}@example.com", now,
        )  # fmt: skip
        for role, pod_id in grants:
            pod = NO_POD if pod_id is None else ids.read(ids.Kind.POD, pod_id)
            await db.execute(
                "insert into grants (account_id, holder_id, pod_id, role) values ($1, $2, $3, $4)",
                owner.account_id, member_id, pod, role,
            )  # fmt: skip
        issued = await keys.issue(db, owner, KeyScope.MEMBER, Scope(owner.account_id), now=now, member_id=member_id)
    return issued.secret


def uuid_of(account: Opened) -> UUID:
    """Return an account's id as it is stored."""
    found = ids.read(ids.Kind.ACCOUNT, account.account_id)
    assert found is not None
    return found
