"""MTA-STS (RFC 8461): the `_mta-sts` record, the policy file, and which hosts a policy allows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from daimon.mail.wildcard import any_covers

LONGEST_AGE = 31_557_600  # §3.2: seconds, about a year
MOST_HOSTS = 256  # ours: a real policy names a handful

# §3.1: a version, then fields in any order; unknown ones are passed over.
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)\Z")
_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*\Z")
_AGE = re.compile(r"[0-9]{1,10}\Z")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\Z")


class Mode(StrEnum):
    """What a domain asks of who sends to it."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MtaSts:
    """A domain's policy: `mx` are host names in lower case, `*.` before some; `max_age` is in seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def allows(self, host: str) -> bool:
        """Return whether a host may receive mail for the domain (§4.1)."""
        return any_covers(self.mx, host)


def record_id(texts: Iterable[bytes]) -> str | None:
    """Return the id in a domain's `_mta-sts` texts; None if they do not announce a policy, or not clearly (§3.1)."""
    announced = [text for text in texts if text.startswith(b"v=STSv1;")]
    return _id_of(announced[0]) if len(announced) == 1 else None


def parse_policy(octets: bytes) -> MtaSts | None:
    """Return the policy in a file; None for what is none (§3.2). Of a field that is there twice the first counts."""
    fields: dict[str, str] = {}
    hosts: list[str] = []
    for line in _lines(octets):
        if not (found := _LINE.match(line)):
            continue
        if found[1] == "mx":
            hosts.append(found[2].lower())
        else:
            fields.setdefault(found[1], found[2])
    return _policy(fields, hosts)


def _id_of(text: bytes) -> str | None:
    try:
        parts = [part.strip(" \t") for part in text.decode("ascii").split(";")[1:]]
    except UnicodeDecodeError:
        return None
    if parts and not parts[-1]:
        parts.pop()
    fields = [_FIELD.match(part) for part in parts]
    ids = [field[2] for field in fields if field and field[1] == "id"]
    return ids[0] if None not in fields and len(ids) == 1 and _ID.match(ids[0]) else None


def _lines(octets: bytes) -> list[str]:
    try:
        return octets.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        return []


def _policy(fields: dict[str, str], hosts: list[str]) -> MtaSts | None:
    age = fields.get("max_age", "")
    if fields.get("version") != "STSv1" or fields.get("mode") not in set(Mode) or not _AGE.match(age):
        return None
    mode = Mode(fields["mode"])
    if len(hosts) > MOST_HOSTS or not all(len(host) <= 255 and _HOST.match(host) for host in hosts):
        return None
    if not hosts and mode is not Mode.NONE:
        return None
    return MtaSts(mode, tuple(dict.fromkeys(hosts)), min(int(age), LONGEST_AGE))
