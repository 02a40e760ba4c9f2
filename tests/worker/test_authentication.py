"""Who a mail comes from, asked of a real DNS server while it is on its way; and whoever need not wait for that."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from chains import hop, sealed
from daimon.inbound import understanding
from daimon.inbound import waiting as waiting_module
from daimon.inbound.accept import Acceptor
from daimon.inbound.authentication import Authenticator, proven
from daimon.inbound.models import Peer
from daimon.inbound.queue import QueuedMail
from daimon.inbound.waiting import Waiting
from daimon.inboxes.models import Inbox
from daimon.kit import dns_memory, ids
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.kit.dns_memory import RememberingDns
from daimon.mail.dkim_signing import Algorithm, generate, load, record, sign
from daimon.messages.content import unreadable
from daimon.messages.models import Message
from daimon.messages.view import Authentication, message_view
from nameserver import NameServer

from .conftest import House, findings
from .mails import mail

KEY = load("example.org", "s1", generate(Algorithm.ED25519))
LIST = load("list.example", "s2", generate(Algorithm.RSA))
THEIRS, NOBODYS = "93.184.215.14", "93.184.215.15"


@dataclass
class Gate:
    """A worker that asks the test's DNS server; `answered` is set when a mail that waited has its answers."""

    house: House
    dns: NameServer
    waiting: Waiting
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, octets: bytes, inbox: Inbox, ip: str = THEIRS) -> None:
        accepted = self.house.accepted(octets, inbox)
        await Acceptor(self.house.db).commit(
            msgspec.structs.replace(accepted, peer=Peer(ip, "mx.example.org", tls=True))
        )

    async def shown(self, octets: bytes, ip: str = THEIRS) -> Message:
        """Receive a mail and return it when it is visible."""
        inbox = await self.house.open_inbox()
        await self.accept(octets, inbox, ip)
        return await self.first(inbox)

    async def first(self, inbox: Inbox) -> Message:
        await self.house.lanes.drain()
        while not (found := await self.house.messages(inbox)):
            await self.answered.wait()
            self.answered.clear()
            await self.house.lanes.drain()
        return found[0]


@pytest.fixture
async def gate(house: House) -> AsyncIterator[Gate]:
    """Mail of example.org comes from one address, signed; its policy is to reject all else."""
    async with NameServer() as server:
        server.add("example.org", "TXT", f'"v=spf1 ip4:{THEIRS} -all"')
        server.add("_dmarc.example.org", "TXT", '"v=DMARC1; p=reject"')
        server.add("s1._domainkey.example.org", "TXT", f'"{record(KEY)}"')
        server.add("s2._domainkey.list.example", "TXT", _quoted(record(LIST)))
        asker = RememberingDns(Dns(server.address))
        made = Gate(house, server, Waiting(Authenticator(asker), lambda _: made.answered.set()))
        house.lanes.quick.waiting = house.lanes.slow.waiting = made.waiting
        yield made
        made.waiting.close()
        asker.close()


def _quoted(text: str) -> str:
    """Return a text as strings of a TXT record, of which each has 255 octets at most."""
    return " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))


def listed(octets: bytes) -> bytes:
    """Return a mail as a mailing list passes it on: changed, and sealed."""
    return sealed(octets + b"-- \r\nThe list\r\n", [LIST])


def signed(octets: bytes) -> bytes:
    return sign(octets, [KEY], at=utc_now()) + octets


def results(message: Message) -> tuple[str | None, ...]:
    shown: Authentication = message_view(message).authentication
    return shown.spf, shown.dkim, shown.dmarc, shown.arc, str(shown.aligned)


def _arc(message: Message) -> str | None:
    return message_view(message).authentication.arc


async def test_a_mail_of_its_domain(gate: Gate) -> None:
    """SPF and DKIM pass and are aligned; the domain is proven, so that its sender may be told of failures."""
    message = await gate.shown(signed(mail()))
    assert results(message) == ("pass", "pass", "pass", "none", "True")
    assert findings(message) == ["no_date"]
    assert message.summary.safety.verdict == "clean"
    assert proven(message.authentication) == {"example.org"}


async def test_a_forged_mail(gate: Gate) -> None:
    """It is shown, with a finding that says what the domain asks for, and is suspicious."""
    message = await gate.shown(mail(), NOBODYS)
    assert results(message) == ("fail", "none", "fail", "none", "False")
    assert findings(message) == ["no_date", "failed_dmarc"]
    assert (message.summary.safety.verdict, message.summary.safety.spam_score) == ("suspicious", 0.45)
    assert "asks to reject" in message.summary.safety.findings[1].detail
    assert proven(message.authentication) == set()


async def test_an_ipv4_client_of_a_socket_for_both(gate: Gate) -> None:
    """It may be told as an IPv6 address with its own inside."""
    assert results(await gate.shown(mail(), f"::ffff:{THEIRS}")) == ("pass", "none", "pass", "none", "True")


async def test_a_forwarded_mail(gate: Gate) -> None:
    """SPF fails on the way, the signature holds."""
    assert results(await gate.shown(signed(mail()), NOBODYS)) == ("fail", "pass", "pass", "none", "True")


async def test_a_changed_mail(gate: Gate) -> None:
    """A signature that does not hold is as good as none."""
    message = await gate.shown(signed(mail()).replace(b"Good", b"Bad"), NOBODYS)
    assert results(message) == ("fail", "fail", "fail", "none", "False")


async def test_a_mail_by_a_list(gate: Gate) -> None:
    """Its signature is broken; the chain of who passed it on is whole, which makes nobody's word of it true."""
    message = await gate.shown(listed(signed(mail())), NOBODYS)
    assert results(message) == ("fail", "fail", "fail", "pass", "False")
    assert findings(message) == ["no_date", "failed_dmarc"]
    assert proven(message.authentication) == set()
    changed = await gate.shown(listed(signed(mail())) + b"Buy this!\r\n", NOBODYS)
    assert results(changed) == ("fail", "fail", "fail", "fail", "False")


async def test_a_chain_over_no_public_network(gate: Gate) -> None:
    """A relay beside this server does not hide it."""
    assert results(await gate.shown(listed(mail()), "127.0.0.1")) == ("none", "none", "none", "pass", "None")


async def test_the_keys_of_a_chain_are_asked_for_once(gate: Gate) -> None:
    """Two links have one key, and the next mail needs none."""
    for _ in range(2):
        assert results(await gate.shown(listed(mail()), THEIRS)) == ("pass", "none", "pass", "pass", "True")
    assert gate.dns.asked.count("s2._domainkey.list.example TXT") == 1


async def test_a_chain_whose_keys_nobody_tells(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail waits for them beside the queue, as long as for others; nobody is blamed."""
    monkeypatch.setattr(dns_memory, "QUESTION_SECONDS", 0.3)
    gate.dns.silent.add("s2._domainkey.list.example TXT")
    inbox = await gate.house.open_inbox()
    await gate.accept(listed(mail()), inbox)
    await gate.house.lanes.drain()
    assert len(gate.waiting.names()) == 1
    assert _arc(await gate.first(inbox)) == "temperror"


async def test_a_chain_without_keys(gate: Gate) -> None:
    """Who takes theirs away breaks the chain; whoever is named behind the break is not asked."""
    gate.dns.remove("s2._domainkey.list.example")
    octets = hop(hop(mail(), KEY, 1), LIST, 2)
    assert results(await gate.shown(octets)) == ("pass", "none", "pass", "fail", "True")
    assert "s1._domainkey.example.org TXT" not in gate.dns.asked


async def test_a_chain_that_is_not_waited_for(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was broken on the way is broken; of a chain that may be whole nobody could be asked."""
    monkeypatch.setattr(waiting_module, "MOST_OF_ACCOUNT", 0)
    monkeypatch.setattr(waiting_module, "AT_HAND_SECONDS", 0)
    assert _arc(await gate.shown(listed(mail()))) == "temperror"
    assert _arc(await gate.shown(listed(mail()) + b"Buy this!\r\n")) == "fail"


async def test_a_mail_from_before_chains_were_looked_at(gate: Gate) -> None:
    """Its results say nothing of them."""
    inbox = await gate.house.open_inbox()
    await gate.accept(mail(), inbox)
    await gate.first(inbox)
    await gate.house.do("update mail_contents set authentication = (authentication::jsonb - 'arc')::json")
    assert results(await gate.first(inbox)) == ("pass", "none", "pass", None, "True")


async def test_a_mail_of_two_authors(gate: Gate) -> None:
    """The first is shown, so the second's good name must not count."""
    message = await gate.shown(mail(sender="boss@victim.example, ann@example.org"))
    assert results(message) == ("pass", "none", "permerror", "none", "False")
    assert "failed_dmarc" in findings(message)


async def test_a_mail_of_this_machine_asks_nothing(gate: Gate) -> None:
    """SPF has nothing to say of what came over no public network; DMARC passes by a signature alone."""
    for ip in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fe80::1", "::ffff:10.0.0.1", "nonsense"):
        assert results(await gate.shown(mail(), ip)) == ("none", "none", "none", "none", "None")
    assert gate.dns.asked == []
    assert results(await gate.shown(signed(mail()), "127.0.0.1")) == ("none", "pass", "pass", "none", "True")


async def test_dns_is_asked_once(gate: Gate) -> None:
    """What was answered is remembered as long as it says."""
    for _ in range(3):
        await gate.shown(signed(mail()))
    assert sorted(gate.dns.asked) == ["_dmarc.example.org TXT", "example.org TXT", "s1._domainkey.example.org TXT"]


async def test_nobody_waits_for_another_ones_dns(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail whose name servers are silent waits beside the queue; the mail behind it, of the same inbox, is shown."""
    monkeypatch.setattr(dns_memory, "QUESTION_SECONDS", 0.3)
    gate.dns.silent |= {"silent.example TXT", "_dmarc.silent.example TXT"}
    inbox = await gate.house.open_inbox()
    await gate.accept(mail("Silent", sender="a@silent.example"), inbox, NOBODYS)
    await gate.accept(mail("Calm"), inbox, "127.0.0.1")
    await gate.house.lanes.drain()
    assert await gate.house.subjects(inbox) == ["Calm"]
    assert len(gate.waiting.names()) == 1
    await gate.answered.wait()
    await gate.house.lanes.drain()
    silent = (await gate.house.messages(inbox))[1]
    assert results(silent) == ("fail", "none", "temperror", "none", "False")
    assert await gate.house.value("select count(*) from inbound_queue") == 0


async def test_a_large_mail_waits_beside_the_slow_lane(gate: Gate) -> None:
    """The slow lane takes one mail a time, and none that waits for DNS."""
    inbox = await gate.house.open_inbox()
    await gate.accept(signed(mail()), inbox)
    await gate.house.do("update inbound_queue set slow = true")
    assert results(await gate.first(inbox)) == ("pass", "pass", "pass", "none", "True")


async def test_who_has_too_much_waiting_is_not_waited_for(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a mail is shown at once, and says that nobody could be asked."""
    monkeypatch.setattr(waiting_module, "MOST_OF_ACCOUNT", 0)
    monkeypatch.setattr(waiting_module, "AT_HAND_SECONDS", 0)
    message = await gate.shown(signed(mail()))
    assert results(message) == ("temperror", "temperror", "temperror", "none", "None")
    assert findings(message) == ["no_date"]


async def test_a_worker_that_goes_loses_nothing(gate: Gate) -> None:
    """What it asked for is still in the queue, and the next worker asks again."""
    gate.dns.silent.add("_dmarc.example.org TXT")
    inbox = await gate.house.open_inbox()
    await gate.accept(signed(mail()), inbox)
    await gate.house.lanes.drain()
    assert await gate.house.subjects(inbox) == []
    gate.waiting.close()
    gate.dns.silent.clear()
    fresh = RememberingDns(Dns(gate.dns.address))
    gate.house.lanes.quick.waiting = Waiting(Authenticator(fresh), lambda _: gate.answered.set())
    assert results(await gate.first(inbox)) == ("pass", "pass", "pass", "none", "True")


async def test_without_a_resolver_mail_still_comes(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where the resolver should be."""
    monkeypatch.setattr(dns_memory, "QUESTION_SECONDS", 0.2)
    async with NameServer() as gone:
        address = gone.address
    asker = RememberingDns(Dns(address))
    gate.house.lanes.quick.waiting = Waiting(Authenticator(asker), lambda _: gate.answered.set())
    message = await gate.shown(signed(mail()))
    assert results(message) == ("temperror", "temperror", "temperror", "none", "None")
    asker.close()


async def test_spf_is_asked_on_demand(gate: Gate) -> None:
    """Of a mail that is still in the dialogue, for whoever has to know whether its sender may be told of a failure."""
    now = await gate.waiting.authenticator.spf(THEIRS, helo="x", mail_from="ann@example.org")
    assert proven(None, now) == {"example.org"}
    for ip in (NOBODYS, "127.0.0.1"):
        assert not proven(None, await gate.waiting.authenticator.spf(ip, helo="x", mail_from="ann@example.org"))


async def test_a_mail_that_could_not_be_read(gate: Gate) -> None:
    """Nobody is blamed for what nobody saw; with its author known, the mail has no signature that is known to hold."""
    mail_of = QueuedMail(ids.new(), ids.new(), "ann@example.org", (), NOBODYS, "x", 1, utc_now())
    for content, expected in (
        (unreadable("it was too much"), ("fail", "temperror", "none", None)),
        (understanding.barely(mail()), ("fail", "temperror", "temperror", None)),
    ):
        found = await gate.waiting.authenticator.authenticate(mail_of, content)
        assert (found.spf, found.dkim, found.dmarc, found.aligned) == expected
        assert found.arc == "temperror"
