"""Answers remembered: how long, how many, and what becomes of a resolver that is away."""

import asyncio
from dataclasses import dataclass, field

import pytest

from daimon.kit import dns_memory
from daimon.kit.dns import Dns, NoSuchName, Silence, Unanswered
from daimon.kit.dns_memory import NEGATIVE_SECONDS, PAUSE_SECONDS, SILENCES, RememberingDns
from nameserver import NameServer


@dataclass
class Seconds:
    """A clock that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Asked:
    server: NameServer
    seconds: Seconds = field(default_factory=Seconds)

    def __post_init__(self) -> None:
        self.memory = RememberingDns(Dns(self.server.address), monotonic=self.seconds)

    async def texts(self, name: str) -> tuple[bytes, ...]:
        return (await self.memory.txt(name)).records


async def test_an_answer_is_remembered_for_its_ttl() -> None:
    """And every kind by itself."""
    async with NameServer() as server:
        server.add("example.org", "TXT", '"one"', ttl=300)
        server.add("example.org", "A", "192.0.2.1")
        server.add("example.org", "MX", "5 mx.example.org.")
        asked = Asked(server)
        assert await asked.texts("example.org") == (b"one",)
        asked.seconds.now = 299
        assert await asked.texts("EXAMPLE.org") == (b"one",)
        assert (await asked.memory.a("example.org")).records == ("192.0.2.1",)
        assert (await asked.memory.aaaa("example.org")).records == ()
        assert (await asked.memory.mx("example.org")).records == ((5, "mx.example.org"),)
        assert server.asked.count("example.org TXT") == 1
        asked.seconds.now = 301
        await asked.texts("example.org")
        assert server.asked.count("example.org TXT") == 2


async def test_absence_and_failure_are_remembered_shortly() -> None:
    """Each asker gets an exception of its own."""
    async with NameServer() as server:
        server.failing.add("broken.example TXT")
        asked = Asked(server)
        for name, error in (("nobody.example", NoSuchName), ("broken.example", Unanswered)) * 2:
            with pytest.raises(error):
                await asked.texts(name)
        assert sorted(server.asked) == ["broken.example TXT", "nobody.example TXT"]
        asked.seconds.now = NEGATIVE_SECONDS + 1
        server.add("nobody.example", "TXT", '"there"')
        assert await asked.texts("nobody.example") == (b"there",)


async def test_all_who_ask_at_one_moment_share_a_question() -> None:
    async with NameServer() as server:
        server.add("example.org", "TXT", '"one"')
        asked = Asked(server)
        await asyncio.gather(*(asked.texts("example.org") for _ in range(50)))
        assert server.asked == ["example.org TXT"]


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By octets; what was not asked for longest goes first."""
    monkeypatch.setattr(dns_memory, "MOST_OCTETS", 2000)
    async with NameServer() as server:
        for name in "abc":
            server.add(f"{name}.example", "TXT", '"' + name * 200 + '"')
        asked = Asked(server)
        for name in "abacac":
            await asked.texts(f"{name}.example")
        assert [each[0] for each in server.asked] == ["a", "b", "c"]
        await asked.texts("b.example")
        assert [each[0] for each in server.asked] == ["a", "b", "c", "b"]


async def _ask_silent_names(asked: Asked) -> None:
    for number in range(SILENCES):
        asked.server.silent.add(f"s{number}.example TXT")
        with pytest.raises(Silence):
            await asked.texts(f"s{number}.example")
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


async def test_a_resolver_that_is_away_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it does not even say who localhost is; what is remembered is still answered, and later it is asked again."""
    monkeypatch.setattr(dns_memory, "QUESTION_SECONDS", 0.05)
    async with NameServer() as server:
        server.add("known.example", "TXT", '"one"')
        server.add("example.org", "TXT", '"two"')
        server.silent.add("localhost A")
        asked = Asked(server)
        await asked.texts("known.example")
        await _ask_silent_names(asked)
        with pytest.raises(Silence):
            await asked.texts("example.org")
        assert await asked.texts("known.example") == (b"one",)
        assert "example.org TXT" not in server.asked
        asked.seconds.now = PAUSE_SECONDS + 1
        assert await asked.texts("example.org") == (b"two",)


async def test_silent_names_do_not_make_a_resolver_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or anybody could switch the authentication of others' mail off, with domains whose servers say nothing."""
    monkeypatch.setattr(dns_memory, "QUESTION_SECONDS", 0.05)
    async with NameServer() as server:
        server.add("example.org", "TXT", '"two"')
        asked = Asked(server)
        await _ask_silent_names(asked)
        assert "localhost A" in server.asked
        assert await asked.texts("example.org") == (b"two",)
