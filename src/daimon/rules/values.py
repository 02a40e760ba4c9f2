"""What a rule names, in the form that it is stored in, and what is looked up for an address."""

import re

import idna

from daimon.kit.errors import Invalid
from daimon.mail.address import BadAddress, domain_of, parse_address
from daimon.rules.models import MOST_LABELS

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")


def check(text: str) -> str:
    """Return the address or domain that a rule names: lower case, A-labels. Raises Invalid."""
    if "@" in text.removeprefix("@"):
        return _address(text)
    return _domain(text.removeprefix("@").removeprefix("*.").removesuffix("."))


def candidates(address: str | None) -> tuple[str, ...]:
    """Return the values of rules that are about an address, the most specific first.

    Of what is no address, as hostile mail may hold, the domain is still told.
    """
    if address is None:
        return ()
    try:
        parsed = parse_address(address)
        named, domain = [str(parsed).lower()], parsed.domain
    except BadAddress:
        named, domain = [], domain_of(address)
    if not domain or domain.startswith("["):
        return tuple(named)
    labels = domain.split(".")
    first = max(len(labels) - MOST_LABELS, 0)
    return (*named, *(".".join(labels[at:]) for at in range(first, len(labels) - 1)))


def _address(text: str) -> str:
    try:
        return str(parse_address(text)).lower()
    except BadAddress as error:
        raise Invalid.field("value", f"is no address: {error}") from None


def _domain(text: str) -> str:
    try:
        name = text.lower() if text.isascii() else idna.encode(text[:254], uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise Invalid.field("value", "is no valid internationalized domain name") from None
    labels = name.split(".")
    named = 2 <= len(labels) <= MOST_LABELS and all(map(_LABEL.match, labels)) and not labels[-1].isdecimal()
    if len(name) > 253 or not named:
        raise Invalid.field("value", f"must be an address, or a domain of 2-{MOST_LABELS} labels such as example.com")
    return name
