"""Where mail goes, by a real DNS server: the hosts of a domain, their order, and why there are none."""

import asyncio
from random import Random

import pytest

from daimon.kit import dns as kit_dns
from daimon.kit.dns import Dns
from daimon.mail.dane import Tlsa
from daimon.outbound import routing as routing_module
from daimon.outbound.routes import Forbidden, Host, NoMail, NoSuchDomain, Route, Routing, Unreachable
from daimon.outbound.routing import Router
from nameserver import NameServer

D = "example.com"
V4, V6 = "93.184.215.14", "2606:4700:4700::1111"


class Ticks:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def router(names: NameServer, *, validates: bool = True, **settings: object) -> Router:
    dns = Dns(names.address, validates=validates)
    return Router(dns, **{"random": Random(1)} | settings)  # type: ignore[arg-type]


def hosts(routing: Routing) -> tuple[Host, ...]:
    assert isinstance(routing, Route), routing
    return routing.hosts


async def test_mail_goes_to_the_mx_hosts_in_their_order(names: NameServer) -> None:
    """By preference, IPv6 first; in lower case, whoever writes it how."""
    names.add(D, "MX", "20 b.mx.test.", "10 A.mx.test.")
    names.add("a.mx.test", "A", V4)
    names.add("a.mx.test", "AAAA", V6)
    names.add("b.mx.test", "A", "1.1.1.1")
    assert hosts(await router(names).route("Example.COM")) == (
        Host("a.mx.test", 10, (V6, V4)),
        Host("b.mx.test", 20, ("1.1.1.1",)),
    )


async def test_hosts_of_one_preference_share_the_mail(names: NameServer) -> None:
    """RFC 5321 §5.1: in any order, a new one for each mail, though DNS was asked once."""
    names.add(D, "MX", "10 a.mx.test.", "10 b.mx.test.", "5 c.mx.test.")
    for host in "abc":
        names.add(f"{host}.mx.test", "A", V4)
    routes = router(names)
    orders = {tuple(host.name[0] for host in hosts(await routes.route(D))) for _ in range(50)}
    assert orders == {("c", "a", "b"), ("c", "b", "a")}
    assert names.asked.count(f"{D} MX") == 1


async def test_a_domain_without_mx_is_its_own(names: NameServer) -> None:
    """RFC 5321 §5.1: the implicit MX."""
    names.add(D, "A", V4)
    assert hosts(await router(names).route(D)) == (Host(D, 0, (V4,)),)


async def test_aliases_are_followed(names: NameServer) -> None:
    """Of the domain, and of a host."""
    names.add("alias.test", "CNAME", D)
    names.add(D, "MX", "10 mx.test.")
    names.add("mx.test", "CNAME", "real.test")
    names.add("real.test", "A", V4)
    assert hosts(await router(names).route("alias.test")) == (Host("mx.test", 10, (V4,)),)


async def test_a_null_mx_takes_no_mail(names: NameServer) -> None:
    """RFC 7505; its addresses are not asked for."""
    names.add(D, "MX", "0 .")
    names.add(D, "A", V4)
    found = await router(names).route(D)
    assert isinstance(found, NoMail)
    assert found.enhanced_status == "5.1.10"
    assert names.asked == [f"{D} MX"]


async def test_a_null_mx_among_others_is_passed_over(names: NameServer) -> None:
    """RFC 7505 §3: it must not be there."""
    names.add(D, "MX", "0 .", "10 mx.test.")
    names.add("mx.test", "A", V4)
    assert [host.name for host in hosts(await router(names).route(D))] == ["mx.test"]


@pytest.mark.parametrize(
    "domain", ["nobody.test", "a" * 64 + ".test", "a..test", "", ".", "ex ample.test", "\u00fc.test", "a." * 130]
)
async def test_what_is_no_domain(names: NameServer, domain: str) -> None:
    """NXDOMAIN, and what DNS cannot hold."""
    found = await router(names).route(domain)
    assert isinstance(found, NoSuchDomain)
    assert found.enhanced_status == "5.1.2"


async def test_a_domain_with_nothing_to_send_to(names: NameServer) -> None:
    """It exists, without MX and address."""
    names.add(D, "TXT", '"v=spf1 -all"')
    assert await router(names).route(D) == NoSuchDomain(f"{D} has neither MX nor address")


@pytest.mark.parametrize("trouble", ["failing", "silent"])
async def test_dns_that_does_not_say(names: NameServer, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    """Temporary, and the addresses of the domain are no way around (RFC 5321 §5.1)."""
    monkeypatch.setattr(kit_dns, "LOOKUP_SECONDS", 0.3)
    names.add(D, "A", V4)
    getattr(names, trouble).add(f"{D} MX")
    found = await router(names).route(D)
    assert isinstance(found, Unreachable)
    assert found.enhanced_status == "4.4.3"
    assert f"{D} A" not in names.asked


@pytest.mark.parametrize(
    "octets", [b"", b"\x81\x80", b"\x81\x80" + b"\xff" * 200, b"\x81\x80\x00\x01\x00\x01" + b"\xc0" * 99]
)
async def test_nonsense_for_an_answer(names: NameServer, monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    """It is as good as none."""
    monkeypatch.setattr(kit_dns, "LOOKUP_SECONDS", 0.3)
    names.raw[D] = octets
    assert isinstance(await router(names).route(D), Unreachable)


async def test_a_circle_of_aliases(names: NameServer) -> None:
    """It ends."""
    names.add("a.test", "CNAME", "b.test")
    names.add("b.test", "CNAME", "a.test")
    assert isinstance(await router(names).route("a.test"), Unreachable | NoSuchDomain)


async def test_no_resolver_is_temporary() -> None:
    """Our DNS is gone: no recipient's fault."""
    assert isinstance(await Router(Dns(("no-such-resolver.invalid", 53))).route(D), Unreachable)


async def test_a_host_that_is_not_resolved_leaves_the_others(names: NameServer) -> None:
    """No address, no such name, SERVFAIL, no host name at all."""
    names.add(
        D, "MX", "1 empty.test.", "2 nobody.test.", "3 failing.test.", r"4 a\.b.test.", r"5 \000.test.", "6 mx.test."
    )
    names.add("empty.test", "TXT", '"x"')
    names.failing |= {"failing.test A", "failing.test AAAA", "mx.test AAAA"}
    names.add("mx.test", "A", V4)
    assert hosts(await router(names).route(D)) == (Host("mx.test", 6, (V4,)),)


@pytest.mark.parametrize("failing", [set(), {"mx.test A"}])
async def test_mx_hosts_without_an_address(names: NameServer, failing: set[str]) -> None:
    """Temporary: the domain's owner will see it."""
    names.add(D, "MX", "1 mx.test.")
    names.failing |= failing
    found = await router(names).route(D)
    assert isinstance(found, Unreachable)
    assert found.enhanced_status == ("4.4.3" if failing else "4.4.4")


async def test_ten_hosts_of_ten_addresses(names: NameServer) -> None:
    """More are not asked for; IPv4 keeps its share."""
    names.add(D, "MX", *(f"{n} h{n}.test." for n in range(40)))
    for n in range(40):
        names.add(f"h{n}.test", "A", *(f"1.1.1.{i}" for i in range(1, 31)))
        names.add(f"h{n}.test", "AAAA", *(f"2606:4700::{i}" for i in range(1, 31)))
    found = hosts(await router(names).route(D))
    assert [host.name for host in found] == [f"h{n}.test" for n in range(10)]
    assert {len(host.addresses) for host in found} == {10}
    assert {sum(":" in each for each in host.addresses) for host in found} == {5}
    assert len([each for each in names.asked if each.startswith("h")]) <= 40  # each over UDP, and over TCP if it is cut


async def test_thousands_of_mx(names: NameServer) -> None:
    """As many as an answer holds, by TCP."""
    names.add(D, "MX", *(f"{n} h{n % 7}." for n in range(3000)))
    names.add("h0", "A", V4)
    names.add("h6", "A", V4)
    assert [(host.name, host.preference) for host in hosts(await router(names).route(D))] == [("h0", 0), ("h6", 6)]


@pytest.mark.parametrize(
    ("literal", "address"),
    [("[93.184.215.14]", V4), (f"[IPv6:{V6}]", V6), (f"[ipv6:{V6}]", V6)],
)
async def test_an_address_literal_is_the_host(names: NameServer, literal: str, address: str) -> None:
    """RFC 5321 §4.1.3; DNS has no say."""
    assert await router(names).route(literal) == Route((Host(literal, 0, (address,)),), None)
    assert names.asked == []


@pytest.mark.parametrize("literal", ["[", "[]", "[x]", "[1.1.1.1.1]", "[IPv6:]", "[IPv6:" + "1" * 9999 + "]"])
async def test_a_bad_literal(names: NameServer, literal: str) -> None:
    """It names nobody."""
    assert isinstance(await router(names).route(literal), NoSuchDomain)


PRIVATE = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_mail_goes_to_no_private_network(names: NameServer, address: str) -> None:
    """By MX, by address, by literal; unless the operator allows it."""
    kind = "AAAA" if ":" in address else "A"
    names.add(D, "MX", "1 mx.test.")
    names.add("mx.test", kind, address)
    names.add("own.test", kind, address)
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    closed, opened = router(names), router(names, allow_private=True)
    for domain in (D, "own.test", literal):
        assert isinstance(await closed.route(domain), Forbidden)
        assert len(hosts(await opened.route(domain))) == 1


async def test_bad_addresses_among_good_ones_are_dropped(names: NameServer) -> None:
    """Mail goes to the good ones."""
    names.add(D, "MX", "1 in.test.", "2 out.test.")
    names.add("in.test", "A", "10.0.0.1")
    names.add("out.test", "A", "192.168.0.1", V4)
    assert hosts(await router(names).route(D)) == (Host("out.test", 2, (V4,)),)


async def test_a_mail_exchange_passes_mail_on_to_better_ones_only(names: NameServer) -> None:
    """RFC 5321 §5.1: those of our own preference and worse are not for us."""
    names.add(D, "MX", "5 a.test.", "10 us.test.", "10 b.test.", "20 c.test.")
    for host in "abc":
        names.add(f"{host}.test", "A", V4)
    ours = frozenset({"us.test"})
    assert [host.name for host in hosts(await router(names, own_names=ours).route(D))] == ["a.test"]


@pytest.mark.parametrize("domain", [D, "us.test"])
async def test_mail_that_would_come_back(names: NameServer, domain: str) -> None:
    """We are the best mail exchange, or the domain itself without one."""
    names.add(D, "MX", "10 us.test.", "20 b.test.")
    names.add("us.test", "A", V4)
    found = await router(names, own_names=frozenset({"us.test"})).route(domain)
    assert isinstance(found, Forbidden)
    assert found.enhanced_status == "5.4.6"


@pytest.mark.parametrize(("ttl", "kept"), [(0, 5), (60, 60), (86_400, 3600)])
async def test_a_route_is_remembered(names: NameServer, ttl: int, kept: int) -> None:
    """As long as its records say, within bounds."""
    names.add(D, "MX", "1 mx.test.", ttl=90_000)
    names.add("mx.test", "A", V4, ttl=ttl)
    ticks = Ticks()
    routes = router(names, monotonic=ticks)
    for later, asked in ((0, 1), (kept - 0.1, 1), (0.2, 2)):
        ticks.now += later
        await routes.route(D)
        assert names.asked.count(f"{D} MX") == asked


async def test_no_is_remembered_for_half_a_minute(names: NameServer) -> None:
    """And then found out again."""
    ticks = Ticks()
    routes = router(names, monotonic=ticks)
    for _ in range(3):
        assert isinstance(await routes.route(D), NoSuchDomain)
    assert names.asked == [f"{D} MX"]
    names.add(D, "A", V4)
    ticks.now += 31
    assert len(hosts(await routes.route(D))) == 1


async def test_the_memory_is_bounded(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes."""
    monkeypatch.setattr(routing_module, "MOST_REMEMBERED", 2)
    routes = router(names)
    for domain in ("a.test", "b.test", "c.test", "c.test", "a.test"):
        await routes.route(domain)
    assert names.asked == ["a.test MX", "b.test MX", "c.test MX", "a.test MX"]


async def test_who_ask_together_ask_once(names: NameServer) -> None:
    """And who gives up does not end it for the others."""
    names.add(D, "A", V4)
    routes = router(names)
    asking = [asyncio.create_task(routes.route(D)) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    found = await asyncio.gather(*asking[1:])
    assert set(found) == {Route((Host(D, 0, (V4,)),), None)}
    assert sorted(names.asked) == [f"{D} A", f"{D} AAAA", f"{D} MX"]


TLSA = "3 1 1 " + "ab" * 32


def _signed(names: NameServer) -> None:
    names.validated = True
    names.add(D, "MX", "1 mx.test.")
    names.add("mx.test", "A", V4)
    names.add("_25._tcp.mx.test", "TLSA", TLSA)


async def test_tlsa_records_come_with_a_signed_way(names: NameServer) -> None:
    """MX, address and TLSA are all validated."""
    _signed(names)
    [host] = hosts(await router(names).route(D))
    assert (host.tlsa, host.tlsa_base) == ((Tlsa(3, 1, 1, b"\xab" * 32),), "mx.test")


async def test_a_domain_without_mx_has_its_own_tlsa_records(names: NameServer) -> None:
    """RFC 7672 §2.2.1: for the port that mail goes to."""
    names.validated = True
    names.add(D, "A", V4)
    names.add(f"_2525._tcp.{D}", "TLSA", TLSA)
    [host] = hosts(await router(names, port=2525).route(D))
    assert host.tlsa_base == D


@pytest.mark.parametrize("unsigned", [D, "mx.test"])
async def test_one_unsigned_step_is_enough_to_ask_for_no_tlsa(names: NameServer, unsigned: str) -> None:
    """Who could change the way could change what is at its end (RFC 7672 §2.2)."""
    _signed(names)
    names.validated = {D, "mx.test", "_25._tcp.mx.test"} - {unsigned}
    [host] = hosts(await router(names).route(D))
    assert host.tlsa is None
    assert not [each for each in names.asked if each.endswith("TLSA")]


async def test_unsigned_tlsa_records_say_nothing(names: NameServer) -> None:
    """They are asked for, and passed over."""
    _signed(names)
    names.validated = {D, "mx.test"}
    [host] = hosts(await router(names).route(D))
    assert host.tlsa is None


async def test_tlsa_records_that_cannot_be_had_close_the_host(names: NameServer) -> None:
    """RFC 7672 §2.1.1: else who drops packets would take the protection away."""
    _signed(names)
    names.failing.add("_25._tcp.mx.test TLSA")
    assert isinstance(await router(names).route(D), Unreachable)


async def test_tlsa_records_lie_behind_a_hosts_alias(names: NameServer) -> None:
    """RFC 7672 §2.2.2; the host's own come second."""
    _signed(names)
    names.remove("mx.test")
    names.add("mx.test", "CNAME", "real.test")
    names.add("real.test", "A", V4)
    assert [host.tlsa_base for host in hosts(await router(names).route(D))] == ["mx.test"]
    names.add("_25._tcp.real.test", "TLSA", TLSA)
    assert [host.tlsa_base for host in hosts(await router(names).route(D))] == ["real.test"]


async def test_only_a_trusted_resolver_validates(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One on loopback is trusted by itself; another by the operator's word."""
    _signed(names)
    [near] = hosts(await router(names, validates=False).route(D))
    assert near.tlsa
    assert (await Dns(names.address).mx(D)).authentic
    answer = await _from_afar(names, monkeypatch, validates=False)
    assert not answer
    assert await _from_afar(names, monkeypatch, validates=True)


async def _from_afar(names: NameServer, monkeypatch: pytest.MonkeyPatch, *, validates: bool) -> bool:
    """Return whether an answer is believed of a resolver that the system's settings name, on loopback or not."""
    import dns.asyncresolver

    def configured(self: dns.asyncresolver.Resolver, *_: object) -> None:
        self.nameservers, self.port = [names.address[0]], names.address[1]

    monkeypatch.setattr(dns.asyncresolver.Resolver, "read_resolv_conf", configured)
    return (await Dns(validates=validates).mx(D)).authentic
