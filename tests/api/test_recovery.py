"""Getting an account back: nothing is told to who asks, and all to who owns it."""

import asyncio
import json
from datetime import timedelta

import pytest
import pytest_asyncio

from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.lifecycle import recovery
from daimon.lifecycle.retention import forget_links

from .conftest import Edge, bearer
from .test_account import account_uuid, link_to, notices_to, verified


async def answer_requests(edge: Edge) -> None:
    """Do what the worker does with the requests that wait."""
    async with edge.database.transaction() as db:
        while await recovery.answer(db, public_url="http://daimon.test", now=utc_now(), limit=100):
            pass


async def ask(edge: Edge, email: str) -> tuple[int, object]:
    """Ask for a recovery and return what was answered."""
    answer = await edge.http.post("/v1/account/recovery", json={"email": email})
    return answer.status_code, answer.json()


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def _fresh_rates(edge: Edge) -> None:
    """Let each test begin with nothing counted: all of them ask from one network."""
    async with edge.database.transaction() as db:
        await db.execute("delete from mail_rates")


async def recovery_link(edge: Edge, email: str) -> str:
    """Ask for a recovery and return the path of the link that comes of it."""
    await ask(edge, email)
    await answer_requests(edge)
    link = await link_to(edge, email)
    assert link.startswith("/recover/")
    return link


async def test_known_and_unknown_addresses_are_answered_alike(edge: Edge) -> None:
    """Status and body are the same, and so is what the database is asked to do."""
    account = await edge.open_account()
    await verified(edge, account, "known@example.com")
    known, unknown = await ask(edge, "Known@example.com"), await ask(edge, "unknown@example.com")
    assert known == unknown
    assert known[0] == 202
    async with edge.database.read() as db:
        waiting = await db.fetch("select email from recovery_requests order by id")
    assert [row["email"] for row in waiting] == ["known@example.com", "unknown@example.com"]
    await answer_requests(edge)
    assert (await notices_to(edge, "known@example.com"))[-1][0] == "Get your account back"
    assert await notices_to(edge, "unknown@example.com") == []


async def test_an_unverified_address_gets_nothing(edge: Edge) -> None:
    """Who wrote an address down has not shown that he reads it."""
    account = await edge.open_account()
    await edge.http.patch(
        "/v1/account", json={"operator_email": "unproven@example.com"}, headers=bearer(account.account_api_key)
    )
    await ask(edge, "unproven@example.com")
    await answer_requests(edge)
    assert [subject for subject, _ in await notices_to(edge, "unproven@example.com")] == ["Confirm your e-mail address"]


async def test_recovery_shows_a_new_key_once_and_revokes_the_old_ones(edge: Edge) -> None:
    """Old account keys stop at once, inbox keys go on; owners and the operator are told; events are recorded."""
    account = await edge.open_account()
    await verified(edge, account, "boss@example.com")
    async with edge.database.transaction() as db:
        member = ids.new()
        await db.execute(
            "insert into members (account_id, id, email, status, created_at, updated_at)"
            " values ($1, $2, 'owner@example.org', 'active', now(), now())",
            account_uuid(account), member,
        )  # fmt: skip
        await db.execute(
            "insert into grants (account_id, holder_id, role) values ($1, $2, 'owner')", account_uuid(account), member
        )
    link = await recovery_link(edge, "boss@example.com")

    looked = await edge.http.get(link)
    assert looked.status_code == 200
    assert "dm_free_" not in looked.text
    assert (await edge.http.get("/v1/account", headers=bearer(account.account_api_key))).status_code == 200

    answer = await edge.http.post(link, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    result = answer.json()["result"]
    assert result["account_id"] == account.account_id
    assert (await edge.http.get("/v1/account", headers=bearer(result["account_api_key"]))).status_code == 200
    old = await edge.http.get("/v1/account", headers=bearer(account.account_api_key))
    assert (old.status_code, old.json()["error"]) == (401, "API_KEY_REVOKED")
    assert (await edge.http.get("/v1/whoami", headers=bearer(account.inbox_api_key))).status_code == 200
    for person in ("boss@example.com", "owner@example.org"):
        assert (await notices_to(edge, person))[-1][0] == "Your account was recovered"
    async with edge.database.read() as db:
        events = await db.fetch(
            "select event, data::text from events where account_id = $1 order by sequence", account_uuid(account)
        )
        trail = await db.fetch(
            "select actor, after::text from audit where account_id = $1 and action = 'recover_account'",
            account_uuid(account),
        )
    assert [row["event"] for row in events][-2:] == ["key.revoked", "key.rotated"]
    told = [json.loads(row["data"]) for row in events[-2:]]
    assert [each["key"]["scope"] for each in told] == ["account"] * 2
    assert [each["key"]["name"] for each in told] == [None] * 2
    secrets = (account.account_api_key, result["account_api_key"])
    assert all(secret.startswith(each["key"]["prefix"]) for secret, each in zip(secrets, told, strict=True))
    assert told[0]["reason"] == "the account was recovered"
    assert [row["actor"] for row in trail] == ["anonymous"]
    assert result["account_api_key"] not in trail[0]["after"]


async def test_a_person_sees_the_key_on_a_page(edge: Edge) -> None:
    """The page holds the key once; posting again shows that the link was used."""
    account = await edge.open_account()
    await verified(edge, account, "page@example.com")
    link = await recovery_link(edge, "page@example.com")
    answer = await edge.http.post(link)
    key = answer.text.partition("<code>")[2].partition("</code>")[0]
    assert (await edge.http.get("/v1/account", headers=bearer(key))).status_code == 200
    again = await edge.http.post(link)
    assert again.status_code == 404
    assert "dm_free_" not in again.text


async def test_a_retry_with_the_same_idempotency_key_shows_the_same_page(edge: Edge) -> None:
    """Whoever lost the answer on its way gets it again, as what it was."""
    account = await edge.open_account()
    await verified(edge, account, "retry@example.com")
    link = await recovery_link(edge, "retry@example.com")
    first, again = [await edge.http.post(link, headers={"Idempotency-Key": "lost answer"}) for _ in range(2)]
    assert (again.status_code, again.text) == (200, first.text)
    assert again.headers["content-type"] == first.headers["content-type"] == "text/html; charset=utf-8"


async def test_of_two_who_follow_a_link_at_once_one_gets_the_key(edge: Edge) -> None:
    """The link is used up in the transaction that makes the key."""
    account = await edge.open_account()
    await verified(edge, account, "twice@example.com")
    link = await recovery_link(edge, "twice@example.com")
    answers = await asyncio.gather(*(edge.http.post(link) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 7


async def test_of_two_links_of_an_account_followed_at_once_one_works(edge: Edge) -> None:
    """Each voids the other; neither waits for ever."""
    account = await edge.open_account()
    await verified(edge, account, "pair@example.com")
    links = [await recovery_link(edge, "pair@example.com") for _ in range(4)]
    answers = await asyncio.gather(*(edge.http.post(link) for link in links * 2))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 7


async def test_links_end_with_time_use_and_another_address(edge: Edge) -> None:
    """A link is void 30 minutes later, when another link was followed, and when the operator's address changed."""
    account = await edge.open_account()
    await verified(edge, account, "ends@example.com")
    expired = await recovery_link(edge, "ends@example.com")
    async with edge.database.transaction() as db:
        await db.execute("update links set expires_at = now() where account_id = $1", account_uuid(account))
    assert (await edge.http.post(expired)).status_code == 404
    async with edge.database.transaction() as db:
        await forget_links(db, now=utc_now() + timedelta(seconds=1), limit=1000)
        assert not await db.fetchval("select true from links where account_id = $1", account_uuid(account))

    first, second = await recovery_link(edge, "ends@example.com"), await recovery_link(edge, "ends@example.com")
    answer = await edge.http.post(first, headers={"Accept": "application/json"})
    assert (await edge.http.post(second)).status_code == 404

    third = await recovery_link(edge, "ends@example.com")
    key = answer.json()["result"]["account_api_key"]
    await edge.http.patch("/v1/account", json={"operator_email": "other-end@example.com"}, headers=bearer(key))
    assert (await edge.http.post(third)).status_code == 404


async def test_every_account_of_an_address_gets_a_link_the_newest_ten(edge: Edge) -> None:
    """Each link recovers its own account alone."""
    accounts = [await edge.open_account() for _ in range(12)]
    async with edge.database.transaction() as db:
        for account in accounts:
            await db.execute(
                "update accounts set operator_email = 'many@example.com', operator_email_verified_at = now()"
                " where account_id = $1",
                account_uuid(account),
            )
            await db.execute("insert into operator_emails values ('many@example.com', $1)", account_uuid(account))
    await ask(edge, "many@example.com")
    await answer_requests(edge)
    bodies = [body for _, body in await notices_to(edge, "many@example.com")]
    assert len(bodies) == 10
    told = {account.account_id for account in accounts if any(account.account_id in body for body in bodies)}
    assert told == {account.account_id for account in accounts[2:]}


async def test_requests_are_bounded_silently(edge: Edge) -> None:
    """Beyond five an hour for an address, and twenty from a network, the answer stays and nothing is written."""
    seen = [await ask(edge, "often@example.com") for _ in range(8)]
    assert all(answer == seen[0] for answer in seen)
    async with edge.database.read() as db:
        count = "select count(*) from recovery_requests where email like $1"
        assert await db.fetchval(count, "often@example.com") == 5
        for number in range(30):
            assert (await ask(edge, f"each-{number}@example.com"))[0] == 202
        assert await db.fetchval(count, "each-%") == 12  # all eight before counted for the network
    await answer_requests(edge)


async def test_the_servers_operator_recovers_without_an_address(edge: Edge) -> None:
    """The new key works, the old one does not."""
    account = await edge.open_account()
    async with edge.database.transaction() as db:
        issued = await recovery.recover_by_operator(db, account_uuid(account), now=utc_now())
    edge.services.keys.forget()
    assert (await edge.http.get("/v1/account", headers=bearer(issued.secret))).status_code == 200
    assert (await edge.http.get("/v1/account", headers=bearer(account.account_api_key))).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"email": null}',
        b'{"email": "nobody"}',
        b'{"email": "a\\u0000@example.com"}',
        b'{"email": "a@example.com\\r\\nBcc: b@example.com"}',
        b'{"email": ["a@example.com"]}',
        b'{"email": "%s@example.com"}' % (b"a" * 400),
    ],
)
async def test_what_is_no_address_is_refused(edge: Edge, body: bytes) -> None:
    """422 names the field; whether an address is known plays no part in that."""
    answer = await edge.http.post("/v1/account/recovery", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "email"


@pytest.mark.parametrize("token", ["x", "a" * 5000, "%00", "%ff", "..%2f", "é"])
@pytest.mark.parametrize("path", ["recover", "verify-email"])
async def test_links_that_never_were_are_not_found(edge: Edge, path: str, token: str) -> None:
    """A page says so, and JSON to who asks for it."""
    for method in ("GET", "POST"):
        answer = await edge.http.request(method, f"/{path}/{token}")
        assert answer.status_code == 404
        asked = await edge.http.request(method, f"/{path}/{token}", headers={"Accept": "application/json"})
        assert (asked.status_code, asked.json()["error"]) == (404, "LINK_INVALID")
