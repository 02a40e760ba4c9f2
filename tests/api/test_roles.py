"""What a member may do, by role and place: the union of his grants, and not a step further."""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from daimon.keys.permissions import ALL, Permission
from daimon.keys.roles import PERMISSIONS, Role

from .conftest import Edge
from .teamwork import Team, grant

_PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "roles.md"
_ROW = re.compile(r"^\| `([a-z]+:[a-z]+)` \|(.+)\|$", re.MULTILINE)


def test_the_page_shows_the_roles_as_they_are() -> None:
    """docs/concepts/roles.md has a row for each permission and a column for each role."""
    text = _PAGE.read_text("utf-8")
    header = "| permission | " + " | ".join(f"`{role}`" for role in Role) + " |"
    assert header in text
    shown = {name: [cell.strip() for cell in cells.split("|")] for name, cells in _ROW.findall(text)}
    assert shown == {
        permission.value: ["yes" if permission in PERMISSIONS[role] else "–" for role in Role]
        for permission in Permission
    }


def test_roles_are_what_the_contract_says() -> None:
    """Owner and admin: all; billing: billing alone; viewer: reads alone; operator: reads, sends, approves."""
    assert PERMISSIONS[Role.OWNER] == PERMISSIONS[Role.ADMIN] == ALL
    assert PERMISSIONS[Role.BILLING] == {Permission.BILLING_READ, Permission.BILLING_WRITE}
    assert all(each.endswith(":read") for each in PERMISSIONS[Role.VIEWER])
    assert PERMISSIONS[Role.AGENT_OPERATOR] - PERMISSIONS[Role.VIEWER] == {
        Permission.MESSAGES_SEND,
        Permission.APPROVALS_WRITE,
    }
    kinds = {each.partition(":")[0] for each in PERMISSIONS[Role.DEVELOPER]}
    assert kinds == {"inboxes", "messages", "drafts", "webhooks", "domains", "keys", "rules", "pods"}
    assert Permission.PODS_WRITE not in PERMISSIONS[Role.DEVELOPER]


@dataclass
class Place:
    """An account with two pods; each holds an inbox with a mail, and a third inbox is in no pod."""

    team: Team
    pod: dict[str, str]
    inbox: dict[str, str]


@pytest_asyncio.fixture(loop_scope="session")
async def place(edge: Edge) -> Place:
    """A fresh one."""
    team = await Team.opened(edge)
    pods = {name: await team.pod(name) for name in "AB"}
    inboxes = {name: await team.inbox_in(pods.get(name)) for name in ("A", "B", "none")}
    return Place(team, pods, inboxes)


# One operation of each kind on an inbox: what it needs, and what is sent.
_KINDS = {
    "read inbox": (Permission.INBOXES_READ, "GET", "", None),
    "write inbox": (Permission.INBOXES_WRITE, "PATCH", "", {"display_name": "Changed"}),
    "read mail": (Permission.MESSAGES_READ, "GET", "/messages", None),
    "read threads": (Permission.MESSAGES_READ, "GET", "/threads", None),
    "write mail": (Permission.MESSAGES_WRITE, "PATCH", "/messages/{message}", {"read": True}),
    "write thread": (Permission.MESSAGES_WRITE, "PATCH", "/threads/{thread}", {"read": True}),
}


@pytest.mark.parametrize("role", Role)
async def test_each_role_in_a_pod(place: Place, role: Role) -> None:
    """What the role has works in the pod; what it lacks is 403 by name there; all else does not exist for it."""
    person = await place.team.join(grant(role, place.pod["A"]))
    for kind, (permission, method, path, body) in _KINDS.items():
        for name in ("A", "B", "none"):
            url = await _url(place, name, path)
            answer = await place.team.send(method, url, body, key=person.key)
            if name != "A":
                expected = (404, "INBOX_NOT_FOUND")
            elif permission in PERMISSIONS[role]:
                expected = (200, None)
            else:
                expected = (403, "FORBIDDEN")
                assert permission.value in answer.json()["message"]
            assert (answer.status_code, answer.json().get("error")) == expected, (kind, name, answer.text)


@pytest.mark.parametrize("role", Role)
async def test_each_role_in_the_whole_account(place: Place, role: Role) -> None:
    """What the role has works everywhere, what it lacks is 403 everywhere."""
    person = await place.team.join(grant(role))
    for kind, (permission, method, path, body) in _KINDS.items():
        for name in ("A", "none"):
            answer = await place.team.send(method, await _url(place, name, path), body, key=person.key)
            expected = 200 if permission in PERMISSIONS[role] else 403
            assert answer.status_code == expected, (kind, name, answer.text)


async def _url(place: Place, name: str, path: str) -> str:
    inbox = f"/v1/inboxes/{place.inbox[name]}"
    (message,) = (await place.team.result("GET", f"{inbox}/messages"))["messages"]
    return inbox + path.format(message=message["id"], thread=message["thread_id"])


async def test_a_developer_lists_and_makes_inboxes_of_his_pod(place: Place) -> None:
    """Lists show only what his grants reach; a new inbox is in the pod, and in no other and none."""
    person = await place.team.join(grant("developer", place.pod["A"]))
    page = await place.team.result("GET", "/v1/inboxes", key=person.key)
    assert ([inbox["id"] for inbox in page["inboxes"]], page["total"]) == ([place.inbox["A"]], 1)
    threads = await place.team.result("GET", "/v1/threads", key=person.key)
    assert [thread["inbox_id"] for thread in threads["threads"]] == [place.inbox["A"]]
    made = await place.team.result("POST", "/v1/inboxes", {"pod_id": place.pod["A"]}, key=person.key)
    assert made["pod_id"] == place.pod["A"]
    refused = await place.team.refused("POST", "/v1/inboxes", {"pod_id": place.pod["B"]}, key=person.key)
    assert refused[:2] == (404, "POD_NOT_FOUND")


async def test_a_developer_of_two_pods_makes_no_inbox_outside_them(place: Place) -> None:
    """Without `pod_id` it is not clear where; the whole account it is not."""
    person = await place.team.join(*(grant("developer", place.pod[name]) for name in "AB"))
    page = await place.team.result("GET", "/v1/inboxes", key=person.key)
    assert {inbox["id"] for inbox in page["inboxes"]} == {place.inbox["A"], place.inbox["B"]}
    answer = await place.team.send("POST", "/v1/inboxes", {}, key=person.key)
    assert answer.status_code in (403, 422), answer.text
    made = await place.team.result("POST", "/v1/inboxes", {"pod_id": place.pod["B"]}, key=person.key)
    assert made["pod_id"] == place.pod["B"]


async def test_a_viewer_who_develops_in_one_pod(place: Place) -> None:
    """He reads all, writes in A only, and is told 403 elsewhere, for there he sees what he may not change."""
    person = await place.team.join(grant("viewer"), grant("developer", place.pod["A"]))
    rename = {"display_name": "Changed"}
    for name, expected in (("A", 200), ("B", 403), ("none", 403)):
        url = f"/v1/inboxes/{place.inbox[name]}"
        assert (await place.team.send("GET", url, key=person.key)).status_code == 200
        answer = await place.team.send("PATCH", url, rename, key=person.key)
        assert answer.status_code == expected
        if expected == 403:
            assert "inboxes:write" in answer.json()["message"]
    other = await Team.opened(place.team.edge)
    foreign = await other.inbox_in(None)
    assert (await place.team.refused("PATCH", f"/v1/inboxes/{foreign}", rename, key=person.key))[0] == 404


async def test_what_teams_give_comes_together(place: Place) -> None:
    """Two teams and a grant of his own: the union, each where it holds.

    The grant reaches the whole account, so what he may not do elsewhere is 403 and not 404.
    """
    person = await place.team.join(grant("billing"))
    await place.team.team(grant("viewer", place.pod["A"]), members=(person.id,))
    await place.team.team(grant("developer", place.pod["B"]), members=(person.id,))
    who = await place.team.result("GET", "/v1/whoami", key=person.key)
    roles = PERMISSIONS[Role.VIEWER] | PERMISSIONS[Role.DEVELOPER] | PERMISSIONS[Role.BILLING]
    assert set(who["permissions"]) == roles
    page = await place.team.result("GET", "/v1/inboxes", key=person.key)
    assert {inbox["id"] for inbox in page["inboxes"]} == {place.inbox["A"], place.inbox["B"]}
    for name, expected in (("A", 403), ("B", 200), ("none", 403)):
        answer = await place.team.send(
            "PATCH", f"/v1/inboxes/{place.inbox[name]}", {"display_name": "x"}, key=person.key
        )
        assert answer.status_code == expected, name


async def test_without_a_grant_there_is_nothing(place: Place) -> None:
    """A member without any reads nothing and sees that nothing is there."""
    person = await place.team.join()
    assert (await place.team.refused("GET", "/v1/inboxes", key=person.key))[:2] == (403, "FORBIDDEN")
    refused = await place.team.refused("GET", f"/v1/inboxes/{place.inbox['A']}", key=person.key)
    assert refused[:2] == (404, "INBOX_NOT_FOUND")


@pytest.mark.parametrize(
    "way", ["grant", "team's grant", "leaving", "team's end", "disabling", "deletion", "pod's end"]
)
async def test_losing_a_role_shows_at_once(place: Place, way: str) -> None:
    """In the process that changed it with the next request, in another within a second."""
    by_team = way in ("team's grant", "leaving", "team's end")
    given = grant("developer", place.pod["A"])
    person = await place.team.join(*([] if by_team else [given]))
    team_id = await place.team.team(given, members=(person.id,)) if by_team else ""
    url, rename = f"/v1/inboxes/{place.inbox['A']}", {"display_name": "x"}
    await place.team.result("PATCH", url, rename, key=person.key)
    changes: dict[str, tuple[str, str, object]] = {
        "grant": ("PATCH", f"/v1/members/{person.id}", {"grants": []}),
        "team's grant": ("PUT", f"/v1/teams/{team_id}/grants", {"grants": [grant("viewer", place.pod["B"])]}),
        "leaving": ("DELETE", f"/v1/teams/{team_id}/members/{person.id}", None),
        "team's end": ("DELETE", f"/v1/teams/{team_id}", None),
        "disabling": ("PATCH", f"/v1/members/{person.id}", {"status": "disabled"}),
        "deletion": ("DELETE", f"/v1/members/{person.id}", None),
        "pod's end": ("DELETE", f"/v1/pods/{place.pod['A']}?inboxes=move", None),
    }
    await place.team.result(*changes[way])
    assert (await place.team.send("PATCH", url, rename, key=person.key)).status_code in (401, 404)


async def test_a_change_by_another_process_holds_within_a_second(place: Place) -> None:
    """No message is needed: what is remembered of a key is forgotten by then."""
    person = await place.team.join(grant("viewer"))
    assert (await place.team.send("GET", "/v1/inboxes", key=person.key)).status_code == 200
    async with place.team.edge.database.read() as db:  # as another process would
        await db.execute("delete from grants where account_id = $1", place.team.account_uuid)
    changed = asked = time.monotonic()
    while (await place.team.send("GET", "/v1/inboxes", key=person.key)).status_code == 200:
        assert asked - changed < 1.0  # when it was asked: a slow machine may take its time to answer
        await asyncio.sleep(0.02)
        asked = time.monotonic()


@pytest.mark.parametrize("role", ["viewer", "billing"])
@pytest.mark.parametrize("pod", ["A", "none"])
async def test_a_member_has_personal_keys_whatever_his_roles_are(place: Place, role: str, pod: str) -> None:
    """He makes, lists, shows, changes, rotates and revokes his own; others' keys stay others'."""
    team = place.team
    one, other = await team.join(grant(role, place.pod.get(pod))), await team.join(grant("owner"))
    made = await team.result("POST", "/v1/keys", {"scope": "member", "name": "laptop"}, key=one.key)
    assert (made["member_id"], made["permissions"]) == (one.id, None)  # those of his roles, as they are at each moment
    listed = await team.result("GET", "/v1/keys?scope=member", key=made["api_key"])
    assert {key["member_id"] for key in listed["keys"]} == {one.id}
    assert listed["total"] == 2
    path = f"/v1/keys/{made['id']}"
    assert (await team.result("PATCH", path, {"name": "phone"}, key=one.key))["name"] == "phone"
    rotated = await team.result("POST", f"{path}/rotate", {}, key=made["api_key"])
    assert (await team.result("GET", path, key=rotated["api_key"]))["name"] == "phone"
    theirs = (await team.result("GET", "/v1/keys?scope=member", key=other.key))["keys"]
    foreign = next(key["id"] for key in theirs if key["member_id"] == other.id)
    for method, where, body in (
        ("GET", f"/v1/keys/{foreign}", None),
        ("DELETE", f"/v1/keys/{foreign}", None),
        ("POST", f"/v1/keys/{foreign}/rotate", {}),
    ):
        assert (await team.refused(method, where, body, key=one.key))[0] in (403, 404)
    assert (await team.refused("POST", "/v1/keys", {"scope": "account"}, key=one.key))[:2] == (403, "FORBIDDEN")
    await team.result("DELETE", path, key=one.key)
    assert (await team.refused("GET", "/v1/whoami", key=rotated["api_key"]))[:2] == (401, "API_KEY_REVOKED")
