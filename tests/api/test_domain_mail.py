"""Mail to verified domains: catch-all, postmaster@, suspended inboxes; and how few questions SMTP asks for it."""

import asyncio

import pytest

from daimon.inbound.directory import Directory, reachable
from daimon.inbound.errors import DomainNotServed, InboxDeleted, InboxSuspended, RecipientRefused, UnknownInbox
from daimon.inboxes import postmaster
from daimon.kit.clock import utc_now
from daimon.kit.ids import Kind, show
from daimon.mail.address import parse_address

from .registrar import Registrar


async def _refused(registrar: Registrar, address: str, by: type[RecipientRefused]) -> None:
    with pytest.raises(by):
        await registrar.reached(address)


async def test_catch_all_gets_what_no_inbox_has(registrar: Registrar) -> None:
    """Unknown and deleted addresses; an inbox of its own comes first, suspended too; null ends it."""
    account = await registrar.account()
    domain = await registrar.verified(account, "acme.example")
    own = await registrar.ok(account, "POST", "/v1/inboxes", domain="acme.example", username="sales")
    await _refused(registrar, "any@acme.example", UnknownInbox)
    path = f"/v1/domains/{domain['id']}"
    shown = await registrar.ok(account, "PATCH", path, catch_all_inbox_id=account.id)
    assert shown["catch_all_inbox_id"] == account.id
    assert await registrar.reached("any+tag@acme.example") == account.id
    assert await registrar.reached("sales@acme.example") == own["id"]
    await registrar.ok(account, "PATCH", f"/v1/inboxes/{own['id']}", status="suspended")
    await _refused(registrar, "sales@acme.example", InboxSuspended)
    await registrar.ok(account, "DELETE", f"/v1/inboxes/{own['id']}")
    assert await registrar.reached("sales@acme.example") == account.id
    await registrar.ok(account, "PATCH", path, catch_all_inbox_id=None)
    await _refused(registrar, "sales@acme.example", InboxDeleted)
    other = await registrar.account()
    for inbox_id, expected in ((other.id, 404), ("inbox_x", 422)):
        assert (await registrar.call(account, "PATCH", path, catch_all_inbox_id=inbox_id)).status_code == expected


async def test_postmaster_of_a_custom_domain_always_reaches_somebody(registrar: Registrar) -> None:
    """Its inbox, else the catch-all, else the operator; on a domain that is not served, nobody."""
    account = await registrar.account()
    async with registrar.edge.database.transaction() as db:
        operator = await postmaster.ensure(db, domain="daimon.email", now=utc_now())
    assert operator
    domain = await registrar.verified(account, "acme.example")
    for name in ("postmaster", "Abuse"):
        assert await registrar.reached(f"{name}@acme.example") == show(Kind.INBOX, operator.id)
        await _refused(registrar, f"{name}@other.example", DomainNotServed)
    await registrar.ok(account, "PATCH", f"/v1/domains/{domain['id']}", catch_all_inbox_id=account.id)
    assert await registrar.reached("abuse@acme.example") == account.id
    own = await registrar.ok(account, "POST", "/v1/inboxes", domain="acme.example", username="abuse")
    assert await registrar.reached("abuse@acme.example") == own["id"]


async def test_a_catch_all_stays_in_the_domains_pod(registrar: Registrar) -> None:
    """An inbox outside it is refused, and with the pod's key it does not exist."""
    account = await registrar.account()
    pod = await registrar.ok(account, "POST", "/v1/pods", name="customer")
    domain = await registrar.verified(pod["pod_api_key"], "acme.example")
    path = f"/v1/domains/{domain['id']}"
    assert (await registrar.call(account, "PATCH", path, catch_all_inbox_id=account.id)).status_code == 422
    assert (await registrar.call(pod["pod_api_key"], "PATCH", path, catch_all_inbox_id=account.id)).status_code == 404
    inside = await registrar.ok(pod["pod_api_key"], "POST", "/v1/inboxes", domain="acme.example")
    await registrar.ok(pod["pod_api_key"], "PATCH", path, catch_all_inbox_id=inside["id"])
    assert await registrar.reached("any@acme.example") == inside["id"]


async def test_a_deleted_account_takes_its_domains_with_it(registrar: Registrar) -> None:
    """And gives them back when it is restored."""
    account = await registrar.account()
    await registrar.verified(account, "acme.example")
    inbox = await registrar.ok(account, "POST", "/v1/inboxes", domain="acme.example", username="sales")
    await registrar.edge.http.delete("/v1/account", headers={"Authorization": f"Bearer {account.account_api_key}"})
    await _refused(registrar, "sales@acme.example", DomainNotServed)
    await registrar.ok(account, "POST", "/v1/account/restore")
    assert await registrar.reached("sales@acme.example") == inbox["id"]


async def test_all_who_ask_at_a_moment_ask_once(registrar: Registrar) -> None:
    """A hundred addresses of fifty domains, and of none, are two questions to the database at most."""
    account = await registrar.account()
    await registrar.verified(account, "acme.example")
    inbox = await registrar.ok(account, "POST", "/v1/inboxes", domain="acme.example", username="sales")
    database = registrar.edge.database
    async with database.read() as db:
        addresses = [parse_address("sales@acme.example"), parse_address("sales@other.example")]
        reached = await reachable(db, addresses)
    assert [show(Kind.INBOX, each.inbox_id) for each in reached.values()] == [inbox["id"]]
    directory = Directory(database, domain="daimon.email")
    names = ["sales@acme.example", *(f"u{n}@d{n % 50}.example" for n in range(100))]
    found = [directory.find(parse_address(name)) for name in names]
    waited = [each for each in found if isinstance(each, asyncio.Future)]
    outcomes = await asyncio.gather(*waited, return_exceptions=True)
    assert show(Kind.INBOX, outcomes[0].inbox_id) == inbox["id"]  # type: ignore[union-attr]
    assert {type(each) for each in outcomes[1:]} == {DomainNotServed}
    with pytest.raises(DomainNotServed):  # known for a moment, without a question
        directory.find(parse_address("u1@d1.example"))
    with pytest.raises(DomainNotServed):
        directory.find(parse_address("u@[192.0.2.1]"))
