"""An account with everything in it: two pods, inboxes with mail, keys of every scope, members, a team."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation
from daimon.kit import ids

from .conftest import Edge, bearer

KEYED = {f"{each.method} {each.path}": each for each in OPERATIONS if each.reach is not None}
READS = [each for each in KEYED.values() if each.method == "GET"]


@dataclass(frozen=True)
class World:
    """One account. `ids` are what the paths of operations name: objects of pod `a`, where there is a pod to them."""

    account: UUID
    ids: dict[str, str]
    pods: dict[str, str]  # a and b
    inboxes: dict[str, str]  # in pod a, in pod b, and in none
    keys: dict[str, str]  # the secret of each actor

    @property
    def account_key(self) -> str:
        """The key that reaches everything."""
        return self.keys["account"]

    @property
    def shown(self) -> set[str]:
        """Every id that nobody outside pod `a` may be shown."""
        names = (
            "inbox_id", "message_id", "thread_id", "attachment_id", "pod_id", "webhook_id", "delivery_id", "domain_id",
            "draft_id",
            "rule_id", "address",
        )  # fmt: skip
        return {self.ids[name] for name in names}


async def make_world(edge: Edge) -> World:
    """Open an account without limits and fill it through the API."""
    opened = await edge.open_account()
    account = ids.read(ids.Kind.ACCOUNT, opened.account_id)
    assert account is not None
    async with edge.database.read() as db:
        await db.execute("update accounts set tier = 'enterprise' where account_id = $1", account)
    edge.services.keys.forget()
    maker = _Maker(edge, opened.account_api_key)
    pod_a, pod_b = await maker.post("/v1/pods", name="a"), await maker.post("/v1/pods", name="b")
    inbox_a = await maker.post("/v1/inboxes", pod_id=pod_a["id"])
    inbox_b = await maker.post("/v1/inboxes", pod_id=pod_b["id"])
    for inbox in (inbox_a["id"], inbox_b["id"]):
        await edge.deliver(inbox)
    message = (await maker.get(f"/v1/inboxes/{inbox_a['id']}/messages"))["messages"][0]
    claimed = await maker.post(f"/v1/inboxes/{inbox_a['id']}/messages/claim", lease_seconds=3600)
    member = await maker.post("/v1/members", email=_email("invited"))
    team = await maker.post("/v1/teams", name="team")
    await maker.put(f"/v1/teams/{team['id']}/members/{member['id']}")
    webhook = await maker.post("/v1/webhooks", url="http://127.0.0.1:4999/hook", pod_id=pod_a["id"])
    domain = await maker.post("/v1/domains", domain=f"{ids.new().hex}.example.com", pod_id=pod_a["id"])
    draft = await maker.post(f"/v1/inboxes/{inbox_a['id']}/drafts", subject="A draft", to="a@example.com")
    spam = {"direction": "inbound", "action": "block", "value": "spam.example"}
    rule = await maker.post("/v1/rules", inbox_id=inbox_a["id"], **spam)
    suppression = await maker.post("/v1/suppressions", address=_email("gone"), pod_id=pod_a["id"])
    key = await maker.post("/v1/keys", scope="pod", pod_id=pod_a["id"], name="named")
    return World(
        account=account,
        ids={
            "inbox_id": inbox_a["id"],
            "message_id": message["id"],
            "lease_id": claimed["claim"]["lease_id"],
            "thread_id": message["thread_id"],
            "attachment_id": message["attachments"][0]["id"],
            "pod_id": pod_a["id"],
            "member_id": member["id"],
            "team_id": team["id"],
            "key_id": key["id"],
            "webhook_id": webhook["id"],
            "domain_id": domain["id"],
            "draft_id": draft["id"],
            "rule_id": rule["id"],
            "address": suppression["address"],
            "delivery_id": await log_delivery(edge, webhook["id"]),
        },
        pods={"a": pod_a["id"], "b": pod_b["id"]},
        inboxes={"a": inbox_a["id"], "b": inbox_b["id"], "none": opened.id},
        keys={
            "account": opened.account_api_key,
            "pod a": pod_a["pod_api_key"],
            "pod b": pod_b["pod_api_key"],
            "inbox a": inbox_a["inbox_api_key"],
            "inbox b": inbox_b["inbox_api_key"],
            "owner": await maker.member(_email("owner"), "owner", None),
            "developer in a": await maker.member(_email("developer"), "developer", pod_a["id"]),
            "viewer in a": await maker.member(_email("viewer"), "viewer", pod_a["id"]),
            "developer in b": await maker.member(_email("other"), "developer", pod_b["id"]),
        },
    )


_shared: dict[tuple[int, str], World] = {}


async def shared_world(edge: Edge, name: str = "mine") -> World:
    """Return a world of the server's that is made once, for tests that leave it as they find it."""
    key = (edge.port, name)
    if key not in _shared:
        _shared[key] = await make_world(edge)
    return _shared[key]


@dataclass(frozen=True)
class _Maker:
    edge: Edge
    key: str

    async def post(self, path: str, **body: object) -> dict[str, Any]:
        return _result(await self.edge.http.post(path, json=body, headers=bearer(self.key)))

    async def put(self, path: str) -> None:
        _result(await self.edge.http.put(path, headers=bearer(self.key)))

    async def get(self, path: str) -> dict[str, Any]:
        return _result(await self.edge.http.get(path, headers=bearer(self.key)))

    async def member(self, email: str, role: str, pod_id: str | None) -> str:
        """Invite somebody, accept for him, and return his key."""
        invited = await self.post("/v1/members", email=email, grants=[{"role": role, "pod_id": pod_id}])
        link = httpx.URL(invited["invitation_url"])
        accepted = await self.edge.http.post(link.path, headers={"Accept": "application/json"})
        key: str = _result(accepted)["api_key"]
        return key


def _result(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


async def call(edge: Edge, each: Operation, world: World, key: str | None, body: object = None) -> httpx.Response:
    """Send an operation about the world's objects, its path filled in, with a key."""
    path = each.path.format(**world.ids)
    if each.name in ("wait_for_message", "stream_events"):
        path += "?timeout=0"
    headers = bearer(key) if key is not None else {}
    if body is None:
        return await edge.http.request(each.method, path, headers=headers)
    return await edge.http.request(each.method, path, json=body, headers=headers)


def _email(name: str) -> str:
    """Return an address of its own: how much mail goes to one is limited."""
    return f"{name}-{ids.new().hex}@example.com"


async def log_delivery(edge: Edge, webhook_id: str, *, status: str = "failed", sequence: int = 1) -> str:
    """Write a delivery into a webhook's log, as the worker does, and return its id."""
    webhook, delivery = ids.read(ids.Kind.WEBHOOK, webhook_id), ids.new()
    async with edge.database.read() as db:
        await db.execute(
            """
            insert into webhook_deliveries (account_id, id, webhook_id, sequence, event_id, event, status,
                                            attempt_count, attempts, created_at, updated_at)
            select account_id, $2, id, $3, $4, 'pod.created', $5, 1, $6, now(), now()
            from webhooks where id = $1
            """,
            webhook, delivery, sequence, ids.new(), status,
            '[{"at": "2026-01-01T00:00:00Z", "url": "http://127.0.0.1:4999/hook", "headers": {}, "duration_ms": 5}]',
        )  # fmt: skip
    return ids.show(ids.Kind.DELIVERY, delivery)
