"""Which names may be an account's domain, in the form that they are stored in."""

import ipaddress
import re

import idna

from daimon.kit.errors import Invalid

_LONGEST = 221  # with `@` and a username of 32, an address has 254 characters (RFC 5321 §4.5.3.1.3)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")  # RFC 1123 §2.1
# RFC 6761, RFC 6762, RFC 7686, RFC 9476 and ICANN's `internal`: no DNS that others see has them.
_NOWHERE = frozenset(("localhost", "local", "invalid", "onion", "alt", "internal", "arpa"))


def check(text: str, *, service_domain: str) -> str:
    """Return a domain in lower case and A-labels (RFC 5890). Raises Invalid."""
    name = _a_labels(text.removesuffix("."))
    labels = name.split(".")
    if len(name) > _LONGEST or not all(map(_LABEL.match, labels)):
        raise _invalid(f"must be a domain name of at most {_LONGEST} characters, such as example.com")
    if labels[-1].isdecimal() or _is_address(name):
        raise _invalid("must be a domain name, not an IP address")
    if len(labels) == 1:
        raise _invalid("must be a domain that you can have, such as example.com, not a top-level one")
    if labels[-1] in _NOWHERE:
        raise _invalid(f"`.{labels[-1]}` is not in the DNS that others see")
    if name == service_domain or name.endswith(f".{service_domain}"):
        raise _invalid(f"{service_domain} is this server's own: inboxes are made on it without more")
    return name


def _a_labels(text: str) -> str:
    if len(text) > 253:  # before anything looks at each character
        raise _invalid("is longer than 253 characters")
    try:
        if text.isascii():
            name = text.lower()
            for label in name.split("."):
                if label.startswith("xn--"):
                    idna.ulabel(label)
            return name
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _invalid("is no valid internationalized domain name") from None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _invalid(message: str) -> Invalid:
    return Invalid.field("domain", message)
