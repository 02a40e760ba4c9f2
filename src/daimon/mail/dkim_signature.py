"""The DKIM signatures of a mail, hashed (RFC 6376 §3, §6.1.1): what is costly in verifying them, and needs no key."""

from typing import Literal

import msgspec

from daimon.kit.dns import is_host_name
from daimon.mail.signed_mail import SignedMail
from daimon.mail.tags import read_base64

DkimResult = Literal["pass", "fail", "policy", "neutral", "none", "temperror", "permerror"]

MOST_SIGNATURES = 5  # of a mail that are looked at, the topmost


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


class _Bad(ValueError):
    """The signature has a result already."""

    def __init__(self, result: DkimResult) -> None:
        super().__init__(result)
        self.result = result


def read(mail: SignedMail) -> tuple[Signature, ...]:
    """Return the topmost signatures of a mail."""
    if not mail.mentions(b"dkim-signature"):
        return ()
    return tuple(_signature(mail, place) for place in mail.places(b"dkim-signature")[:MOST_SIGNATURES])


def hashed(mail: SignedMail, own: int, tags: dict[str, str]) -> Signature:
    """Return the signature at `own` with what it signs, ready for its key. Raises KeyError and ValueError.

    What only a DKIM-Signature has, `v=`, is its reader's to look at: others are made like it (RFC 8617 §4.1.2).
    """
    _algorithm(tags)
    domain = _host(tags["d"])
    head_form, _, body_form = tags.get("c", "simple/simple").lower().partition("/")
    names = [name.strip(b" \t\r\n").lower() for name in tags["h"].encode().split(b":")]
    identity = tags.get("i", f"@{domain}").rpartition("@")[2].lower()
    _require(
        {head_form, body_form or "simple"} <= {"simple", "relaxed"}
        and b"from" in names
        and (identity == domain or identity.endswith(f".{domain}"))
        and "dns/txt" in tags.get("q", "dns/txt").lower()
        and mail.is_sound(names)
    )
    _check_body(mail, tags, body_form or "simple")
    return msgspec.structs.replace(
        signature_of(tags, mail.digest(own, names, relaxed=head_form == "relaxed")),
        identity=identity,
        expires=_number(tags["x"]) if "x" in tags else None,
    )


def signature_of(tags: dict[str, str], digest: bytes) -> Signature:
    """Return the signature that tags hold, of a digest. Raises KeyError and ValueError."""
    domain = _host(tags["d"])
    return Signature(
        domain=domain,
        selector=_host(tags["s"]),
        algorithm=_algorithm(tags),
        identity=domain,
        digest=digest,
        value=read_base64(tags["b"]),
    )


def _signature(mail: SignedMail, own: int) -> Signature:
    domain = ""
    try:
        tags = mail.fields[own].tags()
        domain = _host(tags["d"])
        _require(tags["v"] == "1")
        return hashed(mail, own, tags)
    except _Bad as bad:
        return Signature(domain=domain, unsound=bad.result)
    except (ValueError, KeyError):  # BadTags is a ValueError, as what base64 says is
        return Signature(domain=domain, unsound="permerror")


def _algorithm(tags: dict[str, str]) -> str:
    algorithm, _, hash_name = tags["a"].lower().partition("-")
    _require(algorithm in ("rsa", "ed25519") and hash_name == "sha256")  # RFC 8301 §3.1: SHA-1 proves nothing any more
    return algorithm


def _check_body(mail: SignedMail, tags: dict[str, str], form: str) -> None:
    digest, size = mail.body_hash(form)
    if "l" in tags:
        covered = _number(tags["l"])
        _require(covered <= size)
        _require(covered == size, "policy")  # §8.2: anybody may have added the rest
    _require(read_base64(tags["bh"]) == digest, "fail")


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
