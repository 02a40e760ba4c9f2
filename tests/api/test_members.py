"""Members over HTTP: invited by a link, listed, changed, cut off, and never without an owner."""

import asyncio
import re
from typing import Any

import pytest

from daimon.kit import ids
from daimon.notices import sealing

from .conftest import Edge, bearer
from .teamwork import JSON, Team, grant, path_of

_NOBODY = "mem_" + "0" * 32


async def test_an_invitation_is_accepted_by_its_button(edge: Edge) -> None:
    """The create shows the link, GET changes nothing, POST makes the member active and shows a first key, once."""
    team = await Team.opened(edge)
    answer = await team.send("POST", "/v1/members", {"email": "Ada@Example.COM", "name": "Ada"})
    assert answer.status_code == 201
    invited = answer.json()["result"]
    assert (invited["email"], invited["status"], invited["grants"]) == ("ada@example.com", "invited", [])
    assert invited["id"].startswith("mem_")
    assert invited["invitation_url"] in answer.json()["next_steps"][0]
    path = path_of(invited["invitation_url"])
    for _ in range(2):  # a scanner of mail looks first
        page = await edge.http.get(path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert '<form method="post">' in page.text
        assert team.account.account_id in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["content-security-policy"]
    accepted = await edge.http.post(path, headers=JSON)
    result = accepted.json()["result"]
    assert (result["member_id"], result["account_id"]) == (invited["id"], team.account.account_id)
    assert accepted.headers["cache-control"] == "no-store"
    assert (await team.result("GET", f"/v1/members/{invited['id']}"))["status"] == "active"
    who = await team.result("GET", "/v1/whoami", key=result["api_key"])
    assert (who["scope"], who["member_id"], who["permissions"]) == ("member", invited["id"], [])


async def test_a_browser_gets_pages(edge: Edge) -> None:
    """The key stands on a page that is not cached; a link that is used up says what to do."""
    team = await Team.opened(edge)
    invited = await team.invite(grant("owner"), grant("agent_operator", await team.pod()))
    path = path_of(invited["invitation_url"])
    assert "Offered: owner of the whole account, agent operator in pod_" in (await edge.http.get(path)).text
    page = await edge.http.post(path, headers={"Content-Type": "application/x-www-form-urlencoded"})
    (key,) = re.findall(r"<code>(dm_\w+)</code>", page.text)
    assert page.headers["cache-control"] == "no-store"
    assert (await team.result("GET", "/v1/whoami", key=key))["member_id"] == invited["id"]
    for used in (await edge.http.get(path), await edge.http.post(path)):
        assert used.status_code == 404
        assert "Ask whoever sent you the link for a new one." in used.text
        assert "<form" not in used.text


async def test_links_that_do_not_work_are_all_alike(edge: Edge) -> None:
    """Used, expired, replaced, taken back and never made: 404 LINK_INVALID."""
    team = await Team.opened(edge)
    used, expired, renewed, deleted = [await team.invite() for _ in range(4)]
    await team.accept(used["invitation_url"])
    async with edge.database.read() as db:
        await db.execute(
            "update links set expires_at = now() where account_id = $1 and subject_id = $2",
            team.account_uuid, ids.read(ids.Kind.MEMBER, expired["id"]),
        )  # fmt: skip
    fresh = await team.result("POST", f"/v1/members/{renewed['id']}/invite")
    assert (fresh["member_id"], fresh["email"]) == (renewed["id"], renewed["email"])
    await team.result("DELETE", f"/v1/members/{deleted['id']}")
    paths = [path_of(each["invitation_url"]) for each in (used, expired, renewed, deleted)]
    for path in [*paths, "/invitations/x", "/invitations/%FF", "/invitations/%00", "/invitations/" + "a" * 3000]:
        for method in ("GET", "POST"):
            answer = await edge.http.request(method, path, headers=JSON)
            assert (answer.status_code, answer.json()["error"]) == (404, "LINK_INVALID"), path
    await team.accept(fresh["invitation_url"])


async def test_a_link_makes_one_key(edge: Edge) -> None:
    """Of many who press at once, one gets a key."""
    team = await Team.opened(edge)
    path = path_of((await team.invite())["invitation_url"])
    answers = await asyncio.gather(*(edge.http.post(path, headers=JSON) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404, 404]


async def test_only_who_is_invited_is_invited_again(edge: Edge) -> None:
    """409 for an active and for a disabled member; neither can an invited one be disabled or made active."""
    team = await Team.opened(edge)
    person, invited = await team.join(), await team.invite()
    url = f"/v1/members/{person.id}"
    assert (await team.refused("POST", f"{url}/invite"))[:2] == (409, "STATE_CONFLICT")
    await team.result("PATCH", url, {"status": "disabled"})
    assert (await team.refused("POST", f"{url}/invite"))[:2] == (409, "STATE_CONFLICT")
    for status in ("active", "disabled"):
        refused = await team.refused("PATCH", f"/v1/members/{invited['id']}", {"status": status})
        assert refused[:2] == (409, "STATE_CONFLICT")


async def test_the_invitation_is_written_to_its_reader(edge: Edge) -> None:
    """A notice with the link waits for the address, without a word that a stranger chose."""
    team = await Team.opened(edge)
    invited = await team.invite(name="Free money at evil.example")
    async with edge.database.read() as db:
        notice = await db.fetchrow(
            "select * from notices where account_id = $1 and recipient = $2", team.account_uuid, invited["email"]
        )
    body = sealing.open_body(notice["body"])
    assert body is not None
    assert invited["invitation_url"] in body
    assert "evil" not in notice["subject"] + body


async def test_invitations_are_bounded(fresh_edge: Edge) -> None:
    """Nobody's mailbox is flooded by links: 20 an hour to an address, 100 from an account; nothing stays of a 429."""
    team = await Team.opened(fresh_edge)
    invited = await team.invite()
    answers = [await team.send("POST", f"/v1/members/{invited['id']}/invite") for _ in range(20)]
    assert [answer.status_code for answer in answers] == [200] * 19 + [429]
    assert answers[-1].json()["code"] == "INVITATION_RATE_LIMIT"
    assert answers[-1].headers["retry-after"] == "180"
    last = answers[-2].json()["result"]["invitation_url"]
    assert (await fresh_edge.http.get(path_of(last))).status_code == 200
    bodies = [{"email": f"n{number}@example.com"} for number in range(100)]
    statuses = [(await team.send("POST", "/v1/members", body)).status_code for body in bodies]
    assert statuses == [201] * 80 + [429] * 20
    assert (await team.result("GET", "/v1/members"))["total"] == 81


async def test_an_address_is_one_member(edge: Edge) -> None:
    """409 MEMBER_EXISTS in any case; the same create with its client_id answers 200 without the link."""
    team = await Team.opened(edge)
    body = {"email": "grace@example.com", "client_id": "grace", "grants": [grant("viewer"), grant("viewer")]}
    first = await team.send("POST", "/v1/members", body)
    again = await team.send("POST", "/v1/members", body | {"email": "GRACE@example.com", "grants": [grant("viewer")]})
    assert (first.status_code, again.status_code) == (201, 200)
    expected = first.json()["result"]
    del expected["invitation_url"], expected["invitation_expires_at"]
    assert again.json()["result"] == expected
    assert (await team.refused("POST", "/v1/members", {"email": "Grace@example.com"}))[:2] == (409, "MEMBER_EXISTS")
    other = body | {"email": "hopper@example.com"}
    assert (await team.refused("POST", "/v1/members", other))[:2] == (409, "CLIENT_ID_CONFLICT")
    elsewhere = await Team.opened(edge)
    assert (await elsewhere.send("POST", "/v1/members", body | {"grants": []})).status_code == 201
    await team.result("DELETE", f"/v1/members/{first.json()['result']['id']}")
    assert (await team.send("POST", "/v1/members", other)).status_code == 201


async def test_of_many_creates_at_once_one_makes_the_member(edge: Edge) -> None:
    """The address is unique under concurrency too."""
    team = await Team.opened(edge)
    calls = [team.send("POST", "/v1/members", {"email": "same@example.com"}) for _ in range(6)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*calls)) == [201] + [409] * 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": 1}, "email"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c d"}, "email"),
        ({"email": "a@[127.0.0.1]"}, "email"),
        ({"email": "a\r\nBcc: b@example.com"}, "email"),
        ({"email": "a\u0000@example.com"}, "email"),
        ({"email": "x" * 400 + "@example.com"}, "email"),
        ({"email": "a@example.com", "name": "two\nlines"}, "name"),
        ({"email": "a@example.com", "name": "x" * 201}, "name"),
        ({"email": "a@example.com", "grants": None}, "grants"),
        ({"email": "a@example.com", "grants": ["viewer"]}, "grants[0]"),
        ({"email": "a@example.com", "grants": [{"pod_id": None}]}, "grants[0].role"),
        ({"email": "a@example.com", "grants": [{"role": "king"}]}, "grants[0].role"),
        ({"email": "a@example.com", "grants": [{"role": "viewer", "pod_id": "pod_1"}]}, "grants[0].pod_id"),
        ({"email": "a@example.com", "grants": [{"role": "viewer", "inbox_id": "x"}]}, "grants[0].inbox_id"),
        ({"email": "a@example.com", "grants": [{"role": "viewer"}] * 101}, "grants"),
        ({"email": "a@example.com", "client_id": ""}, "client_id"),
        ({"email": "a@example.com", "status": "active"}, "status"),
    ],
)
async def test_a_wrong_create_names_the_field(edge: Edge, body: dict[str, Any], field: str) -> None:
    """422 with the field that is wrong."""
    team = await Team.opened(edge)
    answer = await team.send("POST", "/v1/members", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["details"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "invited"}, "status"),
        ({"status": None}, "status"),
        ({"email": "b@example.com"}, "email"),
        ({"grants": None}, "grants"),
    ],
)
async def test_a_wrong_change_names_the_field(edge: Edge, body: dict[str, Any], field: str) -> None:
    """422 with the field that is wrong."""
    team = await Team.opened(edge)
    answer = await team.send("PATCH", f"/v1/members/{(await team.invite())['id']}", body)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field)


async def test_foreign_members_do_not_exist(edge: Edge) -> None:
    """Another account's member answers as an id never issued does, and so does a grant in another's pod."""
    team, other = await Team.opened(edge), await Team.opened(edge)
    foreign, foreign_pod = (await other.invite())["id"], await other.pod()
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/invite", None),
    ):
        answers = [await team.refused(method, f"/v1/members/{each}{path}", body) for each in (foreign, _NOBODY)]
        assert answers[0] == answers[1]
        assert answers[0][:2] == (404, "MEMBER_NOT_FOUND")
    grants = [grant("viewer", foreign_pod)]
    for method, path, body in (
        ("POST", "/v1/members", {"email": "x@example.com", "grants": grants}),
        ("PATCH", f"/v1/members/{(await team.invite())['id']}", {"grants": grants}),
    ):
        assert (await team.refused(method, path, body))[:2] == (404, "POD_NOT_FOUND")
    assert (await team.refused("GET", "/v1/members?team_id=team_" + "0" * 32))[:2] == (404, "TEAM_NOT_FOUND")


async def test_lists_filter_and_page(edge: Edge) -> None:
    """By status, by the beginning of the address, by team; with total, offset and cursor."""
    team = await Team.opened(edge)
    made = [await team.result("POST", "/v1/members", {"email": f"page-{n}@example.com"}) for n in range(5)]
    await team.accept(made[0]["invitation_url"])
    team_id = await team.team(members=(made[1]["id"], made[3]["id"]))

    async def emails(query: str) -> tuple[list[str], int]:
        page = await team.result("GET", f"/v1/members{query}")
        return [member["email"].partition("@")[0] for member in page["members"]], page["total"]

    assert await emails("") == ([f"page-{n}" for n in range(5)], 5)
    assert await emails("?status=active") == (["page-0"], 1)
    assert await emails("?status=disabled") == ([], 0)
    assert await emails("?q=PAGE-3") == (["page-3"], 1)
    assert await emails("?q=age-3") == ([], 0)
    assert await emails(f"?team_id={team_id}") == (["page-1", "page-3"], 2)
    assert await emails("?limit=2&offset=3") == (["page-3", "page-4"], 5)
    assert await emails("?offset=9") == ([], 5)
    seen, cursor = [], ""
    while cursor is not None:
        page = await team.result("GET", f"/v1/members?limit=2{cursor and '&cursor=' + cursor}")
        seen += [member["id"] for member in page["members"]]
        cursor = page["next_cursor"]
    assert seen == [member["id"] for member in made]
    for query, error in (
        ("cursor=x", "INVALID_CURSOR"),
        ("limit=0", "VALIDATION_FAILED"),
        ("x=1", "VALIDATION_FAILED"),
    ):
        assert (await team.refused("GET", f"/v1/members?{query}"))[1] == error


async def test_disabling_cuts_access_at_once_and_can_be_taken_back(edge: Edge) -> None:
    """All keys of the member stop; they work again when the member does."""
    team = await Team.opened(edge)
    person = await team.join(grant("viewer"))
    assert (await team.send("GET", "/v1/inboxes", key=person.key)).status_code == 200
    await team.result("PATCH", f"/v1/members/{person.id}", {"status": "disabled"})
    assert (await team.refused("GET", "/v1/inboxes", key=person.key))[:2] == (401, "API_KEY_REVOKED")
    await team.result("PATCH", f"/v1/members/{person.id}", {"status": "active"})
    assert (await team.send("GET", "/v1/inboxes", key=person.key)).status_code == 200


async def test_a_deleted_member_is_gone_with_every_key(edge: Edge) -> None:
    """The keys are revoked in the database, not only cut by the missing member; teams count one less."""
    team = await Team.opened(edge)
    person = await team.join(grant("viewer"))
    team_id = await team.team(members=(person.id,))
    assert await team.result("DELETE", f"/v1/members/{person.id}") == {"id": person.id, "deleted": True}
    assert (await team.refused("GET", "/v1/whoami", key=person.key))[:2] == (401, "API_KEY_REVOKED")
    assert (await team.result("GET", f"/v1/teams/{team_id}"))["member_count"] == 0
    async with edge.database.read() as db:
        left = await db.fetchval(
            """
            select (select count(*) from keys where account_id = $1 and member_id = $2 and status = 'active')
                 + (select count(*) from grants where account_id = $1 and holder_id = $2)
                 + (select count(*) from links where account_id = $1 and subject_id = $2)
                 + (select count(*) from team_members where account_id = $1 and member_id = $2)
            """,
            team.account_uuid, ids.read(ids.Kind.MEMBER, person.id),
        )  # fmt: skip
    assert left == 0


async def test_a_closed_account_takes_nobody_in(edge: Edge) -> None:
    """Suspended: 403, and the link stays good for later."""
    team = await Team.opened(edge)
    link = (await team.invite())["invitation_url"]
    async with edge.database.read() as db:
        await db.execute("update accounts set status = 'suspended' where account_id = $1", team.account_uuid)
    answer = await edge.http.post(path_of(link), headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (403, "ACCOUNT_SUSPENDED")
    async with edge.database.read() as db:
        await db.execute("update accounts set status = 'active' where account_id = $1", team.account_uuid)
    await team.accept(link)


async def test_an_idempotency_key_replays_a_page_as_a_page(edge: Edge) -> None:
    """A browser's retry shows the same key again, sealed in between under the header's own value."""
    team = await Team.opened(edge)
    path = path_of((await team.invite())["invitation_url"])
    answers = [await edge.http.post(path, headers={"Idempotency-Key": "press-once-" + path[-9:]}) for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert {answer.headers["content-type"] for answer in answers} == {"text/html; charset=utf-8"}


async def test_narrow_keys_do_not_reach_members(edge: Edge) -> None:
    """Neither an inbox key nor a member without a role in the whole account."""
    team = await Team.opened(edge)
    person = await team.join(grant("viewer", await team.pod()))
    for key in (team.account.inbox_api_key, person.key):
        for path in ("/v1/members", f"/v1/members/{person.id}", f"/v1/members/{_NOBODY}"):
            assert (await team.refused("GET", path, key=key))[:2] == (403, "FORBIDDEN")
    nobody = await team.join()
    assert (await team.refused("GET", "/v1/members", key=nobody.key))[0] == 403
    seen = [await team.refused("GET", f"/v1/members/{each}", key=nobody.key) for each in (person.id, _NOBODY)]
    assert seen[0] == seen[1]
    answer = await edge.http.get(f"/v1/members/{person.id}", headers=bearer(team.account.account_api_key))
    assert answer.status_code == 200
