"""Names: what DNS says is checked at each connection, by a server that may say something else each time."""

import socket
from collections.abc import AsyncIterator

import pytest

from daimon.kit.safe_http import Failed, Failure, SafeHttp, UnsafeUrl
from daimon.kit.safe_http.resolver import RefusedAddress, SafeResolver, SystemLookup

from .endpoints import Certificates, DnsServer, Endpoint

NAME = "hooks.example.com"
URL = f"https://{NAME}/hook"


@pytest.fixture
async def dns() -> AsyncIterator[DnsServer]:
    async with DnsServer() as server:
        yield server


@pytest.mark.parametrize(
    "answer",
    [
        ["10.0.0.1"],
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a00:1"],
        ["93.184.215.14", "10.0.0.1"],
        ["10.0.0.1", "93.184.215.14"],
        ["93.184.215.14", "::1"],
        ["2606:4700:4700::1111", "192.168.0.1"],
        ["CNAME metadata.example.net", "169.254.169.254"],
        ["CNAME localhost", "127.0.0.1"],
    ],
    ids=" ".join,
)
async def test_a_name_with_a_bad_address_is_refused(dns: DnsServer, answer: list[str]) -> None:
    """One bad address is enough, behind an alias too; at create and at connect. Which one it is, is not said."""
    dns.script(NAME, answer)
    async with SafeHttp(resolver=dns.address) as http:
        with pytest.raises(UnsafeUrl, match=f"{NAME} leads to an address that must not be opened") as unsafe:
            await http.check(URL)
        with pytest.raises(Failed) as failed:
            await http.post(URL, b"", {})
    assert failed.value.kind is Failure.REFUSED
    assert failed.value.reason == unsafe.value.reason
    assert not any(each.split()[-1] in unsafe.value.reason for each in answer)  # no map of an inner network
    assert failed.value.remote_ip is None


async def test_a_good_name_passes_the_check(dns: DnsServer) -> None:
    """All its addresses are the world's; both kinds were asked for."""
    dns.script(NAME, ["93.184.215.14", "2606:4700:4700::1111"])
    async with SafeHttp(resolver=dns.address) as http:
        assert (await http.check(URL)).host == NAME
    assert sorted(dns.asked) == [f"{NAME} A", f"{NAME} AAAA"]


@pytest.mark.parametrize("later", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::ffff:127.0.0.1"]], ids=" ".join)
async def test_a_name_that_changes_after_its_check_is_refused(
    dns: DnsServer, certificates: Certificates, later: list[str]
) -> None:
    """The check saw a good address, the connection is told another one: it is not made."""
    dns.script(NAME, ["127.0.0.1"], later)
    async with (
        Endpoint(tls=certificates.serving(NAME)) as endpoint,
        SafeHttp(allow_insecure=True, resolver=dns.address, tls=certificates.trusting()) as http,
    ):
        url = endpoint.url(host=NAME)
        await http.check(url)
        with pytest.raises(Failed) as failed:
            await http.post(url, b"", {})
    assert failed.value.kind is Failure.REFUSED
    assert endpoint.connections == 0


async def test_a_kept_connection_stays_where_it_was_checked(dns: DnsServer, certificates: Certificates) -> None:
    """While it is kept, DNS is not asked again, so a new answer moves nothing."""
    dns.script(NAME, ["127.0.0.1"], ["10.0.0.1"])
    async with (
        Endpoint(tls=certificates.serving(NAME)) as endpoint,
        SafeHttp(allow_insecure=True, resolver=dns.address, tls=certificates.trusting()) as http,
    ):
        replies = [await http.post(endpoint.url(host=NAME), b"", {}) for _ in range(3)]
    assert [reply.remote_ip for reply in replies] == ["127.0.0.1"] * 3
    assert endpoint.connections == 1


class LyingLookup:
    """Says something else each time it is asked."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    async def addresses(self, host: str) -> list[str]:
        return [self._answers.pop(0)]

    async def close(self) -> None:
        pass


async def test_the_socket_is_the_last_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that came past the resolver's check is still not connected to."""

    async def unchecked(self: SafeResolver, host: str) -> list[str]:
        return ["127.0.0.1"]

    async with Endpoint() as endpoint, SafeHttp() as http:
        monkeypatch.setattr(SafeResolver, "checked", unchecked)
        with pytest.raises(Failed) as failed:
            await http.post(f"https://{NAME}:{endpoint.port}/", b"", {})
    assert failed.value.kind is Failure.REFUSED
    assert endpoint.connections == 0


async def test_each_question_is_checked_anew() -> None:
    """Nothing is remembered of an earlier answer."""
    resolver = SafeResolver(LyingLookup("93.184.215.14", "10.0.0.1"), allow_loopback=False)
    assert [each["host"] for each in await resolver.resolve(NAME, 443)] == ["93.184.215.14"]
    with pytest.raises(RefusedAddress):
        await resolver.resolve(NAME, 443)


@pytest.mark.parametrize("answer", [[], None], ids=["no address", "silence"])
async def test_a_name_that_leads_nowhere(dns: DnsServer, answer: list[str] | None) -> None:
    """No address, or no answer in time."""
    dns.script(NAME, answer)
    async with SafeHttp(resolver=dns.address, timeout=0.5) as http:
        with pytest.raises(Failed) as at_check:
            await http.check(URL)
        with pytest.raises(Failed) as at_post:
            await http.post(URL, b"", {})
    expected = Failure.TIMEOUT if answer is None else Failure.DNS
    assert (at_check.value.kind, at_post.value.kind) == (expected, expected)


async def test_an_unknown_name(dns: DnsServer) -> None:
    """NXDOMAIN is told as such."""
    async with SafeHttp(resolver=dns.address) as http:
        with pytest.raises(Failed) as failed:
            await http.post(URL, b"", {})
    assert failed.value.kind is Failure.DNS
    assert NAME in failed.value.reason


async def test_localhost_needs_no_dns(dns: DnsServer) -> None:
    """RFC 6761: nobody is asked where this machine is."""
    async with Endpoint() as endpoint, SafeHttp(allow_insecure=True, resolver=dns.address) as http:
        reply = await http.post(endpoint.url(host="app.localhost"), b"", {})
    assert reply.status == 200
    assert dns.asked == []


async def test_the_systems_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a resolver of the operator's, the system is asked, with no search domain, and checked alike."""
    asked = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", 0, 0, 2))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with SafeHttp() as http:
        with pytest.raises(UnsafeUrl):
            await http.check(URL)
    assert asked == [f"{NAME}."]


async def test_the_system_says_no() -> None:
    """A name that cannot exist has no address."""
    lookup = SystemLookup()
    with pytest.raises(OSError, match="has no address"):
        await lookup.addresses("nobody.invalid")
    await lookup.close()
