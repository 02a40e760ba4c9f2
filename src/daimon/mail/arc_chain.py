"""The Authenticated Received Chain of a mail (RFC 8617), hashed: who vouches for what they were handed.

Each hop adds a set of three fields with its number: what it found of the mail (ARC-Authentication-Results), a signature
of the mail as it passed it on (ARC-Message-Signature), and a seal over all sets so far (ARC-Seal).
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from daimon.mail.dkim_signature import Signature, hashed, signature_of
from daimon.mail.signed_mail import Field, SignedMail

ArcResult = Literal["pass", "fail", "none", "temperror"]

MOST_SETS = 50  # RFC 8617 §4.2.1
MOST_KEYS = 10  # that are asked for, as many as SPF asks (RFC 7208 §4.6.4); who seals twice has one

_RESULTS, _SIGNATURE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_CFWS = rb"(?:[ \t\r\n]|\([^()\\]*+\))*+"
_INSTANCE = re.compile(_CFWS + rb"i" + _CFWS + rb"=" + _CFWS + rb"([0-9]{1,2}+)" + _CFWS + rb";")
_NUMBER = re.compile(r"[0-9]{1,2}\Z")


class Chain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mail's chain: the signatures that have to hold, the newest first.

    They are the newest ARC-Message-Signature, and the seal of every set: older signatures need not survive (§5.2).
    `settled` is the result that it has whatever their keys are, None if the keys decide.
    """

    links: tuple[Signature, ...] = ()
    settled: ArcResult | None = "none"


NO_CHAIN = Chain()
_BROKEN = Chain(settled="fail")


class _Set(NamedTuple):
    """What one hop added, as places among the fields."""

    results: int
    signature: int
    seal: int


def read(mail: SignedMail) -> Chain:
    """Return the chain of a mail."""
    if not mail.mentions(b"arc-") or not any(map(mail.places, (_RESULTS, _SIGNATURE, _SEAL))):
        return NO_CHAIN
    try:
        sets = _sets(mail)
        links = _message_signature(mail, sets[-1]), *reversed(_seals(mail, sets))
    except (ValueError, KeyError):
        return _BROKEN
    keys = {(each.selector, each.domain) for each in links}
    return Chain(links=links, settled=None) if len(keys) <= MOST_KEYS else _BROKEN


def _sets(mail: SignedMail) -> Sequence[_Set]:
    """Return the sets by their numbers, which go up from 1 and of which each has all three. Raises ValueError."""
    results, signatures, seals = (_numbered(mail, name) for name in (_RESULTS, _SIGNATURE, _SEAL))
    numbers = range(1, len(seals) + 1)
    _require(results.keys() == signatures.keys() == seals.keys() == set(numbers))
    return [_Set(results[each], signatures[each], seals[each]) for each in numbers]


def _numbered(mail: SignedMail, name: bytes) -> dict[int, int]:
    """Return the places of the fields of a name by their numbers. Raises KeyError and ValueError."""
    places = mail.places(name)
    _require(len(places) <= MOST_SETS)
    found = {_instance(mail.fields[place]): place for place in places}
    _require(len(found) == len(places))
    return found


def _instance(field: Field) -> int:
    """Return the number of a field's set, 0 for what is none (§4.2.1). Raises KeyError and BadTags."""
    if field.name == _RESULTS:  # §4.1.1: no list of tags but for its beginning
        match = _INSTANCE.match(field.value)
        return int(match[1]) if match else 0
    number = field.tags()["i"]
    return int(number) if _NUMBER.match(number) else 0


def _message_signature(mail: SignedMail, newest: _Set) -> Signature:
    """Return the signature of the mail as the last hop passed it on (§4.1.2). Raises KeyError and ValueError."""
    tags = mail.fields[newest.signature].tags()
    del tags["i"]  # it is not that of RFC 6376, and there is none in its place
    _require(_SEAL.decode() not in re.split(r"[\s:]+", tags["h"].lower()))
    return hashed(mail, newest.signature, tags)


def _seals(mail: SignedMail, sets: Sequence[_Set]) -> list[Signature]:
    """Return the seals (§4.1.3, §5.1.1): each is over what all earlier ones are over, so that it is hashed once."""
    sealed = hashlib.sha256()
    seals: list[Signature] = []
    for each in sets:
        seal = mail.fields[each.seal]
        tags = seal.tags()
        _require("h" not in tags and tags["cv"].lower() == ("pass" if seals else "none"))
        sealed.update(mail.fields[each.results].relaxed() + mail.fields[each.signature].relaxed())
        own = sealed.copy()
        own.update(seal.unsigned(relaxed=True))
        seals.append(signature_of(tags, own.digest()))
        sealed.update(seal.relaxed())
    return seals


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("the chain is broken")
