"""The Mailbox of RFC 5321 §4.1.2: `local@domain`, with quoted local parts, SMTPUTF8, IDN and address literals."""

import ipaddress
import re
import unicodedata

import idna
import msgspec

MAX_LOCAL = 64  # RFC 5321 §4.5.3.1.1, in octets
MAX_DOMAIN = 255  # §4.5.3.1.2
MAX_PATH = 254  # §4.5.3.1.3: 256 with the angle brackets

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-"
_DOT_STRING = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*\Z")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*+)"\Z')
_ESCAPED = re.compile(r"\\(.)")
# RFC 5321 §4.1.2 knows no `_` in a domain, but hosts that are called so send mail, and DNS has nothing against it.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_LABELS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_CONTROLS = frozenset(("Cc", "Cs", "Zl", "Zp", "Cn"))


class BadAddress(ValueError):
    """The text is no address."""


class Address(msgspec.Struct, frozen=True):
    """An address. `local` is as meant (quotes taken off, `+tag` included); `domain` is in lower-case A-labels."""

    local: str
    domain: str
    tag: str | None = None

    @property
    def base(self) -> str:
        """The address of the inbox: without `+tag`, in lower case."""
        local = self.local if self.tag is None else self.local[: -len(self.tag) - 1]
        return f"{_written(local.lower())}@{self.domain}"

    @property
    def is_literal(self) -> bool:
        """Whether the domain is an address literal, such as `[192.0.2.1]`."""
        return self.domain.startswith("[")

    def __str__(self) -> str:
        return f"{_written(self.local)}@{self.domain}"


def parse_address(text: str) -> Address:
    """Parse an address without angle brackets. Raises BadAddress, whose text says what is wrong."""
    if len(text) > MAX_PATH:
        raise BadAddress(f"longer than {MAX_PATH} characters")
    local_text, at, domain_text = text.rpartition("@")
    if not at:
        raise BadAddress("no @")
    local = _local(local_text)
    domain = _domain(domain_text)
    if len(local.encode()) + 1 + len(domain) > MAX_PATH:
        raise BadAddress(f"longer than {MAX_PATH} octets")
    mailbox, plus, tag = local.partition("+")
    return Address(local, domain, tag if plus and mailbox else None)


def domain_of(text: str) -> str:
    """Return the domain of an address in A-labels, whatever stands before its `@`; "" if it has none."""
    _, at, domain = text.rpartition("@")
    try:
        return _domain(domain) if at else ""
    except BadAddress:
        return ""


def _local(text: str) -> str:
    if _DOT_STRING.match(text):
        local = text
    elif quoted := _QUOTED.match(text):
        local = _ESCAPED.sub(r"\1", quoted[1])
    else:
        raise BadAddress("the part before @ is malformed")
    if not local.isascii():
        local = unicodedata.normalize("NFC", local)  # RFC 6532 §3.1
        if any(unicodedata.category(character) in _CONTROLS for character in local):
            raise BadAddress("the part before @ holds control characters")
    if len(local.encode()) > MAX_LOCAL:
        raise BadAddress(f"the part before @ is longer than {MAX_LOCAL} octets")
    return local


def _domain(text: str) -> str:
    if text.startswith("["):
        return _literal(text)
    if len(text) > MAX_DOMAIN:
        raise BadAddress(f"the domain is longer than {MAX_DOMAIN} octets")
    domain = text.lower() if text.isascii() else _a_labels(text)
    if len(domain) > MAX_DOMAIN or not _LABELS.match(domain):
        raise BadAddress("the domain is malformed")
    return domain


def _a_labels(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress("the domain is malformed") from error


def _literal(text: str) -> str:
    """RFC 5321 §4.1.3: `[192.0.2.1]` or `[IPv6:2001:db8::1]`."""
    inner = text[1:-1]
    try:
        if not text.endswith("]"):
            raise BadAddress("the address literal is malformed")
        if inner[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inner[5:])}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ValueError as error:
        raise BadAddress("the address literal is malformed") from error


def _written(local: str) -> str:
    """Return a local part as it is written on the wire: quoted where it has to be."""
    if _DOT_STRING.match(local):
        return local
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
