"""The DKIM signatures of a mail, hashed (RFC 6376 §3, §6.1.1): what is costly in verifying them, and needs no key."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from daimon.kit.dns import is_host_name
from daimon.mail import bounds
from daimon.mail.canonical import FIELD, relaxed_body, relaxed_field, simple_body
from daimon.mail.tags import read_base64, read_tags

DkimResult = Literal["pass", "fail", "policy", "neutral", "none", "temperror", "permerror"]

MOST_SIGNATURES = 5  # of a mail that are looked at, the topmost
_SIGNATURE_OCTETS = 16 * 1024
_SINGLE = frozenset((b"subject", b"reply-to", b"content-type", b"content-transfer-encoding"))


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature of a mail, hashed: all that is missing is the key.

    `unsound` is the result that it has whatever the key is, None if the key decides.
    """

    domain: str
    selector: str = ""
    algorithm: str = ""  # `rsa` or `ed25519`
    identity: str = ""  # the domain of `i=`
    digest: bytes = b""  # of the header, which includes the hash of the body
    value: bytes = b""
    expires: int | None = None  # seconds since 1970
    unsound: DkimResult | None = None


class _Field(msgspec.Struct, frozen=True):
    name: bytes  # in lower case
    written: bytes  # with its line end
    value: bytes


class _Bad(ValueError):
    """The signature has a result already."""

    def __init__(self, result: DkimResult) -> None:
        super().__init__(result)
        self.result = result


def read(octets: bytes) -> tuple[Signature, ...]:
    """Return the topmost signatures of a mail. The body is hashed once for each canonicalization that they name."""
    header, body = _sections(octets)
    if header is None or b"dkim-signature" not in header.lower():
        return ()
    mail = _Mail(header, body)
    own = [place for place, each in enumerate(mail.fields) if each.name == b"dkim-signature"]
    return tuple(_signature(mail, place) for place in own[:MOST_SIGNATURES])


def _sections(octets: bytes) -> tuple[bytes | None, bytes]:
    """Return header and body; no header if it is longer than any that is read."""
    end = octets.find(b"\r\n\r\n", 0, bounds.HEADER_OCTETS)
    if end >= 0:
        return octets[: end + 2], octets[end + 4 :]
    return (octets, b"") if len(octets) <= bounds.HEADER_OCTETS else (None, b"")


class _Mail:
    """A mail's fields, and the hashes of its body."""

    def __init__(self, header: bytes, body: bytes) -> None:
        self.fields = [_Field(m[1].lower(), m[0], m[2]) for m in FIELD.finditer(header)]
        self.places: dict[bytes, list[int]] = {}
        for place, each in enumerate(self.fields):
            self.places.setdefault(each.name, []).append(place)
        self._is_whole = sum(len(each.written) for each in self.fields) == len(header)
        self._body = body
        self._hashes: dict[str, tuple[bytes, int]] = {}

    def is_sound(self, names: Sequence[bytes]) -> bool:
        """Return whether it is clear what a signature of these fields means.

        What is no field, such as a bare CR or LF, may be shown as one by whoever reads less strictly; and of two
        Subjects the one that is shown may not be the one that was signed (RFC 6376 §8.15).
        """
        several = [name for name in _SINGLE.intersection(names) if len(self.places.get(name, ())) > 1]
        return self._is_whole and len(self.places.get(b"from", ())) == 1 and not several

    def body_hash(self, form: str) -> tuple[bytes, int]:
        """Return the SHA-256 of the body and its length, in its `relaxed` or `simple` form."""
        if form not in self._hashes:
            body = relaxed_body(self._body) if form == "relaxed" else simple_body(self._body)
            self._hashes[form] = hashlib.sha256(body).digest(), len(body)
        return self._hashes[form]

    def signed(self, names: Sequence[bytes], own: int) -> Iterator[_Field]:
        """Yield the fields that names stand for: of several of one name the last first (§5.4.2)."""
        left = {name: [place for place in self.places.get(name, ()) if place != own] for name in set(names)}
        for name in names:
            if left[name]:
                yield self.fields[left[name].pop()]


def _signature(mail: _Mail, own: int) -> Signature:
    domain = ""
    try:
        tags = read_tags(mail.fields[own].value[:_SIGNATURE_OCTETS])
        domain = _host(tags["d"])
        return _hashed(mail, own, tags, domain)
    except _Bad as bad:
        return Signature(domain=domain, unsound=bad.result)
    except (ValueError, KeyError):  # BadTags is a ValueError, as what base64 says is
        return Signature(domain=domain, unsound="permerror")


def _hashed(mail: _Mail, own: int, tags: dict[str, str], domain: str) -> Signature:
    """Return a signature that the key decides about. Raises _Bad, KeyError and ValueError for one that is unsound."""
    algorithm, _, hashed = tags["a"].lower().partition("-")
    head_form, _, body_form = tags.get("c", "simple/simple").lower().partition("/")
    names = [name.strip(b" \t\r\n").lower() for name in tags["h"].encode().split(b":")]
    identity = tags.get("i", f"@{domain}").rpartition("@")[2].lower()
    _require(
        tags["v"] == "1"
        and algorithm in ("rsa", "ed25519")
        and hashed == "sha256"  # RFC 8301 §3.1: SHA-1 proves nothing any more
        and {head_form, body_form or "simple"} <= {"simple", "relaxed"}
        and b"from" in names
        and (identity == domain or identity.endswith(f".{domain}"))
        and "dns/txt" in tags.get("q", "dns/txt").lower()
        and mail.is_sound(names)
    )
    _check_body(mail, tags, body_form or "simple")
    return Signature(
        domain=domain,
        selector=_host(tags["s"]),
        algorithm=algorithm,
        identity=identity,
        digest=_digest(mail, own, names, relaxed=head_form == "relaxed"),
        value=read_base64(tags["b"]),
        expires=_number(tags["x"]) if "x" in tags else None,
    )


def _check_body(mail: _Mail, tags: dict[str, str], form: str) -> None:
    digest, size = mail.body_hash(form)
    if "l" in tags:
        covered = _number(tags["l"])
        _require(covered <= size)
        _require(covered == size, "policy")  # §8.2: anybody may have added the rest
    _require(read_base64(tags["bh"]) == digest, "fail")


def _digest(mail: _Mail, own: int, names: Sequence[bytes], *, relaxed: bool) -> bytes:
    """Return the hash of the signed fields and of the signature without its value (§3.7)."""
    hashing = hashlib.sha256()
    for each in mail.signed(names, own):
        hashing.update(relaxed_field(each.name, each.value) + b"\r\n" if relaxed else each.written)
    field = mail.fields[own]
    unsigned = _without_own_value(field.value)
    label = field.written[: len(field.written) - len(field.value) - 2]
    hashing.update(relaxed_field(field.name, unsigned) if relaxed else label + unsigned)
    return hashing.digest()


def _without_own_value(value: bytes) -> bytes:
    """Return the value of a signature's field with nothing behind `b=` (§3.5)."""
    tags = value.split(b";")
    for nth, tag in enumerate(tags):
        name, sign, _ = tag.partition(b"=")
        if name.strip() == b"b":
            tags[nth] = name + sign
    return b";".join(tags)


def _require(holds: bool, result: DkimResult = "permerror") -> None:
    if not holds:
        raise _Bad(result)


def _host(text: str) -> str:
    name = text.lower()
    _require(is_host_name(name))
    return name


def _number(text: str) -> int:
    _require(text.isascii() and text.isdecimal() and len(text) <= 20)
    return int(text)
