"""MTA-STS policies from a real HTTPS server, announced by a real DNS server, kept in a real database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from daimon.db.engine import Database
from daimon.db.walls import JOBS
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.kit.safe_http import SafeHttp
from daimon.mail.mta_sts import Mode, MtaSts
from daimon.outbound import mta_sts
from daimon.outbound.mta_sts import MtaStsPolicies
from daimon.outbound.routes import Route
from daimon.outbound.routing import Router
from nameserver import NameServer
from safe_http.endpoints import Certificates, Endpoint, Exchange

D = "example.com"
ENFORCE = b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 864000\n"
PLAIN = ("Content-Type: text/plain; charset=utf-8",)
POLICY = MtaSts(Mode.ENFORCE, ("*.example.com",), 864_000)


class World:
    """A domain with a policy, as this test wants it, and who asks for it."""

    def __init__(self, stack: AsyncExitStack, names: NameServer, certificates: Certificates, db: Database) -> None:
        self._stack, self._names, self._certificates, self.db = stack, names, certificates, db
        self.body, self.status, self.headers = ENFORCE, "200 OK", PLAIN
        self.ahead = timedelta()

    async def open(self, *, certified: str = f"mta-sts.{D}", days: tuple[int, int] = (-1, 30)) -> MtaStsPolicies:
        """Start the domain's server, and a process of ours."""
        server = Endpoint(self._answer, tls=self._certificates.serving(certified, days=days))
        self.endpoint = await self._stack.enter_async_context(server)
        self._names.add(f"mta-sts.{D}", "A", "127.0.0.1")
        self.announce("1")
        return await self.process()

    async def process(self) -> MtaStsPolicies:
        tls = self._certificates.trusting()
        http = SafeHttp(allow_insecure=True, resolver=self._names.address, tls=tls)
        await self._stack.enter_async_context(http)
        dns = Dns(self._names.address)
        return MtaStsPolicies(self.db, dns, http, lambda: utc_now() + self.ahead, port=self.endpoint.port)

    def announce(self, identity: str) -> None:
        self._names.add(f"_mta-sts.{D}", "TXT", f'"v=STSv1; " "id={identity};"')

    @property
    def asked(self) -> list[str]:
        return [each.line for each in self.endpoint.seen]

    async def _answer(self, exchange: Exchange) -> None:
        await exchange.answer(self.body, status=self.status, headers=self.headers)


@pytest.fixture
async def world(names: NameServer, certificates: Certificates, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        db = await Database.open(database_url, connections=2, role=JOBS)
        stack.push_async_callback(db.close)
        yield World(stack, names, certificates, db)


def without_age(policy: MtaSts | None) -> tuple[Mode, tuple[str, ...]] | None:
    return policy and (policy.mode, policy.mx)


KEPT = without_age(POLICY)


async def test_a_policy_is_fetched_once_and_kept(world: World) -> None:
    """By its well-known path; another process, or one after a restart, finds it."""
    policies = await world.open()
    assert await policies.policy(D) == POLICY
    assert without_age(await policies.policy(D)) == KEPT
    assert without_age(await (await world.process()).policy(D)) == KEPT
    assert world.asked == ["GET /.well-known/mta-sts.txt HTTP/1.1"]


async def test_a_domain_that_announces_none_is_not_asked(world: World, names: NameServer) -> None:
    """No record, two records, a huge one."""
    policies = await world.open()
    for texts in (
        (),
        ('"v=STSv1; id=1;"', '"v=STSv1; id=2;"'),
        ('"v=STSv1; id=1;"', *[f'"{"x" * 250}{n}"' for n in range(255)]),
    ):
        names.add(f"_mta-sts.{D}", "TXT", *texts)
        assert await policies.policy(D) is None
    names.add(f"_mta-sts.{D}", "TXT", '"v=STSv1; id=1;"' + ' "x=aaaaaaa;"' * 4000)
    assert await policies.policy(D) == POLICY  # 48 KiB are a lot, and still one record
    assert len(world.asked) == 1


async def test_a_new_id_brings_the_new_policy(world: World) -> None:
    """Without one the old policy is not even asked about."""
    policies = await world.open()
    await policies.policy(D)
    world.body = ENFORCE.replace(b"enforce", b"none")
    assert without_age(await policies.policy(D)) == KEPT
    world.announce("2")
    assert (await policies.policy(D) or POLICY).mode is Mode.NONE
    assert len(world.asked) == 2


async def test_what_is_kept_outlives_who_takes_it_away(world: World, names: NameServer) -> None:
    """The record is gone, DNS is silent, the server fails: the promise holds until its day (RFC 8461 §5.1, §10.2)."""
    policies = await world.open()
    await policies.policy(D)
    world.announce("2")
    world.status = "500 Oops"
    assert without_age(await policies.policy(D)) == KEPT
    names.remove(f"_mta-sts.{D}")
    assert without_age(await policies.policy(D)) == KEPT
    names.failing.add(f"_mta-sts.{D} TXT")
    assert without_age(await policies.policy(D)) == KEPT
    world.ahead = timedelta(days=10, seconds=1)
    assert await policies.policy(D) is None


async def test_a_policy_is_renewed_long_before_it_ends(world: World) -> None:
    """Once a day, under the same id, so that it goes on."""
    policies = await world.open()
    await policies.policy(D)
    for day in range(1, 15):
        world.ahead = timedelta(days=day, minutes=1)
        assert await policies.policy(D) == POLICY
    assert len(world.asked) == 15


async def test_a_fetch_that_fails_is_not_tried_again_at_once(world: World) -> None:
    """After five minutes it is; a new id is a new reason."""
    policies = await world.open()
    world.status = "404 Not Found"
    for ahead, identity, asked in ((0, "1", 1), (0, "1", 1), (299, "1", 1), (301, "1", 2), (301, "2", 3)):
        world.ahead = timedelta(seconds=ahead)
        world.announce(identity)
        assert await policies.policy(D) is None
        assert len(world.asked) == asked


REDIRECT = (*PLAIN, "Location: https://elsewhere.test/")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("301 Moved Permanently", REDIRECT, ENFORCE),
        ("203 Transformed", PLAIN, ENFORCE),
        ("200 OK", ("Content-Type: text/html",), ENFORCE),
        ("200 OK", (), ENFORCE),
        ("200 OK", PLAIN, ENFORCE + b"x: y\n" * 13_200),
        ("200 OK", PLAIN, b""),
        ("200 OK", PLAIN, b"\x00\xff" * 30_000),
        ("200 OK", PLAIN, ENFORCE.decode().encode("utf-16")),
        ("200 OK", (*PLAIN, "Content-Encoding: gzip"), b"\x1f\x8b" + b"\x00" * 99),
    ],
)
async def test_what_is_no_policy(world: World, status: str, headers: tuple[str, ...], body: bytes) -> None:
    """Redirects are not followed; type, size and words must be right."""
    policies = await world.open()
    world.status, world.headers, world.body = status, headers, body
    assert await policies.policy(D) is None
    assert len(world.asked) == 1


@pytest.mark.parametrize(("certified", "days"), [(D, (-1, 30)), (f"mta-sts.{D}", (-9, -1)), (f"mta-sts.{D}", (1, 9))])
async def test_the_servers_certificate_is_checked(world: World, certified: str, days: tuple[int, int]) -> None:
    """Its name and its time."""
    policies = await world.open(certified=certified, days=days)
    assert await policies.policy(D) is None
    assert world.asked == []


async def test_a_route_says_the_policy(world: World, names: NameServer) -> None:
    """The router asks for it, once it knows that there is a way."""
    policies = await world.open()
    names.add(D, "MX", "10 mx.example.com.")
    names.add("mx.example.com", "A", "93.184.215.14")
    router = Router(Dns(names.address), policies)
    found = await router.route(D)
    assert isinstance(found, Route)
    assert found.policy == POLICY
    await router.route("nobody.test")
    assert "_mta-sts.nobody.test TXT" not in names.asked


async def test_ended_policies_are_forgotten(world: World) -> None:
    """Those that hold are not."""
    policies = await world.open()
    await policies.policy(D)
    for days, gone in ((9, 0), (11, 1), (11, 0)):
        async with world.db.read() as db:
            assert await mta_sts.forget(db, now=utc_now() + timedelta(days=days), limit=10) == gone


async def test_a_policy_fetched_earlier_does_not_take_the_place_of_a_later_one(world: World) -> None:
    """Two processes, the slower of which read an old file."""
    policies = await world.open()
    world.ahead = timedelta(minutes=1)
    await policies.policy(D)
    world.ahead = timedelta()
    world.announce("0")
    world.body = ENFORCE.replace(b"enforce", b"testing")
    await policies.policy(D)
    world.announce("1")
    assert without_age(await policies.policy(D)) == KEPT
