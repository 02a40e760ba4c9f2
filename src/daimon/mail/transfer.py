"""Content-Transfer-Encoding (RFC 2045 §6), decoded as far as it goes: broken content is still content."""

import binascii
import re

_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_PADDED_RUNS = 1_000  # encoded pieces put one after the other; more is noise
_PADDING = re.compile(rb"=++")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]*+\r?\n", re.MULTILINE)


def decode(octets: bytes, encoding: str) -> bytes:
    """Return the content of a body; an unknown encoding is taken for none."""
    match encoding:
        case "base64":
            return base64(octets)
        case "quoted-printable":
            return binascii.a2b_qp(octets)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return uuencode(octets)
        case _:
            return octets


def base64(octets: bytes) -> bytes:
    """Return what base64 text holds: foreign octets are skipped, missing or inner padding is forgiven."""
    kept = octets.translate(None, _NOT_BASE64)
    body = kept.rstrip(b"=")
    inner = body.count(b"=")
    if inner == 0:
        return _whole(body)
    if inner > _PADDED_RUNS:
        return _whole(body.replace(b"=", b""))
    return b"".join(_whole(run) for run in _PADDING.split(body))


def _whole(digits: bytes) -> bytes:
    if len(digits) % 4 == 1:  # a lone last digit holds six bits: not an octet
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def uuencode(octets: bytes) -> bytes:
    """Return what the first uuencoded file in the octets holds, as far as its lines are sound."""
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    lines: list[bytes] = []
    for line in octets[begin.end() :].splitlines():
        if line in (b"end", b"`", b""):
            break
        try:
            lines.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Trailing junk after a line's octets, as old encoders wrote it.
            lines.append(_uu_prefix(line))
    return b"".join(lines)


def _uu_prefix(line: bytes) -> bytes:
    length = ((line[0] - 32) & 63) * 4 // 3 + 4
    try:
        return binascii.a2b_uu(line[: length // 4 * 4 + 1])
    except binascii.Error:
        return b""
