"""DKIM keys: which sign for a domain, their rotation, and that they are sealed at rest."""

import dkim

from daimon.domains import retention, service_keys
from daimon.domains.dkim import KeyVault
from daimon.domains.signing import SigningKeys
from daimon.kit.clock import utc_now
from daimon.mail import dkim_signing
from daimon.mail.dkim_signing import SigningKey

from .registrar import Registrar, record

MAIL = b"From: a@acme.example\r\nTo: b@example.com\r\nSubject: x\r\n\r\nHello\r\n"


async def _keys(registrar: Registrar, domain: str) -> list[SigningKey]:
    vault = KeyVault(registrar.edge.services.secret_key)
    provider = SigningKeys(vault, service_domain="daimon.email", clock=utc_now)
    async with registrar.edge.database.read() as db:
        return await provider.for_domain(db, domain)


def _selectors(domain: dict[str, object]) -> set[str]:
    return {each["name"].partition(".")[0] for each in domain["records"] if each["purpose"] == "dkim"}  # type: ignore[attr-defined]


async def test_a_verified_domain_signs_with_its_own_keys_and_all_others_with_the_services(registrar: Registrar) -> None:
    """Pending domains, subdomains of the service and foreign ones: d= is the service domain, by two keys."""
    account = await registrar.account()
    domain = await registrar.claim(account, "acme.example")
    for name in ("acme.example", "daimon.email", "pod.daimon.email", "other.example"):
        keys = await _keys(registrar, name)
        signing = {(key.domain, key.algorithm.value) for key in keys}
        assert signing == {("daimon.email", "rsa"), ("daimon.email", "ed25519")}
    registrar.publish(domain)
    await registrar.verify(account, domain)
    keys = await _keys(registrar, "ACME.example")
    assert {key.domain for key in keys} == {"acme.example"}
    assert {key.selector for key in keys} == _selectors(domain)
    await registrar.ok(account, "DELETE", f"/v1/domains/{domain['id']}")
    assert {key.domain for key in await _keys(registrar, "acme.example")} == {"daimon.email"}


async def test_what_they_sign_is_verified_by_the_published_records(registrar: Registrar) -> None:
    """dkimpy reads the records as the domain's page says them, and agrees with both signatures."""
    account = await registrar.account()
    domain = await registrar.verified(account, "acme.example")
    published = {f"{each['name']}.".encode(): each["value"].encode() for each in domain["records"]}
    for key in await _keys(registrar, "acme.example"):
        signed = dkim_signing.sign(MAIL, [key], at=utc_now()) + MAIL
        assert dkim.verify(signed, dnsfunc=lambda name, timeout=5: published.get(name))


async def test_private_keys_are_sealed_in_the_database(registrar: Registrar) -> None:
    """Nothing in a row opens without the server's secret."""
    await registrar.claim(await registrar.account(), "acme.example")
    vault = KeyVault(registrar.edge.services.secret_key)
    async with registrar.edge.database.read() as db:
        boxes = [row["box"] for row in await db.fetch("select box from dkim_keys")]
    assert len(boxes) == 2
    for box in boxes:
        assert vault.open(box) not in box
        assert dkim_signing.load("acme.example", "s", vault.open(box))


async def test_a_rotation_waits_for_the_dns(registrar: Registrar) -> None:
    """Both are published; each new key signs when it is seen; the old record can go after seven days."""
    account = await registrar.account()
    domain = await registrar.verified(account, "acme.example")
    path = f"/v1/domains/{domain['id']}"
    old = _selectors(domain)
    rotated = await registrar.ok(account, "POST", f"{path}/rotate-dkim")
    new = _selectors(rotated) - old
    assert (len(new), _selectors(rotated) > old) == (2, True)
    again = await registrar.call(account, "POST", f"{path}/rotate-dkim")
    assert (again.status_code, again.json()["code"]) == (409, "DKIM_ROTATION_RUNNING")
    await registrar.recheck(minutes=2)
    assert {key.selector for key in await _keys(registrar, "acme.example")} == old
    fresh = [each for each in rotated["records"] if each["name"].partition(".")[0] in new]
    rsa = next(each for each in fresh if "k=rsa" in each["value"])
    registrar.publish({"records": [rsa]})
    await registrar.recheck(minutes=5)
    keys = {key.algorithm.value: key.selector for key in await _keys(registrar, "acme.example")}
    assert keys["rsa"] in new
    assert keys["ed25519"] in old
    registrar.publish({"records": [each for each in fresh if each is not rsa]})
    await registrar.verify(account, domain)
    assert {key.selector for key in await _keys(registrar, "acme.example")} == new
    registrar.clock.ahead += retention.RETIRED_KEPT / 4
    shown = await registrar.ok(account, "GET", path)
    removable = {each["name"].partition(".")[0] for each in shown["records"] if each["status"] == "removable"}
    assert removable == old
    assert record(shown, "dkim", 0)["required"] is False
    registrar.clock.ahead += retention.RETIRED_KEPT
    async with registrar.edge.database.transaction() as db:
        assert await retention.forget(db, now=registrar.clock(), limit=100) == 2
    assert _selectors(await registrar.ok(account, "GET", path)) == new


async def test_the_service_domains_keys_rotate_the_same_way(registrar: Registrar) -> None:
    """Made once, whoever asks first; new ones sign when the DNS shows them."""
    database, services = registrar.edge.database, registrar.edge.services
    vault = KeyVault(services.secret_key)
    first = {key.selector for key in await _keys(registrar, "daimon.email")}
    async with database.transaction() as db:
        await service_keys.ensure(db, "daimon.email", vault, utc_now())
        await service_keys.rotate(db, "daimon.email", vault, utc_now())
        listed = await service_keys.listed(db, "daimon.email")
    assert await service_keys.look_for_next(database, services.dns, "daimon.email", utc_now()) == 0
    assert {key.selector for key in await _keys(registrar, "daimon.email")} == first
    for key in listed:
        registrar.zones.put("TXT", f"{key.selector}._domainkey.daimon.email", key.record)
    assert await service_keys.look_for_next(database, services.dns, "daimon.email", utc_now()) == 2
    assert {key.selector for key in await _keys(registrar, "daimon.email")} == {k.selector for k in listed} - first
