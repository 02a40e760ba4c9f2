"""Keys over HTTP: what each may make, see and change, and that none is ever wider than the one that made it."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from daimon.keys.models import ALLOWED, KeyScope
from daimon.keys.permissions import ALL
from daimon.kit import ids

from .conftest import Edge, Opened, bearer
from .teamwork import Team, grant

FIELDS = [
    "id", "scope", "pod_id", "inbox_id", "member_id", "name", "permissions", "expires_at", "allowed_networks",
    "created_by", "created_at", "last_used_at", "prefix", "status", "client_id",
]  # fmt: skip
LATER, LATEST = "2100-01-01T00:00:00.000Z", "2101-01-01T00:00:00.000Z"


async def _pod(team: Team, name: str = "Customer") -> dict[str, Any]:
    pod: dict[str, Any] = await team.result("POST", "/v1/pods", {"name": name})
    return pod


async def _key(team: Team, *, key: str | None = None, **body: object) -> dict[str, Any]:
    made: dict[str, Any] = await team.result("POST", "/v1/keys", body, key=key)
    return made


async def test_a_key_of_each_scope_says_what_it_is(edge: Edge) -> None:
    """The create answers with the secret once; the key's whoami agrees with what the create said."""
    team = await Team.opened(edge)
    pod = await _pod(team)
    for body, scope in (
        ({"scope": "account"}, KeyScope.ACCOUNT),
        ({"scope": "pod", "pod_id": pod["id"]}, KeyScope.POD),
        ({"scope": "inbox", "inbox_id": team.account.id}, KeyScope.INBOX),
    ):
        answer = await team.send("POST", "/v1/keys", body | {"name": "Mine", "client_id": scope.value})
        made = answer.json()["result"]
        assert answer.status_code == 201, answer.text
        assert list(made) == [*FIELDS, "api_key"]
        assert made["api_key"].startswith(made["prefix"])
        assert made["permissions"] == sorted(ALLOWED[scope])
        shown = await team.result("GET", f"/v1/keys/{made['id']}")
        assert shown == {name: made[name] for name in FIELDS} | {"unused_permissions": []}
        me = await team.result("GET", "/v1/whoami", key=made["api_key"])
        assert (me["key_id"], me["name"], me["scope"]) == (made["id"], "Mine", scope)
        assert me["permissions"] == made["permissions"]


async def test_client_id_makes_one_key(edge: Edge) -> None:
    """The same body answers 200 without the secret, another body 409; a revoked key's client_id is free again."""
    team = await Team.opened(edge)
    body = {"scope": "inbox", "inbox_id": team.account.id, "client_id": "mine"}
    first = await _key(team, **body)
    again = await team.send("POST", "/v1/keys", body)
    assert (again.status_code, again.json()["result"]["id"]) == (200, first["id"])
    assert "api_key" not in again.json()["result"]
    assert (await team.refused("POST", "/v1/keys", body | {"name": "x"}))[:2] == (409, "CLIENT_ID_CONFLICT")
    await team.result("DELETE", f"/v1/keys/{first['id']}")
    assert (await _key(team, **body))["id"] != first["id"]


async def test_lists_filter_and_page(edge: Edge) -> None:
    """Filters join, a cursor leads through all pages, and the total is that of the filter."""
    team = await Team.opened(edge)
    pod = await _pod(team)
    made = [await _key(team, scope="pod", pod_id=pod["id"], name=f"reader {n}") for n in range(3)]
    gone = await _key(team, scope="pod", pod_id=pod["id"], name="reader gone")
    await team.result("DELETE", f"/v1/keys/{gone['id']}")
    readers = f"/v1/keys?scope=pod&pod_id={pod['id']}&q=reader"
    assert [key["id"] for key in (await team.result("GET", readers))["keys"]] == [key["id"] for key in made]
    revoked = await team.result("GET", readers + "&status=revoked")
    assert [(key["id"], key["status"]) for key in revoked["keys"]] == [(gone["id"], "revoked")]
    seen: list[str] = []
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = await team.result("GET", f"{readers}&limit=2" + "&cursor=" * bool(seen) + page["next_cursor"])
        assert page["total"] == 3
        seen += [key["id"] for key in page["keys"]]
    assert seen == [key["id"] for key in made]
    assert (await team.result("GET", readers + "&offset=2"))["keys"][0]["id"] == made[2]["id"]
    of_inbox = await team.result("GET", f"/v1/keys?inbox_id={team.account.id}")
    assert [key["scope"] for key in of_inbox["keys"]] == ["inbox"]
    everything = await team.result("GET", "/v1/keys")
    assert everything["total"] == len(everything["keys"]) == 6  # account, inbox, the pod's own and three readers


async def test_a_pod_key_knows_the_keys_of_its_pod_alone(edge: Edge) -> None:
    """It sees and makes keys of its pod and of the inboxes in it; all others do not exist for it."""
    team = await Team.opened(edge)
    mine, other = await _pod(team), await _pod(team, "Other")
    inbox = await edge.create_inbox(team.account.account_api_key, pod_id=mine["id"])
    key = mine["pod_api_key"]
    listed = await team.result("GET", "/v1/keys", key=key)
    assert {(each["scope"], each["pod_id"]) for each in listed["keys"]} == {("pod", mine["id"]), ("inbox", mine["id"])}
    assert (await _key(team, key=key, scope="pod"))["pod_id"] == mine["id"]
    made = await _key(team, key=key, scope="inbox", inbox_id=inbox["id"])
    assert (made["pod_id"], made["inbox_id"]) == (mine["id"], inbox["id"])
    assert made["created_by"] == (await team.result("GET", "/v1/whoami", key=key))["key_id"]
    for body, error in (
        ({"scope": "account"}, "FORBIDDEN"),
        ({"scope": "member"}, "FORBIDDEN"),
        ({"scope": "pod", "pod_id": other["id"]}, "POD_NOT_FOUND"),
        ({"scope": "inbox", "inbox_id": team.account.id}, "INBOX_NOT_FOUND"),
    ):
        assert (await team.refused("POST", "/v1/keys", body, key=key))[1] == error
    account_key = (await team.result("GET", "/v1/whoami"))["key_id"]
    never_issued = "key_" + "0" * 32
    for foreign in (account_key, never_issued):
        for method, path, body in (
            ("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/rotate", {}),
        ):  # fmt: skip
            refused = await team.refused(method, f"/v1/keys/{foreign}{path}", body, key=key)
            assert refused[:2] == (404, "KEY_NOT_FOUND")
    assert (await team.refused("GET", "/v1/keys", key=team.account.inbox_api_key))[:2] == (403, "FORBIDDEN")


async def test_another_accounts_key_does_not_exist(edge: Edge) -> None:
    """404 for each operation on one key, and nothing happens to it."""
    mine, other = await Team.opened(edge), await Team.opened(edge)
    theirs = (await other.result("GET", "/v1/whoami"))["key_id"]
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
        assert (await mine.refused(method, f"/v1/keys/{theirs}{path}"))[:2] == (404, "KEY_NOT_FOUND")
    assert (await other.result("GET", "/v1/whoami"))["key_id"] == theirs


async def test_what_is_left_out_is_as_wide_as_the_maker(edge: Edge) -> None:
    """Permissions, expiry and networks of a restricted key pass on to what it makes."""
    team = await Team.opened(edge)
    own = {
        "permissions": ["keys:write", "messages:read", "pods:read"],
        "expires_at": LATER,
        "allowed_networks": ["127.0.0.0/8", "2001:db8::/32"],
    }
    maker = await _key(team, scope="account", **own)
    made = await _key(team, key=maker["api_key"], scope="inbox", inbox_id=team.account.id)
    assert made["permissions"] == ["messages:read"]
    assert (made["expires_at"], made["allowed_networks"]) == (LATER, own["allowed_networks"])
    assert made["created_by"] == maker["id"]


@pytest.mark.parametrize(
    ("field", "wider"),
    [
        ("permissions", ["messages:send"]),
        ("expires_at", LATEST),
        ("allowed_networks", ["0.0.0.0/0"]),
        ("allowed_networks", ["127.0.0.1", "10.0.0.0/8"]),
    ],
)
async def test_a_key_makes_and_changes_none_to_be_wider(edge: Edge, field: str, wider: object) -> None:
    """403 names the field, in a create and in a PATCH."""
    team = await Team.opened(edge)
    own = {"permissions": ["keys:write", "messages:read"], "expires_at": LATER, "allowed_networks": ["127.0.0.0/8"]}
    maker = (await _key(team, scope="account", **own))["api_key"]
    create = {"scope": "inbox", "inbox_id": team.account.id}
    made = await _key(team, key=maker, **create)
    for method, path, body in (
        ("POST", "/v1/keys", create | {field: wider}),
        ("PATCH", f"/v1/keys/{made['id']}", {field: wider}),
    ):
        answer = await team.send(method, path, body, key=maker)
        assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")
        assert answer.json()["details"][0]["field"] == field
    if field != "permissions":
        assert (await team.refused("PATCH", f"/v1/keys/{made['id']}", {field: None}, key=maker))[0] == 403


async def test_a_key_touches_none_that_may_do_more(edge: Edge) -> None:
    """Neither PATCH nor DELETE nor rotate; and rotate not one that ends later or works from elsewhere."""
    team = await Team.opened(edge)
    whole = (await team.result("GET", "/v1/whoami"))["key_id"]
    keeper = (await _key(team, scope="account", permissions=["keys:write", "messages:read"]))["api_key"]
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
        assert (await team.refused(method, f"/v1/keys/{whole}{path}", key=keeper))[:2] == (403, "FORBIDDEN")
    reader = await _key(team, scope="inbox", inbox_id=team.account.id, permissions=["messages:read"])
    for own in ({"expires_at": LATER}, {"allowed_networks": ["127.0.0.1"]}):
        short = (await _key(team, scope="account", permissions=["keys:write", "messages:read"], **own))["api_key"]
        assert (await team.refused("POST", f"/v1/keys/{reader['id']}/rotate", key=short))[:2] == (403, "FORBIDDEN")
    assert (await team.result("POST", f"/v1/keys/{reader['id']}/rotate", key=keeper))["id"] == reader["id"]
    assert (await team.result("DELETE", f"/v1/keys/{reader['id']}", key=keeper))["deleted"]


async def test_no_shortcut_shows_a_wider_key(edge: Edge) -> None:
    """What makes or rotates keys on the way, such as a new inbox, hands out no more than the caller has."""
    team = await Team.opened(edge)
    maker = await _key(team, scope="account", permissions=["inboxes:write", "inboxes:read", "pods:write"])
    inbox = await edge.create_inbox(maker["api_key"])
    me = await team.result("GET", "/v1/whoami", key=inbox["inbox_api_key"])
    assert me["permissions"] == ["inboxes:read", "inboxes:write"]
    rotate = f"/v1/inboxes/{team.account.id}/rotate-key"
    assert (await team.refused("POST", rotate, key=maker["api_key"]))[:2] == (403, "FORBIDDEN")
    pod = await team.result("POST", "/v1/pods", {"name": "Small"}, key=maker["api_key"])
    small = await team.result("GET", "/v1/whoami", key=pod["pod_api_key"])
    assert small["permissions"] == ["inboxes:read", "inboxes:write", "pods:write"]
    weak = await _key(team, scope="inbox", inbox_id=team.account.id, permissions=["inboxes:write"])
    renewed = await team.result("POST", rotate, key=weak["api_key"])
    assert renewed["key_id"] == weak["id"]


async def test_a_member_makes_keys_where_his_role_holds(edge: Edge) -> None:
    """A developer in one pod makes keys of that pod with what his role gives, and personal ones that die with him."""
    team = await Team.opened(edge)
    pod, other = await _pod(team), await _pod(team, "Other")
    inbox = await edge.create_inbox(team.account.account_api_key, pod_id=pod["id"])
    person = await team.join(grant("developer", pod["id"]))
    made = await _key(team, key=person.key, scope="pod", pod_id=pod["id"])
    assert made["created_by"] == person.id
    assert "pods:write" not in made["permissions"]
    assert "messages:send" in made["permissions"]
    assert (await _key(team, key=person.key, scope="inbox", inbox_id=inbox["id"]))["pod_id"] == pod["id"]
    assert (await team.refused("POST", "/v1/keys", {"scope": "account"}, key=person.key))[:2] == (403, "FORBIDDEN")
    refused = await team.refused("POST", "/v1/keys", {"scope": "pod", "pod_id": other["id"]}, key=person.key)
    assert refused[:2] == (404, "POD_NOT_FOUND")
    own = await _key(team, key=person.key, scope="member", name="laptop")
    assert (own["member_id"], own["permissions"]) == (person.id, None)
    listed = await team.result("GET", "/v1/keys?scope=member", key=person.key)
    assert own["id"] in [key["id"] for key in listed["keys"]]
    assert {key["member_id"] for key in listed["keys"]} == {person.id}
    await team.result("PATCH", f"/v1/members/{person.id}", {"status": "disabled"})
    for key, status in ((own["api_key"], 401), (made["api_key"], 200)):
        assert (await team.send("GET", "/v1/whoami", key=key)).status_code == status


async def test_a_narrow_personal_key_makes_none_that_follows_the_roles(edge: Edge) -> None:
    """Null would grow with the member's roles, so it is for keys that have it themselves."""
    team = await Team.opened(edge)
    person = await team.join(grant("admin"))
    narrow = await _key(team, key=person.key, scope="member", permissions=["keys:read", "keys:write"])
    below = await _key(team, key=narrow["api_key"], scope="member")
    assert below["permissions"] == ["keys:read", "keys:write"]
    whole = (await team.result("GET", "/v1/whoami", key=person.key))["key_id"]
    for method, path in (("PATCH", ""), ("POST", "/rotate"), ("DELETE", "")):
        assert (await team.refused(method, f"/v1/keys/{whole}{path}", key=narrow["api_key"]))[0] == 403
    body = {"permissions": None}
    patched = await team.result("PATCH", f"/v1/keys/{below['id']}", body, key=narrow["api_key"])
    assert patched["permissions"] == ["keys:read", "keys:write"]


async def test_a_personal_key_without_keys_write_makes_none(edge: Edge) -> None:
    """What a member handed to an agent to read with cannot leave keys behind that outlive its end."""
    team = await Team.opened(edge)
    person = await team.join(grant("viewer"))
    reader = await _key(team, key=person.key, scope="member", permissions=["messages:read"])
    for method, path, body in (
        ("POST", "/v1/keys", {"scope": "member"}),
        ("GET", "/v1/keys?scope=member", None),
        ("POST", f"/v1/keys/{reader['id']}/rotate", {}),
    ):
        assert (await team.refused(method, path, body, key=reader["api_key"]))[:2] == (403, "FORBIDDEN")


async def test_an_admin_makes_no_owner_of_himself(edge: Edge) -> None:
    """A whole account key stands for the account: only owners make, change or rotate one, or touch others' keys."""
    team = await Team.opened(edge)
    admin, owner = await team.join(grant("admin")), await team.join(grant("owner"))
    whole = (await team.result("GET", "/v1/whoami"))["key_id"]
    owners = (await team.result("GET", "/v1/whoami", key=owner.key))["key_id"]
    for method, path, body in (
        ("POST", "/v1/keys", {"scope": "account"}),
        ("POST", "/v1/keys", {"scope": "account", "permissions": sorted(ALL)}),
        ("POST", f"/v1/keys/{whole}/rotate", None),
        ("DELETE", f"/v1/keys/{whole}", None),
        ("POST", f"/v1/keys/{owners}/rotate", None),
        ("DELETE", f"/v1/keys/{owners}", None),
        ("POST", "/v1/account/rotate-key", None),
    ):
        assert (await team.refused(method, path, body, key=admin.key))[:2] == (403, "FORBIDDEN"), (method, path)
    most = sorted(ALL - {"billing:write"})
    nearly = await _key(team, key=admin.key, scope="account", permissions=most)
    assert nearly["permissions"] == most
    patch = {"permissions": None}
    assert (await team.refused("PATCH", f"/v1/keys/{nearly['id']}", patch, key=admin.key))[0] == 403
    assert (await _key(team, key=owner.key, scope="account"))["permissions"] == sorted(ALL)
    admins = (await team.result("GET", "/v1/whoami", key=admin.key))["key_id"]
    assert (await team.refused("POST", f"/v1/keys/{admins}/rotate", key=owner.key))[:2] == (403, "FORBIDDEN")
    assert (await team.result("DELETE", f"/v1/keys/{admins}", key=owner.key))["deleted"]


async def test_the_total_is_exact_whatever_happens_to_keys(edge: Edge) -> None:
    """Made and revoked at once, by the dozen, with inboxes and pods; expired ones do not count."""
    account = await edge.open_account()
    async with edge.database.read() as db:
        await db.execute("update accounts set tier = 'enterprise' where account_id = $1", _id(account))
    edge.services.keys.forget()
    key = bearer(account.account_api_key)

    async def made() -> str:
        wish = {"scope": "account", "permissions": ["inboxes:read"]}
        answer = await edge.http.post("/v1/keys", json=wish, headers=key)
        return str(answer.json()["result"]["id"])

    async def total() -> int:
        page = (await edge.http.get("/v1/keys", headers=key)).json()["result"]
        assert page["total"] == await _counted(edge, account)
        return int(page["total"])

    ids_made = await asyncio.gather(*(made() for _ in range(30)))
    assert await total() == 32
    doomed = ids_made[:10]
    await asyncio.gather(
        *(edge.http.delete(f"/v1/keys/{each}", headers=key) for each in (*doomed, *doomed)), *(made() for _ in range(5))
    )
    assert await total() == 27
    pod = (await edge.http.post("/v1/pods", json={"name": "p"}, headers=key)).json()["result"]
    for _ in range(3):
        await edge.create_inbox(account.account_api_key, pod_id=pod["id"])
    assert await total() == 31
    await edge.http.delete(f"/v1/pods/{pod['id']}?inboxes=delete", headers=key)
    assert await total() == 27
    await edge.http.delete(f"/v1/inboxes/{account.id}", headers=key)
    assert await total() == 26
    async with edge.database.read() as db:
        await db.execute(
            "update keys set expires_at = now() - interval '1 s' where account_id = $1 and id = any($2)",
            _id(account), [ids.read(ids.Kind.KEY, each) for each in ids_made[10:14]],
        )  # fmt: skip
    assert await total() == 22


async def _counted(edge: Edge, account: Opened) -> int:
    async with edge.database.read() as db:
        count: int = await db.fetchval(
            "select count(*) from keys where account_id = $1 and status = 'active'"
            " and (expires_at is null or expires_at > now())",
            _id(account),
        )
    return count


def _id(account: Opened) -> UUID | None:
    return ids.read(ids.Kind.ACCOUNT, account.account_id)
