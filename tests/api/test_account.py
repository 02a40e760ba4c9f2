"""The account over HTTP: its shape, its operator's address, its status, and what can be done."""

import hashlib
import re
from email import message_from_bytes, policy
from uuid import UUID

import pytest

from daimon.inbound import notices as delivery
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.notices import sealing

from .conftest import Edge, Opened, bearer

_LINK = re.compile(r"http://daimon\.test(/[a-z-]+/[\w-]+)")


def account_uuid(account: Opened) -> UUID:
    """Return an account's id as the database knows it."""
    found = ids.read(ids.Kind.ACCOUNT, account.account_id)
    assert found
    return found


async def notices_to(edge: Edge, recipient: str) -> list[tuple[str, str]]:
    """Return subject and body of the notices that wait for somebody, the oldest first."""
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select subject, body from notices where recipient = $1 and sent_at is null order by id", recipient
        )
    return [(row["subject"], sealing.open_body(row["body"]) or "") for row in rows]


async def link_to(edge: Edge, recipient: str) -> str:
    """Return the path of the link in the latest notice to somebody."""
    found = _LINK.search((await notices_to(edge, recipient))[-1][1])
    assert found
    return found[1]


async def verified(edge: Edge, account: Opened, email: str) -> None:
    """Give an account an operator's address and confirm it."""
    answer = await edge.http.patch(
        "/v1/account", json={"operator_email": email}, headers=bearer(account.account_api_key)
    )
    assert answer.status_code == 200, answer.text
    assert (await edge.http.post(await link_to(edge, email))).status_code == 200


async def shown(edge: Edge, account: Opened) -> dict[str, object]:
    """Return the account as its key sees it."""
    answer = await edge.http.get("/v1/account", headers=bearer(account.account_api_key))
    assert answer.status_code == 200, answer.text
    result: dict[str, object] = answer.json()["result"]
    return result


async def test_account_begins_with_the_seeds_shape(edge: Edge) -> None:
    """The seed's fields come first and in its order; what was added follows."""
    account = await edge.open_account()
    result = await shown(edge, account)
    assert list(result)[:6] == ["account_id", "tier", "status", "limits", "operator_email", "created_at"]
    assert list(result)[6:] == ["status_reason", "operator_email_verified", "deleted_at", "erased_at"]
    limits = result["limits"]
    assert isinstance(limits, dict)
    assert list(limits)[:6] == [
        "max_inboxes",
        "current_inboxes",
        "max_sends_per_day",
        "current_sends_today",
        "webhooks_enabled",
        "custom_domains_enabled",
    ]
    assert (limits["max_inboxes"], limits["current_inboxes"], limits["current_sends_today"]) == (10, 1, 0)


async def test_operators_address_is_stored_at_once_and_verified_by_a_link(edge: Edge) -> None:
    """The link works once; looking at it changes nothing; the token itself is not in the table of links."""
    account, email = await edge.open_account(), "Ops-one@Example.com"
    answer = await edge.http.patch(
        "/v1/account", json={"operator_email": email}, headers=bearer(account.account_api_key)
    )
    assert answer.json()["result"]["operator_email"] == "Ops-one@example.com"
    assert answer.json()["result"]["operator_email_verified"] is False
    link = await link_to(edge, "Ops-one@example.com")
    async with edge.database.read() as db:
        kept = await db.fetchval("select hash from links where account_id = $1", account_uuid(account))
    assert kept == hashlib.sha256(link.rpartition("/")[2].encode()).digest()

    page = await edge.http.get(link)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await shown(edge, account))["operator_email_verified"] is False

    assert (await edge.http.post(link)).status_code == 200
    assert (await shown(edge, account))["operator_email_verified"] is True
    assert (await edge.http.post(link)).status_code == 404
    assert (await edge.http.get(link)).status_code == 404
    again = await edge.http.post(link, headers={"Accept": "application/json"})
    assert (again.status_code, again.json()["error"]) == (404, "LINK_INVALID")


async def test_another_address_unsets_the_verification_and_null_removes_it(edge: Edge) -> None:
    """The old address is told; its links and its right to recover are gone at once."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    await verified(edge, account, "ops-two@example.com")
    await edge.http.patch("/v1/account", json={"operator_email": "ops-three@example.com"}, headers=key)
    result = await shown(edge, account)
    assert (result["operator_email"], result["operator_email_verified"]) == ("ops-three@example.com", False)
    assert (await notices_to(edge, "ops-two@example.com"))[-1][0] == "Your address was taken off an account"

    link = await link_to(edge, "ops-three@example.com")
    await edge.http.patch("/v1/account", json={"operator_email": None}, headers=key)
    assert (await edge.http.post(link)).status_code == 404
    result = await shown(edge, account)
    assert (result["operator_email"], result["operator_email_verified"]) == (None, False)
    async with edge.database.read() as db:
        assert not await db.fetchval("select true from operator_emails where account_id = $1", account_uuid(account))


async def test_an_empty_patch_changes_nothing_and_a_verified_address_again_neither(edge: Edge) -> None:
    """Neither sends a mail."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    await verified(edge, account, "ops-four@example.com")
    before = await notices_to(edge, "ops-four@example.com")
    for body in ({}, {"operator_email": "ops-four@example.com"}):
        answer = await edge.http.patch("/v1/account", json=body, headers=key)
        assert answer.json()["result"]["operator_email_verified"] is True
    assert await notices_to(edge, "ops-four@example.com") == before


async def test_mails_to_one_address_are_bounded(edge: Edge) -> None:
    """Five accounts may ask an address to confirm itself within an hour; the sixth waits."""
    answers = []
    for _ in range(6):
        account = await edge.open_account()
        answers.append(
            await edge.http.patch(
                "/v1/account", json={"operator_email": "flooded@example.com"}, headers=bearer(account.account_api_key)
            )
        )
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["error"] == "RATE_LIMIT_EXCEEDED"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(await notices_to(edge, "flooded@example.com")) == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"operator_email": ""}', "operator_email"),
        (b'{"operator_email": "nobody"}', "operator_email"),
        (b'{"operator_email": "a@[192.0.2.1]"}', "operator_email"),
        (b'{"operator_email": "a@b\\r\\nBcc: c@d"}', "operator_email"),
        (b'{"operator_email": "a\\u0000@example.com"}', "operator_email"),
        (b'{"operator_email": "\\ud800@example.com"}', "operator_email"),
        (b'{"operator_email": "a b@example.com"}', "operator_email"),
        (b'{"operator_email": "%s@example.com"}' % (b"a" * 65), "operator_email"),
        (b'{"operator_email": "a@%s"}' % (b"b" * 400), "operator_email"),
        (b'{"operator_email": 5}', "operator_email"),
        (b'{"operator_email": ["a@example.com"]}', "operator_email"),
        (b'{"tier": "enterprise"}', "tier"),
        (b'{"status": "active"}', "status"),
    ],
)
async def test_bad_changes_are_refused_by_name(edge: Edge, body: bytes, field: str) -> None:
    """422 names the field."""
    account = await edge.open_account()
    answer = await edge.http.patch(
        "/v1/account",
        content=body,
        headers=bearer(account.account_api_key) | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["details"][0]["field"] == field


async def test_only_a_key_with_every_permission_changes_the_account(edge: Edge) -> None:
    """An inbox key is refused, and so is an account key with some permissions alone."""
    account = await edge.open_account()
    narrow = await edge.http.patch("/v1/account", json={"operator_email": None}, headers=bearer(account.inbox_api_key))
    assert narrow.status_code == 403
    async with edge.database.transaction() as db:
        await db.execute(
            "update keys set permissions = array['inboxes:read'] where account_id = $1 and scope = 'account'",
            account_uuid(account),
        )
    edge.services.keys.forget()
    for method, path in (("PATCH", "/v1/account"), ("DELETE", "/v1/account"), ("GET", "/v1/account/export")):
        answer = await edge.http.request(method, path, headers=bearer(account.account_api_key))
        assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN"), path


async def test_a_notice_reaches_an_inbox_of_this_server_as_mail(edge: Edge) -> None:
    """It is accepted once, in the transaction that marks it sent; what it said is no longer in the table."""
    reader, account = await edge.open_account(), await edge.open_account()
    to = reader.email.replace("@", "+ops@")
    await edge.http.patch("/v1/account", json={"operator_email": to}, headers=bearer(account.account_api_key))
    async with edge.database.transaction() as db:
        done = await delivery.deliver(db, domain="daimon.email", keys=[], now=utc_now(), limit=1000)
        again = await delivery.deliver(db, domain="daimon.email", keys=[], now=utc_now(), limit=1000)
    assert done.due >= done.arrived >= 1
    assert again == (0, 0, 0)
    async with edge.database.read() as db:
        assert await db.fetchval("select body from notices where recipient = $1 and sent_at is not null", to) == b""
        octets = await db.fetchval(
            "select r.octets from inbound_queue q join raw_mails r using (account_id, id) where q.account_id = $1",
            account_uuid(reader),
        )
    mail = message_from_bytes(octets, policy=policy.default)
    assert mail["To"] == to
    assert mail["From"] == "daimon <no-reply@daimon.email>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@daimon.email>")
    assert mail["Date"].datetime
    link = _LINK.search(mail.get_content())
    assert link
    assert (await edge.http.post(link[1])).status_code == 200


async def test_capabilities_follow_the_tier(edge: Edge) -> None:
    """A free account is told where sending is to be had, once this server offers it; a full one that it is full."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    result = (await edge.http.get("/v1/capabilities", headers=key)).json()["result"]
    assert list(result) == ["tier", "can", "cannot"]
    assert {"create_inbox", "receive", "read"} <= {each["action"] for each in result["can"]}
    assert all(list(each) == ["action", "description"] for each in result["can"])
    assert all(list(each) == ["action", "reason", "unlock_url"] for each in result["cannot"])
    assert "send" in {each["action"] for each in result["cannot"]}

    async with edge.database.transaction() as db:
        await db.execute(
            "update quotas set used = 10 where account_id = $1 and quota = 'inboxes'", account_uuid(account)
        )
    result = (await edge.http.get("/v1/capabilities", headers=key)).json()["result"]
    refused = {each["action"]: each for each in result["cannot"]}
    assert refused["create_inbox"]["unlock_url"].startswith("http://daimon.test/upgrade/")
    assert "10 inboxes" in refused["create_inbox"]["reason"]


async def test_a_suspended_account_is_read_and_says_why(edge: Edge) -> None:
    """Writes answer ACCOUNT_SUSPENDED; the reason is shown; capabilities say the same."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    async with edge.database.transaction() as db:
        await db.execute(
            "update accounts set status = 'suspended', status_reason = 'unpaid' where account_id = $1",
            account_uuid(account),
        )
    edge.services.keys.forget()
    result = await shown(edge, account)
    assert (result["status"], result["status_reason"]) == ("suspended", "unpaid")
    refused = await edge.http.patch("/v1/account", json={}, headers=key)
    assert (refused.status_code, refused.json()["error"]) == (403, "ACCOUNT_SUSPENDED")
    said = (await edge.http.get("/v1/capabilities", headers=key)).json()["result"]
    reasons = {each["action"]: each["reason"] for each in said["cannot"]}
    assert reasons["create_inbox"] == "The account is suspended: unpaid."
    assert {each["action"] for each in said["can"]} >= {"receive", "read"}


async def test_an_account_under_review_still_changes_and_receives(edge: Edge) -> None:
    """Only its sends are refused."""
    account = await edge.open_account()
    async with edge.database.transaction() as db:
        await db.execute(
            "update accounts set status = 'under_review', status_reason = 'bounces' where account_id = $1",
            account_uuid(account),
        )
    edge.services.keys.forget()
    key = bearer(account.account_api_key)
    assert (await edge.http.post("/v1/inboxes", json={}, headers=key)).status_code == 201
    said = (await edge.http.get("/v1/capabilities", headers=key)).json()["result"]
    reasons = {each["action"]: each["reason"] for each in said["cannot"]}
    assert reasons["send"] == "The account is under review and sends nothing: bounces."
