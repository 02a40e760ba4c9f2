"""Whether the From field of a mail is what its domain vouches for: DMARC (RFC 7489). `pct` is not regarded.

The organizational domain comes from the Public Suffix List (§3.2), which takes a third of a second to load: `warm` it
where nobody waits.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from daimon.kit.dns import AsksTexts, NoSuchName
from daimon.mail.tags import BadTags, read_tags

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

DmarcResult = Literal["pass", "fail", "none", "temperror", "permerror"]
Wish = Literal["none", "quarantine", "reject"]

_WISHES = frozenset(get_args(Wish))
_RECORD_OCTETS = 8 * 1024


class Policy(msgspec.Struct, frozen=True):
    """What a domain asks for mail in its name that is not its own, and whether alignment is strict (§6.3)."""

    wish: Wish
    strict_dkim: bool = False
    strict_spf: bool = False


async def policy_of(asker: AsksTexts, domain: str) -> Policy | None:
    """Return the policy for a domain in From, its organization's if it has none (§6.6.3). Raises Unanswered."""
    own = await _tags_of(asker, domain)
    if own is not None:
        return _policy(own, own["p"])
    above = organizational_domain(domain)
    tags = await _tags_of(asker, above) if above != domain else None
    return _policy(tags, tags.get("sp", tags["p"])) if tags is not None else None


def is_aligned(author: str, authenticated: Iterable[str], *, strict: bool = False) -> bool:
    """Return whether one of the authenticated domains may speak for the author's (§3.1)."""
    found = set(authenticated)
    if author in found or strict or not found:
        return author in found
    return organizational_domain(author) in map(organizational_domain, found)


def organizational_domain(domain: str) -> str:
    """Return the domain that was registered (§3.2); one that is a public suffix itself is returned as it is."""
    return _suffixes().privatesuffix(domain) or domain


def warm() -> None:
    """Load the list of public suffixes."""
    _suffixes()


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # late: a third of a second

    return PublicSuffixList()


async def _tags_of(asker: AsksTexts, domain: str) -> dict[str, str] | None:
    """Return the tags of a domain's record with a `p`, None if there is not exactly one record (§6.6.3)."""
    try:
        answer = await asker.txt(f"_dmarc.{domain}")
    except NoSuchName:
        return None
    found = [tags for text in answer.records if (tags := _read(text[:_RECORD_OCTETS])) is not None]
    if len(found) != 1:
        return None
    if found[0].get("p") in _WISHES:
        return found[0]
    return {**found[0], "p": "none"} if "rua" in found[0] else None


@lru_cache(1000)
def _read(text: bytes) -> dict[str, str] | None:
    if not text.startswith(b"v=DMARC1"):
        return None
    try:
        tags = read_tags(text)
    except BadTags:
        return None
    return {name.lower(): value.lower() for name, value in tags.items()} if tags.get("v") == "DMARC1" else None


def _policy(tags: dict[str, str], wish: str) -> Policy:
    return Policy(
        wish=msgspec.convert(wish if wish in _WISHES else tags["p"], Wish),
        strict_dkim=tags.get("adkim") == "s",
        strict_spf=tags.get("aspf") == "s",
    )
