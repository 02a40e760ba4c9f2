"""Macros of SPF records (RFC 7208 §7): who sends from where, put into the names that are asked for."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

_MACRO = re.compile(r"%(?:\{([A-Za-z])([0-9]*)(r?)([-.+,/_=]*)\}|([%_-]))")
_PLAIN = {"%": "%", "_": " ", "-": "%20"}
_LONGEST = 253


@dataclass(frozen=True, slots=True)
class Identity:
    """What macros stand for: the client's address, the sender that is checked, and the HELO name."""

    ip: IPv4Address | IPv6Address
    local: str
    sender_domain: str
    helo: str


def expand(spec: str, who: Identity, domain: str) -> str:
    """Return the name that a domain-spec means while `domain` is at hand (§7.3), without a dot at its end."""
    name = _MACRO.sub(lambda macro: _PLAIN[macro[5]] if macro[5] else _value(macro, who, domain), spec)
    name = name.removesuffix(".")
    while len(name) > _LONGEST and "." in name:  # labels are left off at the left
        name = name[name.index(".", min(len(name) - _LONGEST - 1, name.rindex("."))) + 1 :]
    return name


def _value(macro: re.Match[str], who: Identity, domain: str) -> str:
    letter, digits, backwards, delimiters = macro[1], macro[2], macro[3], macro[4]
    value = _meaning(letter.lower(), who, domain)
    if digits or backwards or delimiters:
        parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
        if backwards:
            parts.reverse()
        value = ".".join(parts[-int(digits) :] if digits else parts)
    return quote(value, safe="") if letter.isupper() else value


def _meaning(letter: str, who: Identity, domain: str) -> str:
    match letter:
        case "s":
            return f"{who.local}@{who.sender_domain}"
        case "l":
            return who.local
        case "o":
            return who.sender_domain
        case "d":
            return domain
        case "i":
            return str(who.ip) if who.ip.version == 4 else ".".join(f"{int(who.ip):032x}")
        case "v":
            return "in-addr" if who.ip.version == 4 else "ip6"
        case "h":
            return who.helo
        case _:
            return "unknown"  # `p`: §7.3 asks that nobody uses it
