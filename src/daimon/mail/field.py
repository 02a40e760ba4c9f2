"""Header fields as they are written: folded, encoded where they have to be, and never with a line end inside."""

import binascii
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from daimon.mail.parsed import Mailbox

_LINE = 78  # characters, RFC 5322 §2.1.1
_LONGEST_WORD = 900  # octets; with the field's name and a space still within the 998 of a line
_NAME = re.compile(r"[!-9;-~]{1,76}\Z")  # RFC 5322 §3.6.8: printable ASCII but the colon
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_VISIBLE = re.compile(r"[ -~]*\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,996}>\Z")
# A token that is left bare: without the marks of RFC 2231 §7, which readers look for in it.
_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]{1,60}\Z")
_QUOTABLE = re.compile(r"[ !#-\[\]-~]{0,60}\Z")
# An encoded word is at most 75 characters (RFC 2047 §2), twelve of which are `=?utf-8?q??=`.
_PAYLOAD = 63
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # §5 (3), for phrases too


class BadField(ValueError):
    """What was given cannot stand in a header field."""


def unstructured(name: str, value: str) -> str:
    """Return a field of free text (RFC 5322 §2.2.1), without a line end after it."""
    _check(name, value)
    pieces = value.split(" ")
    is_plain = _VISIBLE.match(value) and "=?" not in value and all(pieces)
    if value and not (is_plain and max(map(len, pieces)) <= _LONGEST_WORD):
        pieces = list(_encoded_words(value))
    return _folded(name, pieces)


def mailboxes(name: str, people: Sequence[Mailbox]) -> str:
    """Return an address field (RFC 5322 §3.4). A part before `@` beyond ASCII stays as it is (RFC 6532)."""
    pieces: list[str] = []
    for person in people:
        _check(name, person.address)
        if " " in person.address or not person.address:
            raise BadField(f"{person.address[:80]!r} is no address to write")
        if person.name:
            _check(name, person.name)
            pieces += [*_phrase(person.name), f"<{person.address}>,"]
        else:
            pieces.append(f"{person.address},")
    pieces[-1] = pieces[-1][:-1]
    return _folded(name, pieces)


def words(name: str, ids: Sequence[str]) -> str:
    """Return a field of message ids (RFC 5322 §3.6.4), each in its angle brackets."""
    for each in ids:
        if not _ID.match(each):
            raise BadField(f"{each[:80]!r} is no message id")
    return _folded(name, ids)


def parameter(name: str, value: str) -> str:
    """Return a parameter to stand behind a field's value, on a line of its own (RFC 2045 §5.1, RFC 2231 §4)."""
    _check(name, value)
    if _TOKEN.match(value):
        return f";\r\n {name}={value}"
    if _QUOTABLE.match(value):
        return f';\r\n {name}="{value}"'
    return f";\r\n {name}*=utf-8''{quote(value, safe='', errors='replace')}"


def _check(name: str, value: str) -> None:
    if not _NAME.match(name):
        raise BadField(f"{name[:80]!r} is no name of a header field")
    if _CONTROLS.search(value):
        raise BadField(f"{name}: control characters, line ends among them, cannot stand in a header field")


def _phrase(text: str) -> Sequence[str]:
    """Return a display name (RFC 5322 §3.2.5)."""
    if "=?" not in text and len(text) <= _LONGEST_WORD:
        if _ATOMS.match(text):
            return text.split(" ")
        if _VISIBLE.match(text) and len(text) <= _LINE:
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            return [f'"{quoted}"']
    return list(_encoded_words(text))


def _encoded_words(text: str) -> Iterator[str]:
    """Yield encoded words (RFC 2047 §2) in UTF-8, each of whole characters, all in the encoding that is shorter."""
    octets = [character.encode("utf-8", "replace") for character in text]
    size = sum(map(len, octets))
    in_q = sum(1 if each[0] in _Q_PLAIN or each == b" " else 3 * len(each) for each in octets)
    is_q = in_q <= -(-size // 3) * 4
    run: list[bytes] = []
    used, most = 0, _PAYLOAD if is_q else _PAYLOAD // 4 * 3
    for each in octets:
        cost = len(_q(each)) if is_q else len(each)
        if used + cost > most:
            yield _word(b"".join(run), is_q=is_q)
            run, used = [], 0
        run.append(each)
        used += cost
    yield _word(b"".join(run), is_q=is_q)


def _word(octets: bytes, *, is_q: bool) -> str:
    if is_q:
        return f"=?utf-8?q?{_q(octets)}?="
    return f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode()}?="


def _q(octets: bytes) -> str:
    return "".join(chr(each) if each in _Q_PLAIN else "_" if each == 0x20 else f"={each:02X}" for each in octets)


def _folded(name: str, pieces: Sequence[str]) -> str:
    """Return a field of pieces with a space between two, or a fold (RFC 5322 §2.2.3) where a line would be too long."""
    line, lines = f"{name}:", []
    for nth, piece in enumerate(pieces):
        if nth and len(line) + 1 + len(piece) > _LINE:
            lines.append(line)
            line = ""
        line += f" {piece}"
    return "\r\n".join([*lines, line])
