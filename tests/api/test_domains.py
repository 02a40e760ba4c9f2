"""Claiming a domain, its records against a real DNS, its limits, and what each key reaches."""

import asyncio

import pytest

from .registrar import Registrar, record

PURPOSES = ["ownership", "receiving", "receiving", "spf", "dkim", "dkim", "dmarc"]


async def test_a_claim_says_what_to_publish_and_a_check_what_stands_there(registrar: Registrar) -> None:
    """All records are pending, then all are verified; an inbox is made on the domain and receives."""
    account = await registrar.account()
    domain = await registrar.claim(account, "Acme.EXAMPLE")
    assert domain["domain"] == "acme.example"
    assert [each["purpose"] for each in domain["records"]] == PURPOSES
    assert {each["status"] for each in domain["records"]} == {"pending"}
    assert [record(domain, "receiving", at)["value"] for at in (0, 1)] == ["mx1.daimon.email", "mx2.daimon.email"]
    refused = await registrar.call(account, "POST", "/v1/inboxes", domain="acme.example")
    assert (refused.status_code, refused.json()["error"]) == (404, "DOMAIN_NOT_FOUND")

    assert (await registrar.verify(account, domain))["status"] == "pending"
    registrar.publish(domain)
    shown = await registrar.verify(account, domain)
    assert (shown["status"], {each["status"] for each in shown["records"]}) == ("verified", {"verified"})
    assert shown == await registrar.ok(account, "GET", f"/v1/domains/{domain['id']}")
    assert await registrar.events(account) == [("domain.verified", "acme.example")]
    inbox = await registrar.ok(account, "POST", "/v1/inboxes", domain="ACME.example", username="postmaster")
    assert await registrar.reached("Postmaster+x@acme.example") == inbox["id"]


async def test_a_hint_names_what_was_found_instead(registrar: Registrar) -> None:
    """Other MX hosts, another token, another key, a null MX, a resolver that fails."""
    account, zones = await registrar.account(), registrar.zones
    domain = await registrar.claim(account, "acme.example")
    key = record(domain, "dkim")["name"]
    zones.put("TXT", "_daimon.acme.example", "daimon-verification=other")
    zones.put("MX", "acme.example", "1 aspmx.google.example.")
    zones.put("TXT", key, "v=DKIM1; k=ed25519; p=AAAA")
    zones.put("TXT", "_dmarc.acme.example", "v=DMARC1; p=perhaps")
    shown = await registrar.verify(account, domain)
    for purpose, found in (
        ("ownership", "daimon-verification=other"), ("receiving", "1 aspmx.google.example"),
        ("dkim", "v=DKIM1; k=ed25519; p=AAAA"), ("dmarc", "v=DMARC1; p=perhaps"),
    ):  # fmt: skip
        each = record(shown, purpose)
        assert (each["status"], each["found"]) == ("mismatch", [found])
        assert found in each["hint"]
    assert shown["status"] == "pending"
    zones.put("MX", "acme.example", "0 .")
    zones.broken.add("_dmarc.acme.example")
    shown = await registrar.verify(account, domain)
    assert "takes no mail" in record(shown, "receiving")["hint"]
    assert record(shown, "dmarc")["status"] == "unreachable"


async def test_mail_servers_alone_prove_nothing(registrar: Registrar) -> None:
    """Whoever's MX points here, only the token verifies."""
    account = await registrar.account()
    domain = await registrar.claim(account, "acme.example")
    registrar.publish(domain, "receiving", "spf", "dkim", "dmarc")
    shown = await registrar.verify(account, domain)
    assert shown["status"] == "pending"
    assert record(shown, "receiving")["status"] == "verified"


async def test_spf_and_dmarc_advice_fits_what_is_there(registrar: Registrar) -> None:
    """One SPF record is advised, with what the present ones say; a valid DMARC record is kept."""
    account, zones = await registrar.account(), registrar.zones
    domain = await registrar.claim(account, "acme.example")
    zones.put("TXT", "acme.example", "google-site-verification=x", "v=spf1 include:_spf.google.example -all")
    zones.put("TXT", "_dmarc.acme.example", "v=DMARC1; p=reject; rua=mailto:d@acme.example")
    shown = await registrar.verify(account, domain)
    advised = record(shown, "spf")
    assert advised["status"] == "mismatch"
    assert advised["value"] == "v=spf1 include:_spf.google.example include:daimon.email -all"
    assert record(shown, "dmarc")["status"] == "verified"
    assert record(shown, "dmarc")["value"] == "v=DMARC1; p=reject; rua=mailto:d@acme.example"
    zones.put("TXT", "acme.example", advised["value"])
    assert record(await registrar.verify(account, domain), "spf")["status"] == "verified"


@pytest.mark.parametrize(
    "name",
    [
        "daimon.email", "x.Daimon.Email", "com", "localhost", "a.localhost", "printer.local", "192.0.2.1",
        "2001:db8::1", "[192.0.2.1]", "a_b.example", "-a.example", "a..example", "*.acme.example", "xn--a.example",
        "a" * 64 + ".example", "a.1", ".", "a b.example", "ac\u0000me.example", "1.168.192.in-addr.arpa",
        ".".join(["a" * 60] * 4),
    ],
)  # fmt: skip
async def test_names_that_nobody_can_have_are_refused(registrar: Registrar, name: str) -> None:
    """422, with the field."""
    account = await registrar.account()
    answer = await registrar.call(account, "POST", "/v1/domains", domain=name)
    assert answer.status_code == 422, answer.text
    assert answer.json()["details"][0]["field"] == "domain"


async def test_a_name_in_another_script_is_kept_in_a_labels(registrar: Registrar) -> None:
    """IDN, and the dot at the end."""
    account = await registrar.account()
    assert (await registrar.claim(account, "Bücher.example."))["domain"] == "xn--bcher-kva.example"
    again = await registrar.call(account, "POST", "/v1/domains", domain="xn--bcher-kva.example")
    assert (again.status_code, again.json()["code"]) == (409, "DOMAIN_EXISTS")


async def test_limits_of_the_tiers_hold_exactly(registrar: Registrar) -> None:
    """None on the free tier, five of twelve at once on developer; a delete makes room."""
    free = await registrar.account("free")
    answer = await registrar.call(free, "POST", "/v1/domains", domain="acme.example")
    assert (answer.status_code, answer.json()["error"]) == (402, "DOMAIN_REQUIRES_PAID")
    assert answer.json()["upgrade_context"]
    account = await registrar.account("developer")
    answers = await asyncio.gather(
        *(registrar.call(account, "POST", "/v1/domains", domain=f"d{n}.example") for n in range(12))
    )
    assert sorted(each.status_code for each in answers) == [201] * 5 + [402] * 7
    refused = next(each.json() for each in answers if each.status_code == 402)
    assert refused["error"] == "DOMAIN_LIMIT_REACHED"
    assert refused["current_usage"] == {"current_custom_domains": 5, "max_custom_domains": 5}
    made = await registrar.ok(account, "GET", "/v1/domains")
    assert made["total"] == 5
    await registrar.ok(account, "DELETE", f"/v1/domains/{made['domains'][0]['id']}")
    await registrar.claim(account, "d99.example")


async def test_the_same_create_sent_again_is_answered_as_before(registrar: Registrar) -> None:
    """`client_id`: 200 with the domain; another body is a conflict; a delete frees it."""
    account = await registrar.account()
    first = await registrar.call(account, "POST", "/v1/domains", domain="acme.example", client_id="one")
    again = await registrar.call(account, "POST", "/v1/domains", domain="ACME.example", client_id="one")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["result"] == again.json()["result"]
    other = await registrar.call(account, "POST", "/v1/domains", domain="b.example", client_id="one")
    assert other.json()["error"] == "CLIENT_ID_CONFLICT"
    await registrar.ok(account, "DELETE", f"/v1/domains/{first.json()['result']['id']}")
    await registrar.claim(account, "b.example", client_id="one")


async def test_a_pods_domain_is_for_its_inboxes_alone(registrar: Registrar) -> None:
    """The pod's key sees and uses its own; the account's inboxes elsewhere are not made on it."""
    account = await registrar.account()
    pod = await registrar.ok(account, "POST", "/v1/pods", name="customer")
    other = await registrar.ok(account, "POST", "/v1/pods", name="other")
    key, elsewhere = pod["pod_api_key"], other["pod_api_key"]
    await registrar.verified(account, "account.example")
    domain = await registrar.verified(key, "customer.example")
    assert domain["pod_id"] == pod["id"]
    assert [each["id"] for each in (await registrar.ok(key, "GET", "/v1/domains"))["domains"]] == [domain["id"]]
    assert (await registrar.call(elsewhere, "GET", f"/v1/domains/{domain['id']}")).status_code == 404
    await registrar.ok(key, "POST", "/v1/inboxes", domain="customer.example")
    await registrar.ok(account, "POST", "/v1/inboxes", domain="customer.example", pod_id=pod["id"])
    await registrar.ok(account, "POST", "/v1/inboxes", domain="account.example", pod_id=pod["id"])
    for who, body in (
        (account, {}), (elsewhere, {}), (account, {"pod_id": other["id"]}), (key, {"domain": "account.example"}),
    ):  # fmt: skip
        refused = await registrar.call(who, "POST", "/v1/inboxes", **({"domain": "customer.example"} | body))
        assert refused.json()["error"] == "DOMAIN_NOT_FOUND", refused.text
    await registrar.ok(account, "DELETE", f"/v1/pods/{pod['id']}?inboxes=move")
    assert (await registrar.ok(account, "GET", f"/v1/domains/{domain['id']}"))["pod_id"] is None
