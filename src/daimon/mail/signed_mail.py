"""A mail as its signatures see it (RFC 6376 §3): its fields as they are written, and the hashes of its body.

Everything is found out when it is asked for first, and once for all signatures of the mail.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from daimon.mail import bounds
from daimon.mail.canonical import FIELD, relaxed_body, relaxed_field, simple_body
from daimon.mail.tags import read_tags

_TAG_OCTETS = 16 * 1024  # of a field that are read as tags
_SINGLE = frozenset((b"subject", b"reply-to", b"content-type", b"content-transfer-encoding"))


class Field(msgspec.Struct, frozen=True):
    """A field of a header."""

    name: bytes  # in lower case
    written: bytes  # with its line end
    value: bytes

    def tags(self) -> dict[str, str]:
        """Return its tags. Raises BadTags."""
        return read_tags(self.value[:_TAG_OCTETS])

    def relaxed(self) -> bytes:
        """Return it in its relaxed form with a line end, as one that is signed (§3.7)."""
        return relaxed_field(self.name, self.value) + b"\r\n"

    def unsigned(self, *, relaxed: bool) -> bytes:
        """Return it as it signs itself: with nothing behind `b=`, and without a line end (§3.5, §3.7)."""
        value = _without_own_value(self.value)
        label = self.written[: len(self.written) - len(self.value) - 2]
        return relaxed_field(self.name, value) if relaxed else label + value


class SignedMail:
    """A mail's fields and body. Without any field if its header is longer than any that is read."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        end = octets.find(b"\r\n\r\n", 0, bounds.HEADER_OCTETS)
        whole = len(octets) if len(octets) <= bounds.HEADER_OCTETS else 0
        self._header = octets[: end + 2] if end >= 0 else octets[:whole]
        self._body_at = end + 4 if end >= 0 else len(octets)
        self._lowered = self._header.lower()
        self._hashes: dict[str, tuple[bytes, int]] = {}

    def mentions(self, name: bytes) -> bool:
        """Return whether there can be a field of a name, given in lower case: most mails are done with then."""
        return name in self._lowered

    @cached_property
    def fields(self) -> list[Field]:
        """Return all fields."""
        return [Field(m[1].lower(), m[0], m[2]) for m in FIELD.finditer(self._header)]

    def places(self, name: bytes) -> Sequence[int]:
        """Return where among the fields those of a name are."""
        return self._places.get(name, ())

    def is_sound(self, names: Sequence[bytes]) -> bool:
        """Return whether it is clear what a signature of these fields means.

        What is no field, such as a bare CR or LF, may be shown as one by whoever reads less strictly; and of two
        Subjects the one that is shown may not be the one that was signed (RFC 6376 §8.15).
        """
        several = [name for name in _SINGLE.intersection(names) if len(self.places(name)) > 1]
        return self._is_whole and len(self.places(b"from")) == 1 and not several

    def body_hash(self, form: str) -> tuple[bytes, int]:
        """Return the SHA-256 of the body and its length, in its `relaxed` or `simple` form."""
        if form not in self._hashes:
            body = self._octets[self._body_at :]
            body = relaxed_body(body) if form == "relaxed" else simple_body(body)
            self._hashes[form] = hashlib.sha256(body).digest(), len(body)
        return self._hashes[form]

    def digest(self, own: int, names: Sequence[bytes], *, relaxed: bool) -> bytes:
        """Return the hash of the fields that are signed, and of the signature itself (§3.7), which is at `own`."""
        hashing = hashlib.sha256()
        for each in self._signed(own, names):
            hashing.update(each.relaxed() if relaxed else each.written)
        hashing.update(self.fields[own].unsigned(relaxed=relaxed))
        return hashing.digest()

    def _signed(self, own: int, names: Sequence[bytes]) -> Iterator[Field]:
        """Yield the fields that names stand for: of several of one name the last first (§5.4.2)."""
        left = {name: [place for place in self.places(name) if place != own] for name in set(names)}
        for name in names:
            if left[name]:
                yield self.fields[left[name].pop()]

    @cached_property
    def _places(self) -> dict[bytes, list[int]]:
        places: dict[bytes, list[int]] = {}
        for place, each in enumerate(self.fields):
            places.setdefault(each.name, []).append(place)
        return places

    @cached_property
    def _is_whole(self) -> bool:
        return sum(len(each.written) for each in self.fields) == len(self._header)


def _without_own_value(value: bytes) -> bytes:
    tags = value.split(b";")
    for nth, tag in enumerate(tags):
        name, sign, _ = tag.partition(b"=")
        if name.strip() == b"b":
            tags[nth] = name + sign
    return b";".join(tags)
