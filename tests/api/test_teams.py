"""Teams over HTTP, who may give what, and the last owner, whom nobody takes away."""

import asyncio
from typing import Any

import pytest

from daimon.kit import ids
from daimon.teams import models, service

from .conftest import Edge
from .teamwork import Team, grant, path_of

_NOBODY = "team_" + "0" * 32


async def test_a_team_is_made_changed_and_deleted(edge: Edge) -> None:
    """Its members stay in the account."""
    team = await Team.opened(edge)
    pod_id = await team.pod()
    wish = {"name": "Support", "description": "d", "grants": [grant("viewer", pod_id)], "client_id": "support"}
    first = await team.send("POST", "/v1/teams", wish)
    again = await team.send("POST", "/v1/teams", wish)
    assert (first.status_code, again.status_code) == (201, 200)
    made = first.json()["result"]
    assert again.json()["result"] == made
    assert (made["name"], made["description"], made["member_count"]) == ("Support", "d", 0)
    assert (made["grants"], made["client_id"]) == ([grant("viewer", pod_id)], "support")
    assert (await team.refused("POST", "/v1/teams", wish | {"name": "x"}))[:2] == (409, "CLIENT_ID_CONFLICT")
    url = f"/v1/teams/{made['id']}"
    changed = await team.result("PATCH", url, {"description": None})
    assert (changed["name"], changed["description"]) == ("Support", None)
    person = await team.join()
    assert (await team.result("PUT", f"{url}/members/{person.id}"))["member_count"] == 1
    assert (await team.result("PUT", f"{url}/members/{person.id}"))["member_count"] == 1  # who is in stays
    shown = await team.result("GET", f"/v1/members/{person.id}")
    assert (shown["grants"], shown["teams"]) == ([], [{"id": made["id"], "name": "Support"}])
    given = await team.result("PUT", f"{url}/grants", {"grants": [grant("viewer"), grant("billing")]})
    assert given["grants"] == [grant("viewer"), grant("billing")]
    assert await team.result("GET", url) == given
    assert await team.result("DELETE", url) == {"id": made["id"], "deleted": True}
    assert (await team.refused("GET", url))[:2] == (404, "TEAM_NOT_FOUND")
    assert (await team.result("GET", f"/v1/members/{person.id}"))["teams"] == []
    assert (await team.send("POST", "/v1/teams", wish)).status_code == 201  # the client_id is free again


async def test_leaving_a_team(edge: Edge) -> None:
    """Who is not in it is a 404."""
    team = await Team.opened(edge)
    person = await team.join()
    url = f"/v1/teams/{await team.team(members=(person.id,))}/members/{person.id}"
    assert (await team.result("DELETE", url))["member_count"] == 0
    assert (await team.refused("DELETE", url))[:2] == (404, "MEMBER_NOT_FOUND")


async def test_teams_page(edge: Edge) -> None:
    """With total, offset and cursor."""
    team = await Team.opened(edge)
    made = [await team.team() for _ in range(3)]
    page = await team.result("GET", "/v1/teams?limit=2")
    assert ([each["id"] for each in page["teams"]], page["total"]) == (made[:2], 3)
    page = await team.result("GET", f"/v1/teams?limit=2&cursor={page['next_cursor']}")
    assert ([each["id"] for each in page["teams"]], page["has_more"]) == (made[2:], False)
    page = await team.result("GET", "/v1/teams?offset=2")
    assert [each["id"] for each in page["teams"]] == made[2:]
    page = await team.result("GET", "/v1/teams?offset=7")
    assert (page["teams"], page["total"]) == ([], 3)


async def test_foreign_teams_do_not_exist(edge: Edge) -> None:
    """Another account's team or member answers as an id never issued does."""
    team, other = await Team.opened(edge), await Team.opened(edge)
    foreign, mine = await other.team(), await team.team()
    foreign_member, person = (await other.invite())["id"], (await team.invite())["id"]
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("PUT", "/grants", {"grants": []}),
        ("PUT", f"/members/{person}", None),
        ("DELETE", f"/members/{person}", None),
    ):
        answers = [await team.refused(method, f"/v1/teams/{each}{path}", body) for each in (foreign, _NOBODY)]
        assert answers[0] == answers[1]
        assert answers[0][:2] == (404, "TEAM_NOT_FOUND")
    for method in ("PUT", "DELETE"):
        refused = await team.refused(method, f"/v1/teams/{mine}/members/{foreign_member}")
        assert refused[:2] == (404, "MEMBER_NOT_FOUND")
    body = {"grants": [grant("viewer", await other.pod())]}
    assert (await team.refused("PUT", f"/v1/teams/{mine}/grants", body))[:2] == (404, "POD_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\u0000"}, "name"),
        ({"name": "a", "description": "x" * 2001}, "description"),
        ({"name": "a", "description": "\u0000"}, "description"),
        ({"name": "a", "grants": [{"role": "viewer", "pod_id": 5}]}, "grants[0].pod_id"),
        ({"name": "a", "grants": [{"role": "viewer"}] * 101}, "grants"),
        ({"name": "a", "members": []}, "members"),
    ],
)
async def test_a_wrong_create_names_the_field(edge: Edge, body: dict[str, Any], field: str) -> None:
    """422 with the field that is wrong."""
    team = await Team.opened(edge)
    answer = await team.send("POST", "/v1/teams", body)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field)


async def test_grants_must_be_named_to_be_replaced(edge: Edge) -> None:
    """An empty body would take all of them by accident."""
    team = await Team.opened(edge)
    url = f"/v1/teams/{await team.team(grant('viewer'))}/grants"
    for body in ({}, None):
        answer = await team.send("PUT", url, body)
        assert answer.status_code in (415, 422), answer.text
    assert (await team.result("PUT", url, {"grants": []}))["grants"] == []


async def test_the_number_of_members_and_teams_is_bounded(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 for one member more, exactly under concurrency; and for one team more."""
    assert (models.MAX_TEAM_MEMBERS, models.MAX_TEAMS_OF_MEMBER) == (1_000, 100)
    monkeypatch.setattr(service, "MAX_TEAM_MEMBERS", 3)
    monkeypatch.setattr(service, "MAX_TEAMS_OF_MEMBER", 2)
    team = await Team.opened(edge)
    team_id = await team.team()
    invited = [(await team.invite())["id"] for _ in range(6)]
    calls = [team.send("PUT", f"/v1/teams/{team_id}/members/{each}") for each in invited]
    assert sorted(answer.status_code for answer in await asyncio.gather(*calls)) == [200] * 3 + [409] * 3
    assert (await team.result("GET", f"/v1/teams/{team_id}"))["member_count"] == 3
    (one, *_), two = [(await team.invite())["id"]], [await team.team(), await team.team()]
    for each in two:
        await team.result("PUT", f"/v1/teams/{each}/members/{one}")
    refused = await team.refused("PUT", f"/v1/teams/{await team.team()}/members/{one}")
    assert refused[:2] == (409, "STATE_CONFLICT")


async def test_nobody_gives_what_he_does_not_have(edge: Edge) -> None:
    """An admin makes no owners, in any of the ways there are; nor does he touch one."""
    team = await Team.opened(edge)
    admin, owner = await team.join(grant("admin")), await team.join(grant("owner"))
    pod_id, person = await team.pod(), await team.join()
    owners = await team.team(grant("owner"), members=(owner.id,))
    plain = await team.team()
    invited_owner = (await team.invite(grant("owner")))["id"]
    await team.result("PATCH", f"/v1/members/{person.id}", {"grants": [grant("viewer")]}, key=admin.key)
    for method, path, body in (
        ("POST", "/v1/members", {"email": "x@example.com", "grants": [grant("owner")]}),
        ("POST", "/v1/members", {"email": "x@example.com", "grants": [grant("owner", pod_id)]}),
        ("PATCH", f"/v1/members/{person.id}", {"grants": [grant("owner")]}),
        ("PATCH", f"/v1/members/{admin.id}", {"grants": [grant("admin"), grant("owner")]}),
        ("PATCH", f"/v1/members/{owner.id}", {"grants": []}),
        ("PATCH", f"/v1/members/{owner.id}", {"status": "disabled"}),
        ("DELETE", f"/v1/members/{owner.id}", None),
        ("POST", f"/v1/members/{invited_owner}/invite", None),
        ("DELETE", f"/v1/members/{invited_owner}", None),
        ("POST", "/v1/teams", {"name": "x", "grants": [grant("owner")]}),
        ("PUT", f"/v1/teams/{plain}/grants", {"grants": [grant("owner")]}),
        ("PUT", f"/v1/teams/{owners}/grants", {"grants": []}),
        ("PUT", f"/v1/teams/{owners}/members/{admin.id}", None),
        ("DELETE", f"/v1/teams/{owners}/members/{owner.id}", None),
        ("DELETE", f"/v1/teams/{owners}", None),
    ):
        refused = await team.refused(method, path, body, key=admin.key)
        assert refused[:2] == (403, "FORBIDDEN"), (method, path)
        assert "owner" in refused[2]
    await team.result("PATCH", f"/v1/members/{owner.id}", {"name": "Her name"}, key=admin.key)
    await team.result("PATCH", f"/v1/members/{admin.id}", {"grants": [grant("owner")]}, key=owner.key)
    await team.result("DELETE", f"/v1/members/{invited_owner}", key=admin.key)  # who is an owner by now


async def test_a_limited_key_gives_only_what_it_has(edge: Edge) -> None:
    """An account key with a few permissions makes no role that has more; the message names the first that lacks."""
    team = await Team.opened(edge)
    pod_id = await team.pod()
    few = ["teams:read", "teams:write", "billing:read", "billing:write"]
    async with edge.database.read() as db:
        await db.execute(
            "update keys set permissions = $2 where account_id = $1 and scope = 'account'", team.account_uuid, few
        )
    edge.services.keys.forget()
    person = await team.join(grant("billing"))
    for role in ("owner", "admin", "developer", "agent_operator", "viewer"):
        for grants in ([grant(role)], [grant(role, pod_id)]):
            refused = await team.refused("PATCH", f"/v1/members/{person.id}", {"grants": grants})
            assert refused[:2] == (403, "FORBIDDEN")
    assert "domains:read in that pod" in (await team.refused("POST", "/v1/teams", {"name": "x", "grants": grants}))[2]


async def test_a_link_dies_when_its_maker_could_not_give_what_it_is_worth_now(edge: Edge) -> None:
    """An admin who kept the link of a member whom an owner makes an owner cannot use it; others' links live on."""
    team = await Team.opened(edge)
    admin, owners = await team.join(grant("admin")), await team.team(grant("owner"))
    plain = await team.team()
    by_grant, by_team, by_teams_grant, lower = [await team.invite(key=admin.key) for _ in range(4)]
    by_owner = await team.invite()
    await team.result("PUT", f"/v1/teams/{plain}/members/{by_teams_grant['id']}")
    await team.result("PUT", f"/v1/teams/{plain}/grants", {"grants": [grant("owner")]})
    await team.result("PUT", f"/v1/teams/{owners}/members/{by_team['id']}")
    for invited in (by_grant, by_owner):
        await team.result("PATCH", f"/v1/members/{invited['id']}", {"grants": [grant("owner")]})
    await team.result("PATCH", f"/v1/members/{lower['id']}", {"grants": [grant("admin")]})
    for invited in (by_grant, by_team, by_teams_grant):
        assert (await edge.http.get(path_of(invited["invitation_url"]))).status_code == 404
    for invited in (by_owner, lower):
        await team.accept(invited["invitation_url"])


async def test_the_last_owner_stays(edge: Edge) -> None:
    """By none of the ways there are, not even the account key's; without an active owner there is none to protect."""
    team = await Team.opened(edge)
    owner = await team.join(grant("owner"))
    await team.invite(grant("owner"))  # who has not accepted does not count
    await team.join(grant("owner", await team.pod()))  # nor does the owner of a pod
    url = f"/v1/members/{owner.id}"
    ways: list[tuple[str, str, object]] = [
        ("DELETE", url, None),
        ("PATCH", url, {"status": "disabled"}),
        ("PATCH", url, {"grants": [grant("admin")]}),
    ]
    await _all_refused(team, ways, owner.key)
    owners = await team.team(grant("owner"), members=(owner.id,))
    await team.result("PATCH", url, {"grants": []})  # the team's grant is enough
    ways = [
        *ways[:2],
        ("DELETE", f"/v1/teams/{owners}/members/{owner.id}", None),
        ("PUT", f"/v1/teams/{owners}/grants", {"grants": [grant("admin")]}),
        ("DELETE", f"/v1/teams/{owners}", None),
    ]
    await _all_refused(team, ways, owner.key)
    second = await team.join(grant("owner"))
    await team.result("DELETE", url)
    await team.result("DELETE", f"/v1/teams/{owners}")
    await _all_refused(team, [("DELETE", f"/v1/members/{second.id}", None)], second.key)


async def _all_refused(team: Team, ways: list[tuple[str, str, object]], owner_key: str) -> None:
    for method, path, body in ways:
        for key in (owner_key, team.account.account_api_key):
            refused = await team.refused(method, path, body, key=key)
            assert refused[:2] == (409, "LAST_OWNER"), (method, path)
    assert (await team.result("GET", "/v1/whoami", key=owner_key))["member_id"]


@pytest.mark.parametrize("way", ["delete", "disable", "demote", "leave"])
async def test_owners_who_remove_each_other_leave_one(edge: Edge, way: str) -> None:
    """Of five who remove each other at once, one at least stays; who is refused is told why."""
    team = await Team.opened(edge)
    by_team = way == "leave"
    people = [await team.join(*([] if by_team else [grant("owner")])) for _ in range(5)]
    teams = [await team.team(grant("owner"), members=(person.id,)) for person in people] if by_team else []

    def remove(number: int) -> tuple[str, str, object]:
        url = f"/v1/members/{people[number].id}"
        match way:
            case "delete":
                return "DELETE", url, None
            case "disable":
                return "PATCH", url, {"status": "disabled"}
            case "demote":
                return "PATCH", url, {"grants": []}
            case _:
                return "DELETE", f"/v1/teams/{teams[number]}/members/{people[number].id}", None

    for person in people:  # their keys are known before any of them is removed
        await team.result("GET", "/v1/whoami", key=person.key)
    calls = [team.send(*remove((number + 1) % 5), key=people[number].key) for number in range(5)]
    answers = await asyncio.gather(*calls)
    done = [answer for answer in answers if answer.status_code == 200]
    assert {answer.json()["error"] for answer in answers if answer not in done} <= {
        "LAST_OWNER", "API_KEY_REVOKED", "FORBIDDEN"
    }  # fmt: skip
    assert 1 <= len(done) <= 4
    async with edge.database.read() as db:
        left = await db.fetchval(
            """
            select count(*) from members m where m.account_id = $1 and m.status = 'active' and exists (
                select from grants g where g.account_id = $1 and g.role = 'owner' and (g.holder_id = m.id
                    or g.holder_id in (select team_id from team_members where account_id = $1 and member_id = m.id)))
            """,
            team.account_uuid,
        )
    assert left == 5 - len(done)


async def test_two_owners_who_remove_each_other(edge: Edge) -> None:
    """One succeeds, one is told LAST_OWNER: both were let in before either was gone."""
    for _ in range(5):
        team = await Team.opened(edge)
        one, two = await team.join(grant("owner")), await team.join(grant("owner"))
        async with edge.database.transaction() as db:  # both pass their check, and wait for each other's account
            await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"teams {team.account_uuid}")
            calls = [
                asyncio.create_task(team.send("DELETE", f"/v1/members/{two.id}", key=one.key)),
                asyncio.create_task(team.send("DELETE", f"/v1/members/{one.id}", key=two.key)),
            ]
            await _both_wait(edge)
        answers = await asyncio.gather(*calls)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert [answer.json()["error"] for answer in answers if answer.status_code == 409] == ["LAST_OWNER"]


async def _both_wait(edge: Edge) -> None:
    async with asyncio.timeout(20):
        while True:
            async with edge.database.read() as db:
                if await db.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted") >= 2:
                    return


async def test_a_pod_that_is_granted_is_not_deleted_meanwhile(edge: Edge) -> None:
    """A grant holds its pod until it is committed, so that none is left in a pod that is gone."""
    team = await Team.opened(edge)
    pod_id = await team.pod()
    async with edge.database.transaction() as db:
        await db.execute(
            "delete from pods where account_id = $1 and id = $2", team.account_uuid, ids.read(ids.Kind.POD, pod_id)
        )
        wish = {"name": "x", "grants": [grant("viewer", pod_id)]}
        call = asyncio.create_task(team.send("POST", "/v1/teams", wish))
        done, _ = await asyncio.wait([call], timeout=0.3)
        assert not done
    assert (await call).json()["error"] == "POD_NOT_FOUND"


async def test_every_change_is_in_the_audit_trail(edge: Edge) -> None:
    """By its operation, with what was before and after, and without the link."""
    team = await Team.opened(edge)
    invited = await team.invite(grant("viewer"))
    person = f"/v1/members/{invited['id']}"
    await team.result("POST", f"{person}/invite")
    await team.accept((await team.result("POST", f"{person}/invite"))["invitation_url"])
    team_id = await team.team(members=(invited["id"],))
    await team.result("PUT", f"/v1/teams/{team_id}/grants", {"grants": [grant("billing")]})
    await team.result("PATCH", f"/v1/teams/{team_id}", {"name": "New"})
    await team.result("DELETE", f"/v1/teams/{team_id}/members/{invited['id']}")
    await team.result("DELETE", f"/v1/teams/{team_id}")
    await team.result("PATCH", person, {"grants": []})
    await team.result("DELETE", person)
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select action, actor, target, before, after from audit where account_id = $1 and target = any($2)"
            " order by number",
            team.account_uuid, [invited["id"], team_id],
        )  # fmt: skip
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("create_member", "key"),
        ("invite_member", "key"),
        ("invite_member", "key"),
        ("accept_invitation", "anonymous"),
        ("create_team", "key"),
        ("add_team_member", "key"),
        ("set_team_grants", "key"),
        ("update_team", "key"),
        ("remove_team_member", "key"),
        ("delete_team", "key"),
        ("update_member", "key"),
        ("delete_member", "key"),
    ]
    assert '"active"' in rows[3]["after"]
    assert '"invited"' in rows[3]["before"]
    assert "billing" in rows[6]["after"]
    assert not any("/invitations/" in (row["after"] or "") for row in rows)
