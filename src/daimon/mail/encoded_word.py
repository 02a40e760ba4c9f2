"""Encoded words in header fields (RFC 2047), the broken ones included."""

import binascii
import re

from daimon.mail import charset, transfer

# §2 forbids spaces inside; many senders leave them in.
_WORD = re.compile(r"=\?([^?\s]{1,64}+)\?([bBqQ])\?([^?]*+)\?=")
_BLANK = " \t\r\n"


def decode(text: str) -> str:
    """Return a field's text with its encoded words decoded; text without any comes back as it is."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    run: list[bytes] = []  # octets of neighbouring words in one charset: a character may be split between two
    label, at = "", 0
    for match in _WORD.finditer(text):
        between = text[at : match.start()]
        word_label = match[1].partition("*")[0].lower()  # RFC 2231 §5: charset*language
        if run and (between.strip(_BLANK) or word_label != label):
            pieces.append(charset.decode(b"".join(run), label)[0])
            run = []
        if between.strip(_BLANK) or not (pieces or run):
            pieces.append(between)  # §6.2: white space between two words is not shown
        label = word_label
        run.append(_octets(match[2], match[3]))
        at = match.end()
    if run:
        pieces.append(charset.decode(b"".join(run), label)[0])
    pieces.append(text[at:])
    return charset.clean("".join(pieces))


def _octets(encoding: str, payload: str) -> bytes:
    data = payload.encode("utf-8", "replace")
    if encoding in "bB":
        return transfer.base64(data)
    return binascii.a2b_qp(data, header=True)
