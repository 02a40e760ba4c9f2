"""What the DNS says of a domain now. It takes seconds where name servers hang: never ask within a transaction."""

import asyncio
from collections.abc import Iterable

from daimon.domains.models import Domain, Seen
from daimon.kit.dns import Dns, NoSuchName, Unanswered

_MOST, _LONGEST = 20, 2048  # of what others publish is kept and shown
_AT_ONCE = 8


def question(kind: str, name: str) -> str:
    """Return how a question is written in `Seen`."""
    return f"{kind} {name}"


def questions(domain: Domain) -> list[str]:
    """Return all that a domain's check asks."""
    name = domain.domain
    return [
        question("TXT", f"_daimon.{name}"),
        question("MX", name),
        question("TXT", name),
        *(question("TXT", f"{key.selector}._domainkey.{name}") for key in domain.keys),
        question("TXT", f"_dmarc.{name}"),
    ]


async def look(dns: Dns, asked: Iterable[str]) -> Seen:
    """Ask all at once, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(each: str) -> tuple[str, list[str] | None]:
        async with gate:
            return each, await _ask(dns, *each.split(" ", 1))

    return dict(await asyncio.gather(*map(one, asked)))


async def _ask(dns: Dns, kind: str, name: str) -> list[str] | None:
    try:
        texts = await (_mx(dns, name) if kind == "MX" else _txt(dns, name))
    except NoSuchName:
        return []
    except Unanswered:
        return None
    return sorted(text[:_LONGEST] for text in texts)[:_MOST]


async def _txt(dns: Dns, name: str) -> list[str]:
    return [text.decode("utf-8", "replace") for text in (await dns.txt(name)).records]


async def _mx(dns: Dns, name: str) -> list[str]:
    return [f"{each.preference} {_shown(each.host)}" for each in (await dns.mx(name)).records]


def _shown(host: str | None) -> str:
    if host is None:
        return "(not the name of a host)"
    return host or "."  # RFC 7505: a single dot says that there is no mail here
