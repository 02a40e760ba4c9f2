"""Who has a domain: claims of two accounts, tokens that vanish, and taking over what nobody shows any more."""

import pytest

from daimon.inbound.errors import DomainNotServed

from .registrar import Registrar, record


async def test_of_two_claims_the_one_whose_token_is_shown_wins(registrar: Registrar) -> None:
    """The other stays pending with a reason; a third is told at once; after 72 hours the other has failed."""
    ours, theirs = await registrar.account(), await registrar.account()
    mine = await registrar.claim(ours, "acme.example")
    yours = await registrar.claim(theirs, "acme.example")
    assert record(mine, "ownership")["value"] != record(yours, "ownership")["value"]
    assert {each["name"] for each in mine["records"] if each["purpose"] == "dkim"}.isdisjoint(
        each["name"] for each in yours["records"]
    )
    registrar.publish(yours, "ownership")
    assert (await registrar.verify(ours, mine))["status"] == "pending"
    assert (await registrar.verify(theirs, yours))["status"] == "verified"
    registrar.publish(mine, "ownership")  # whoever was first has it, as long as its token is there
    shown = await registrar.verify(ours, mine)
    assert shown["status"] == "pending"
    assert "Another account" in shown["reason"]
    third = await registrar.call(await registrar.account(), "POST", "/v1/domains", domain="acme.example")
    assert (third.status_code, third.json()["error"]) == (409, "DOMAIN_CLAIMED")
    while await registrar.recheck(hours=2):
        pass
    await registrar.recheck(hours=80)
    shown = await registrar.ok(ours, "GET", f"/v1/domains/{mine['id']}")
    assert (shown["status"], await registrar.events(ours)) == ("failed", [("domain.failed", "acme.example")])


async def test_a_claim_that_is_never_proven_fails_after_72_hours(registrar: Registrar) -> None:
    """The worker looks with growing waits, then no more; a later look by hand still verifies."""
    account = await registrar.account()
    domain = await registrar.claim(account, "acme.example")
    assert await registrar.recheck() == 0
    checks = 0
    for _ in range(80 * 2):
        checks += await registrar.recheck(minutes=30)
    assert 40 < checks < 90
    shown = await registrar.ok(account, "GET", f"/v1/domains/{domain['id']}")
    assert (shown["status"], shown["checked_at"] is not None) == ("failed", True)
    assert await registrar.recheck(hours=100) == 0
    registrar.publish(domain)
    assert (await registrar.verify(account, domain))["status"] == "verified"
    assert await registrar.events(account) == [("domain.failed", "acme.example"), ("domain.verified", "acme.example")]


async def test_the_worker_finds_a_record_by_itself(registrar: Registrar) -> None:
    """Nobody calls verify."""
    account = await registrar.account()
    domain = await registrar.claim(account, "acme.example")
    registrar.publish(domain)
    assert await registrar.recheck(minutes=2) == 1
    assert (await registrar.ok(account, "GET", f"/v1/domains/{domain['id']}"))["status"] == "verified"
    assert await registrar.recheck(hours=23) == 0
    assert await registrar.recheck(hours=2) == 1


async def test_a_dangling_domain_is_lost_after_its_grace_and_taken_by_proof(registrar: Registrar) -> None:
    """72 hours without its token, the MX still here: the inboxes stop, another account proves it and has it all."""
    ours, theirs = await registrar.account(), await registrar.account()
    mine = await registrar.verified(ours, "acme.example")
    inbox = await registrar.ok(ours, "POST", "/v1/inboxes", domain="acme.example", username="sales")
    gone = await registrar.ok(ours, "POST", "/v1/inboxes", domain="acme.example", username="gone")
    await registrar.ok(ours, "DELETE", f"/v1/inboxes/{gone['id']}")
    registrar.zones.put("TXT", "_daimon.acme.example")
    for _ in range(3):
        await registrar.recheck(hours=24)
        assert await registrar.reached("sales@acme.example") == inbox["id"]
    for _ in range(4):
        await registrar.recheck(hours=12)
    assert (await registrar.ok(ours, "GET", f"/v1/domains/{mine['id']}"))["status"] == "failed"
    with pytest.raises(DomainNotServed):
        await registrar.reached("sales@acme.example")
    resumed = await registrar.ok(ours, "PATCH", f"/v1/inboxes/{inbox['id']}", status="active")
    assert resumed["status"] == "active"

    yours = await registrar.claim(theirs, "acme.example")
    registrar.publish(yours, "ownership")
    assert (await registrar.verify(theirs, yours))["status"] == "verified"
    for username in ("sales", "gone"):
        made = await registrar.ok(theirs, "POST", "/v1/inboxes", domain="acme.example", username=username)
        assert await registrar.reached(f"{username}@acme.example") == made["id"]
    registrar.publish(mine, "ownership")
    assert (await registrar.verify(ours, mine))["status"] == "failed"
    assert await registrar.events(ours) == [("domain.verified", "acme.example"), ("domain.failed", "acme.example")]


async def test_name_servers_that_fail_take_nothing_away(registrar: Registrar) -> None:
    """No answer is no proof that the token is gone; and a token that comes back ends the grace."""
    account = await registrar.account()
    domain = await registrar.verified(account, "acme.example")
    inbox = await registrar.ok(account, "POST", "/v1/inboxes", domain="acme.example", username="sales")
    registrar.zones.broken.add("_daimon.acme.example")
    for _ in range(10):
        await registrar.recheck(hours=25)
    registrar.zones.broken.clear()
    registrar.zones.put("TXT", "_daimon.acme.example")
    await registrar.recheck(hours=25)
    registrar.publish(domain, "ownership")
    await registrar.recheck(hours=71)
    registrar.zones.put("TXT", "_daimon.acme.example")
    await registrar.recheck(hours=25)
    assert await registrar.reached("sales@acme.example") == inbox["id"]
    assert await registrar.events(account) == [("domain.verified", "acme.example")]


async def test_a_domain_that_comes_back_brings_its_inboxes(registrar: Registrar) -> None:
    """Lost and proven again, deleted and claimed again: addresses reach their inboxes as before."""
    account = await registrar.account()
    domain = await registrar.verified(account, "acme.example")
    inbox = await registrar.ok(account, "POST", "/v1/inboxes", domain="acme.example", username="sales")
    registrar.zones.put("TXT", "_daimon.acme.example")
    await registrar.recheck(hours=25)
    await registrar.recheck(hours=80)
    with pytest.raises(DomainNotServed):
        await registrar.reached("sales@acme.example")
    registrar.publish(domain, "ownership")
    await registrar.verify(account, domain)
    assert await registrar.reached("sales@acme.example") == inbox["id"]
    await registrar.ok(account, "DELETE", f"/v1/domains/{domain['id']}")
    with pytest.raises(DomainNotServed):
        await registrar.reached("sales@acme.example")
    assert (await registrar.ok(account, "GET", f"/v1/inboxes/{inbox['id']}"))["email"] == "sales@acme.example"
    await registrar.verified(account, "acme.example")
    assert await registrar.reached("sales@acme.example") == inbox["id"]
