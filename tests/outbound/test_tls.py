"""Which TLS a host must have, in real handshakes with servers good and bad."""

import asyncio
import hashlib
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from daimon.kit.clock import utc_now
from daimon.mail.dane import Tlsa
from daimon.mail.mta_sts import Mode, MtaSts
from daimon.outbound.routes import Host
from daimon.outbound.tls import NotInPolicy, TlsDemand, TlsDemands

from .authority import Issued

D, MX = "example.com", "mx.example.com"
ENFORCED = MtaSts(Mode.ENFORCE, ("*.example.com",), 86_400)
ROOT = Issued.root()


def host(*tlsa: Tlsa, base: str | None = None, name: str = MX) -> Host:
    return Host(name, 10, ("127.0.0.1",), tlsa or None, base)


def ee(of: Issued) -> Tlsa:
    return Tlsa(3, 1, 1, hashlib.sha256(of.public_key).digest())


def ta(of: Issued) -> Tlsa:
    return Tlsa(2, 0, 1, hashlib.sha256(of.der).digest())


UNUSABLE = Tlsa(1, 1, 1, b"x" * 32)


@pytest.fixture
def demands(tmp_path: Path) -> TlsDemands:
    path = ROOT.save(tmp_path / "root.pem")
    return TlsDemands(utc_now, authorities=ssl.create_default_context(cafile=str(path)))


def demanded(demands: TlsDemands, to: Host, policy: MtaSts | None = None) -> TlsDemand:
    demand = demands.demand(to, D, policy)
    assert isinstance(demand, TlsDemand)
    return demand


class Shaken:
    """What came of a handshake: the name that the client asked for, and what the check said; or why it failed."""

    def __init__(self) -> None:
        self.asked: str | None = None
        self.verdict: str | None = None
        self.failed: str | None = None


async def shake(
    path: Path, demand: TlsDemand, leaf: Issued, *above: Issued, newest: ssl.TLSVersion | None = None
) -> Shaken:
    """Let a server with these certificates and a client with this demand shake hands."""
    shaken = Shaken()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.save(path / "leaf.pem", *above))
    if newest:
        context.maximum_version = newest

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        shaken.asked = name

    context.sni_callback = note  # type: ignore[assignment]
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await writer.start_tls(demand.context, server_hostname=demand.server_hostname or "")
            shaken.verdict = demand.check(writer.get_extra_info("ssl_object"))
        except ssl.SSLError as error:
            shaken.failed = getattr(error, "verify_message", None) or error.reason or str(error)
        writer.transport.abort()
    finally:
        server.close()
    return shaken


async def test_without_promises_any_certificate_will_do(demands: TlsDemands, tmp_path: Path) -> None:
    """Self-made, ended, for another name: it hides the mail from the wire, and clear text would do as well."""
    demand = demanded(demands, host())
    assert not demand.required
    shaken = await shake(tmp_path, demand, Issued.root("Other", days=-1))
    assert (shaken.asked, shaken.verdict, shaken.failed) == (MX, None, None)


@pytest.mark.parametrize("mode", [Mode.TESTING, Mode.NONE])
async def test_a_policy_that_is_not_enforced_demands_nothing(demands: TlsDemands, mode: Mode) -> None:
    """Not even that the host is in it."""
    assert not demanded(demands, host(), MtaSts(mode, ("elsewhere.test",), 60)).required


async def test_a_literal_has_no_name(demands: TlsDemands) -> None:
    """RFC 6066 §3: SNI holds no addresses."""
    assert demanded(demands, host(name="[192.0.2.1]")).server_hostname is None


async def test_mta_sts_wants_a_public_certificate_for_the_host(demands: TlsDemands, tmp_path: Path) -> None:
    """One that an authority signed, in force, and by its alternative name."""
    demand = demanded(demands, host(), ENFORCED)
    assert demand.required
    good = await shake(tmp_path, demand, ROOT.issue("x", MX))
    assert (good.asked, good.verdict, good.failed) == (MX, None, None)
    wild = await shake(tmp_path, demand, ROOT.issue("x", "*.example.com"))
    assert (wild.verdict, wild.failed) == (None, None)


@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        (ROOT.issue("x", "other.example.com"), "Hostname mismatch"),
        (ROOT.issue(MX), "Hostname mismatch"),
        (ROOT.issue(D, D), "Hostname mismatch"),
        (ROOT.issue("x", MX, days=-1), "expired"),
        (Issued.root("Stranger").issue("x", MX), "unable to get local issuer"),
        (Issued.root(MX), "self-signed"),
    ],
)
async def test_mta_sts_refuses(demands: TlsDemands, tmp_path: Path, leaf: Issued, why: str) -> None:
    """Another name, a common name alone, the domain's own name, an ended one, a stranger's, a self-made one."""
    shaken = await shake(tmp_path, demanded(demands, host(), ENFORCED), leaf)
    assert why in (shaken.failed or "")


def test_old_tls_is_refused_everywhere(demands: TlsDemands) -> None:
    """RFC 8996; a host that has no better gets clear text, or nothing."""
    for demand in (
        demanded(demands, host()),
        demanded(demands, host(), ENFORCED),
        demanded(demands, host(ee(ROOT))),
    ):
        assert demand.context.minimum_version >= ssl.TLSVersion.TLSv1_2


async def test_tls_1_2_is_enough(demands: TlsDemands, tmp_path: Path) -> None:
    """RFC 8461 §4.2."""
    demand = demanded(demands, host(), ENFORCED)
    shaken = await shake(tmp_path, demand, ROOT.issue("x", MX), newest=ssl.TLSVersion.TLSv1_2)
    assert (shaken.verdict, shaken.failed) == (None, None)


def test_a_host_that_the_policy_does_not_name(demands: TlsDemands) -> None:
    """Nobody needs to connect to it."""
    refused = demands.demand(host(name="mx.other.test"), D, ENFORCED)
    assert refused == NotInPolicy("mx.other.test is not in the MTA-STS policy of example.com")


async def test_a_relay_shows_a_certificate(demands: TlsDemands, tmp_path: Path) -> None:
    """It gets our password."""
    demand = demands.relay("relay.test")
    assert demand.required
    good = await shake(tmp_path, demand, ROOT.issue("x", "relay.test"))
    assert (good.asked, good.verdict, good.failed) == ("relay.test", None, None)
    assert (await shake(tmp_path, demand, ROOT.issue("x", MX))).failed
    assert (await shake(tmp_path, demand, Issued.root("relay.test"))).failed


async def test_dane_knows_the_servers_own_key(demands: TlsDemands, tmp_path: Path) -> None:
    """Ended, self-made, for another name: the key is what counts. Any other key is refused."""
    mine, other = Issued.root("whatever", days=-1), Issued.root("whatever")
    demand = demanded(demands, host(ee(mine), base="real.example.com"))
    assert demand.required
    shaken = await shake(tmp_path, demand, mine)
    assert (shaken.asked, shaken.verdict, shaken.failed) == ("real.example.com", None, None)
    refused = await shake(tmp_path, demand, other)
    assert refused.verdict == "the certificate does not match the TLSA records of real.example.com"


async def test_dane_knows_an_authority(demands: TlsDemands, tmp_path: Path) -> None:
    """Its certificate is sent along; the names are the host's, that of the records, and the domain's."""
    anchor = Issued.root("Anchor")
    middle = anchor.issue("Middle", authority=True)
    demand = demanded(demands, host(ta(anchor), base="real.example.com"))
    for name, verdict in ((MX, True), ("real.example.com", True), (D, True), ("other.test", False)):
        shaken = await shake(tmp_path, demand, middle.issue("x", name), middle, anchor)
        assert (shaken.verdict is None) is verdict
    without = await shake(tmp_path, demand, middle.issue("x", MX), middle)
    stranger = await shake(tmp_path, demand, Issued.root("Anchor").issue("x", MX), anchor)
    assert without.verdict
    assert stranger.verdict


async def test_time_counts_under_an_authority(tmp_path: Path) -> None:
    """By the clock that is handed in."""
    anchor = Issued.root("Anchor")
    later = TlsDemands(lambda: utc_now() + timedelta(days=40))
    assert (await shake(tmp_path, demanded(later, host(ta(anchor))), anchor.issue("x", MX), anchor)).verdict


async def test_dane_goes_before_mta_sts(demands: TlsDemands, tmp_path: Path) -> None:
    """What DANE refuses no public authority makes good (RFC 8461 §2); what it accepts needs none."""
    public, mine = ROOT.issue("x", MX), Issued.root("mine")
    demand = demanded(demands, host(ee(mine)), ENFORCED)
    assert (await shake(tmp_path, demand, mine)).verdict is None
    assert (await shake(tmp_path, demand, public)).verdict


async def test_records_that_cannot_be_used_demand_tls_alone(demands: TlsDemands, tmp_path: Path) -> None:
    """RFC 7672 §2.2: encrypted, by whomever; an enforced policy says more."""
    demand = demanded(demands, host(UNUSABLE, base=MX))
    assert demand.required
    assert (await shake(tmp_path, demand, Issued.root("any"))).verdict is None
    stricter = demanded(demands, host(UNUSABLE, base=MX), ENFORCED)
    assert (await shake(tmp_path, stricter, Issued.root("any"))).failed


def test_contexts_are_made_once(demands: TlsDemands) -> None:
    """A context costs milliseconds."""
    assert demanded(demands, host()).context is demanded(demands, host(name="other.test")).context
    assert demanded(demands, host(ee(ROOT))).context is demanded(demands, host(UNUSABLE)).context
    assert demanded(demands, host(), ENFORCED).context is demanded(demands, host(), ENFORCED).context
