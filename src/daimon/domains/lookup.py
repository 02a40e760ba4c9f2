"""What the DNS says of a domain now. It takes seconds where name servers hang: never ask within a transaction."""

import asyncio
from collections.abc import Iterable

from daimon.domains.models import Domain, Seen
from daimon.kit.dns import DnsResolver, NoResolver, Unanswered

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


async def look(dns: DnsResolver, asked: Iterable[str]) -> Seen:
    """Ask all at once, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(each: str) -> tuple[str, list[str] | None]:
        async with gate:
            return each, await _ask(dns, *each.split(" ", 1))

    return dict(await asyncio.gather(*map(one, asked)))


async def _ask(dns: DnsResolver, kind: str, name: str) -> list[str] | None:
    try:
        answers = await dns.ask(name, kind)
    except (Unanswered, NoResolver):
        return None
    if kind == "TXT":  # RFC 7208 §3.3: the strings of a record are one text
        texts = (b"".join(each.strings).decode("utf-8", "replace") for each in answers)  # type: ignore[attr-defined]
    else:
        texts = (_without_dot(each.to_text().lower()) for each in answers)
    return sorted(text[:_LONGEST] for text in texts)[:_MOST]


def _without_dot(text: str) -> str:
    return text if text.endswith(" .") else text.removesuffix(".")  # alone, it says something: RFC 7505
