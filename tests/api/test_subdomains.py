"""Subdomains of pods: two customers both own `agent-1`, over HTTP and for SMTP."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from daimon.inbound.directory import Directory
from daimon.inbound.errors import DomainNotServed, UnknownInbox
from daimon.inboxes import postmaster, retention
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.mail.address import parse_address

from .conftest import Edge, bearer
from .podding import create_pod, in_pod, patch_inbox


async def test_two_customers_both_own_agent_1(edge: Edge) -> None:
    """Inboxes of a pod with a subdomain get addresses under it; the service domain may be chosen all the same."""
    account = await edge.open_account()
    a = await create_pod(edge, account, subdomain="Two-A")
    b = await create_pod(edge, account, subdomain="two-b")
    one = await edge.create_inbox(a["pod_api_key"], username="agent-1")
    two = await edge.create_inbox(b["pod_api_key"], username="agent-1", domain="two-b.daimon.email")
    plain = await edge.create_inbox(b["pod_api_key"], username="two-b-plain", domain="daimon.email")
    assert (a["subdomain"], one["email"]) == ("two-a", "agent-1@two-a.daimon.email")
    assert (two["email"], plain["email"]) == ("agent-1@two-b.daimon.email", "two-b-plain@daimon.email")
    assert (await edge.create_inbox(a["pod_api_key"], username="postmaster"))[
        "email"
    ] == "postmaster@two-a.daimon.email"
    for key, domain in ((a["pod_api_key"], "two-b.daimon.email"), (account.account_api_key, "two-a.daimon.email")):
        refused = await edge.http.post("/v1/inboxes", json={"domain": domain}, headers=bearer(key))
        assert (refused.status_code, refused.json()["details"][0]["field"]) == (422, "domain")
    reserved = await edge.http.post(
        "/v1/inboxes", json={"username": "postmaster", "domain": "daimon.email"}, headers=bearer(a["pod_api_key"])
    )
    assert reserved.json()["details"][0]["field"] == "username"
    shown = await edge.http.get("/v1/inboxes/agent-1@two-a.daimon.email", headers=bearer(one["inbox_api_key"]))
    assert shown.json()["result"]["id"] == one["id"]


@pytest.mark.parametrize(
    "subdomain",
    ["", "-a", "a-", "a.b", "a_b", "ä", "xn--abc", "a" * 64, "www", "MX", "postmaster", "a b", "a\n", "mail", "ns1"],
)
async def test_a_subdomain_is_one_free_label(edge: Edge, subdomain: str) -> None:
    """422 for what is no label of LDH, for A-labels and for reserved names."""
    account = await edge.open_account()
    answer = await edge.http.post(
        "/v1/pods", json={"name": "x", "subdomain": subdomain}, headers=bearer(account.account_api_key)
    )
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "subdomain")


async def test_a_subdomain_belongs_to_one_pod_of_the_server(edge: Edge) -> None:
    """409 SUBDOMAIN_TAKEN suggests three that are free; of many takers at once one gets it."""
    accounts = [await edge.open_account() for _ in range(4)]
    answers = await asyncio.gather(
        *(
            edge.http.post("/v1/pods", json={"name": "x", "subdomain": "sought"}, headers=bearer(a.account_api_key))
            for a in accounts * 3
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    taken = next(answer.json() for answer in answers if answer.status_code == 409)
    assert taken["error"] == "SUBDOMAIN_TAKEN"
    free = [detail["message"] for detail in taken["details"]]
    assert len(free) == 3
    for name in free:
        await create_pod(edge, accounts[0], subdomain=name)


async def test_a_subdomain_changes_while_no_address_is_under_it(edge: Edge) -> None:
    """STATE_CONFLICT with inboxes; afterwards it stays with the account until no address is held any more."""
    account, other = await edge.open_account(), await edge.open_account()
    pod = await create_pod(edge, account, subdomain="first-name")
    url, key = f"/v1/pods/{pod['id']}", bearer(account.account_api_key)
    assert (await edge.http.patch(url, json={"subdomain": "second-name"}, headers=key)).status_code == 200
    await create_pod(edge, other, subdomain="first-name")
    inbox = await in_pod(edge, account, pod)
    await patch_inbox(edge, account, inbox, pod_id=None)  # wherever it is
    refused = await edge.http.patch(url, json={"subdomain": None}, headers=key)
    assert (refused.status_code, refused.json()["error"]) == (409, "STATE_CONFLICT")
    assert (await edge.http.patch(url, json={"subdomain": "second-name", "name": "y"}, headers=key)).status_code == 200
    await edge.http.delete(f"/v1/inboxes/{inbox['id']}", headers=key)
    assert (await edge.http.patch(url, json={"subdomain": None}, headers=key)).json()["result"]["subdomain"] is None
    body = {"name": "x", "subdomain": "second-name"}
    foreign = await edge.http.post("/v1/pods", json=body, headers=bearer(other.account_api_key))
    assert foreign.json()["error"] == "SUBDOMAIN_TAKEN"
    again = await create_pod(edge, account, subdomain="second-name")
    await edge.http.delete(f"/v1/pods/{again['id']}", headers=key)
    async with edge.database.transaction() as db:
        await retention.erase(db, now=utc_now() + timedelta(days=31), limit=1000)
    assert (await edge.http.post("/v1/pods", json=body, headers=bearer(other.account_api_key))).status_code == 201


async def test_smtp_finds_inboxes_under_subdomains(edge: Edge) -> None:
    """With `+tag` too; `postmaster@` a subdomain is the operator unless a customer reads it; others are not served."""
    account = await edge.open_account()
    pod = await create_pod(edge, account, subdomain="by-smtp")
    inbox = await in_pod(edge, account, pod, username="agent-1")
    async with edge.database.transaction() as db:
        await postmaster.ensure(db, domain="daimon.email", now=utc_now())
        operator = await db.fetchval("select inbox_id from addresses where address = 'postmaster@daimon.email'")
    directory = Directory(edge.database, domain="daimon.email")

    async def find(address: str) -> UUID:
        found = directory.find(parse_address(address))
        return (await found if isinstance(found, asyncio.Future) else found).inbox_id

    assert ids.show(ids.Kind.INBOX, await find("Agent-1+tag@BY-SMTP.daimon.email")) == inbox["id"]
    for name in ("postmaster", "Abuse"):
        assert await find(f"{name}@by-smtp.daimon.email") == operator
    own = await in_pod(edge, account, pod, username="abuse")
    directory = Directory(edge.database, domain="daimon.email")
    assert ids.show(ids.Kind.INBOX, await find("abuse@by-smtp.daimon.email")) == own["id"]
    await edge.http.delete(f"/v1/inboxes/{own['id']}", headers=bearer(account.account_api_key))
    directory = Directory(edge.database, domain="daimon.email")
    assert await find("abuse@by-smtp.daimon.email") == operator
    with pytest.raises(UnknownInbox):
        await find("agent-2@by-smtp.daimon.email")
    for address in ("agent-1@by-smtp.example.com", "agent-1@notdaimon.email"):
        with pytest.raises(DomainNotServed):
            await find(address)
