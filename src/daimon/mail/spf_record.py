"""SPF records (RFC 7208 §4.6, §5, §6): their terms, read whole before any is evaluated."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]

MOST_OCTETS = 16 * 1024  # of a record; real ones stay below 2 KiB (§3.4 asks for 450)
_USUAL, _USUAL_OCTETS = 1000, 1024  # records that are remembered
_QUALIFIERS: dict[str, SpfResult] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral", "": "pass"}
_VERSION = re.compile(rb"v=spf1(?: |\Z)", re.IGNORECASE)

_MACRO = r"%(?:\{{[{letters}](?:0{{0,3}}[1-9][0-9]{{0,2}})?r?[-.+,/_=]*\}}|[%_-])"
_IN_NAMES, _ANYWHERE = _MACRO.format(letters="slodiphvSLODIPHV"), _MACRO.format(letters="slodiphvcrtSLODIPHVCRT")
_TOP_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\Z")
_MACRO_STRING = re.compile(rf"(?:{_ANYWHERE}|[!-$&-~])*+\Z")
_PIECES = re.compile(rf"(?:{_IN_NAMES}|[!-$&-~])*+\Z")
_LAST_MACRO = re.compile(r"%(?:\{[^{}]*\}|[%_-])\Z")
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*+)([:=/]?)(.*)\Z", re.DOTALL)
_CIDR4 = re.compile(r"/(0|[1-9][0-9]?)\Z")
_CIDR6 = re.compile(r"//(0|[1-9][0-9]{0,2})\Z")


class BadRecord(ValueError):
    """The record breaks the grammar: a permanent error (§4.6)."""


class Kind(Enum):
    """The mechanisms of §5."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A directive. `domain` may hold macros, empty: the domain at hand; `prefix4` and `prefix6` are in bits."""

    kind: Kind
    result: SpfResult
    domain: str = ""
    prefix4: int = 32
    prefix6: int = 128
    network: IPv4Network | IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """The directives of a record in order, and where it goes on if none matches."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str | None


def is_spf(text: bytes) -> bool:
    """Return whether a TXT record is one of SPF, version 1 (§4.5)."""
    return _VERSION.match(text) is not None


def read(text: bytes) -> Record:
    """Read a record. Raises BadRecord for any error in it, wherever it is (§4.6)."""
    if len(text) > MOST_OCTETS or not text.isascii():
        raise BadRecord("too long, or not in ASCII")
    return _read_usual(text) if len(text) <= _USUAL_OCTETS else _read(text)


def _read(text: bytes) -> Record:
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text.decode("ascii").split(" ")[1:]:
        if not term:
            continue
        parts = _TERM.match(term)
        if parts is None:
            raise BadRecord(term)
        qualifier, name, sign, value = parts.groups()
        if sign == "=":
            _modify(modifiers, qualifier, name.lower(), value)
        else:
            mechanisms.append(_mechanism(_QUALIFIERS[qualifier], name.lower(), sign, value))
    return Record(tuple(mechanisms), modifiers.get("redirect"))


_read_usual = lru_cache(_USUAL)(_read)


def _modify(modifiers: dict[str, str], qualifier: str, name: str, value: str) -> None:
    """§6: `redirect` and `exp` may stand once; those that nobody knows are passed over."""
    if qualifier:
        raise BadRecord(name)
    if name in ("redirect", "exp"):
        if name in modifiers:
            raise BadRecord(f"two of {name}")
        modifiers[name] = _domain_spec(value)
    elif not _MACRO_STRING.match(value):
        raise BadRecord(value)


def _mechanism(result: SpfResult, name: str, sign: str, value: str) -> Mechanism:
    try:
        kind = Kind(name)
    except ValueError as error:
        raise BadRecord(name) from error
    match kind:
        case Kind.ALL:
            if sign:
                raise BadRecord(value)
            return Mechanism(kind, result)
        case Kind.IP4 | Kind.IP6:
            return Mechanism(kind, result, network=_network(kind, sign, value))
        case Kind.A | Kind.MX:
            return _with_prefixes(kind, result, sign, value)
        case Kind.PTR if not sign:
            return Mechanism(kind, result)
        case _:
            if sign != ":":
                raise BadRecord(value)
            return Mechanism(kind, result, _domain_spec(value))


def _with_prefixes(kind: Kind, result: SpfResult, sign: str, value: str) -> Mechanism:
    """§5.3: `a`, `a:domain`, `a/24`, `a//64`, `a:domain/24//64`."""
    rest = sign + value
    prefix4, prefix6 = 32, 128
    if six := _CIDR6.search(rest):
        prefix6, rest = int(six[1]), rest[: six.start()]
    if four := _CIDR4.search(rest):
        prefix4, rest = int(four[1]), rest[: four.start()]
    if prefix4 > 32 or prefix6 > 128 or (rest and not rest.startswith(":")):
        raise BadRecord(value)
    return Mechanism(kind, result, _domain_spec(rest[1:]) if rest else "", prefix4, prefix6)


def _network(kind: Kind, sign: str, value: str) -> IPv4Network | IPv6Network:
    address, slash, bits = value.partition("/")
    try:
        if sign != ":" or (slash and not (bits.isdecimal() and (bits == "0" or bits[0] != "0"))):
            raise BadRecord(value)
        network = ip_network(f"{address}/{bits}" if slash else address, strict=False)
    except ValueError as error:
        raise BadRecord(value) from error
    if network.version != (4 if kind is Kind.IP4 else 6) or "%" in address:
        raise BadRecord(value)
    return network


def _domain_spec(text: str) -> str:
    """§7.1: macros and visible characters, with a top label or a macro at the end."""
    if not _PIECES.match(text) or not (_LAST_MACRO.search(text) or _has_top_label(text)):
        raise BadRecord(text)
    return text


def _has_top_label(text: str) -> bool:
    _, dot, label = text.removesuffix(".").rpartition(".")
    return bool(dot) and _TOP_LABEL.match(label) is not None and not label.isdecimal()
