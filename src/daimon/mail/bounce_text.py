"""Bounces that are words alone: qmail, Exim, Exchange, Gmail, Yahoo, Domino and many more. Guesses, bounded in size."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from daimon.mail import bounce_phrases, bounds, reply_code
from daimon.mail.parsed import Dsn
from daimon.mail.reply_code import Codes

_LINES = 400
_LINE_CHARS = 1_000
_PARAGRAPH_LINES = 12
_OPENING_CHARS = 4_000  # how far into a text it says what it is

_ADDRESS = re.compile(
    r"[^\s<>()\[\]{}:;,\"'|=@]{1,64}+@[A-Za-z0-9\u0080-\U0010ffff][A-Za-z0-9.\u0080-\U0010ffff-]{0,253}"
)
_OPENING = re.compile(
    r"[ \t>*•·|-]{0,12}"
    r"(?:(?!from|sender|reply|message|subject|von|de\b)[^\W\d_][\w '-]{0,30}:[ \t]{0,4})?[<'\"(]?(?:mailto:)?"
    + f"({_ADDRESS.pattern})"
)
_REMOTE = re.compile(
    r"(?i)\b(?:host|from|by|server|mta)[ \t]{1,3}([a-z0-9-]{1,63}+(?:\.[a-z0-9-]{1,63}+){1,8})[ \t]?[\[(:]"
)
# What follows is the mail that came back, not what is said of it.
_COPY = re.compile(
    r"(?im)^[ \t>]{0,4}"
    r"(?:-{2,}[ \t]*(?:this is a copy of|below this line is a copy|original message|the (?:body|header)s? of|"
    r"returned (?:message|mail)|message header|forwarded message|ursprüngliche|message d'origine|mensaje original|"
    r"unsent message|transcript of message|retry as message)"
    r"|original message headers?:|(?:the )?(?:first|beginning|start) of the original message|message headers? follow|"
    r"received: from |return-path: <|ursprüngliche nachrichtenkopf)"
)


class BounceText(NamedTuple):
    """What a text says of a failed mail: of whom, and whether it is tried on."""

    recipients: tuple[Dsn, ...]
    delayed: bool


class _Paragraph(NamedTuple):
    address: str | None  # with which it opens
    text: str


def speaks_of_failure(subject: str, text: str) -> bool:
    """Tell whether a mail of a mail system is about one that was not delivered."""
    return subject_speaks_of_failure(subject) or bounce_phrases.FAILURES.are_in(
        text[:_OPENING_CHARS].lower().replace("\n", " ")
    )


def subject_speaks_of_failure(subject: str) -> bool:
    """Tell whether a subject is one of bounces."""
    return bounce_phrases.FAILURES.are_in(subject[:_LINE_CHARS].lower())


def read(subject: str, text: str, *, failed: Sequence[str], others: Collection[str]) -> BounceText:
    """Read the words of a bounce. `failed` are recipients known already; `others` are no recipients, in lower case.

    There is always one recipient, perhaps with nothing told of it.
    """
    said = _before_copy(text[: bounds.REPORT_TEXT_CHARS])
    paragraphs = list(_paragraphs(said, others))
    by_address = _by_address(paragraphs)
    addresses: Sequence[str | None] = list(failed) or list(by_address) or [_any_address(said, others)]
    delayed = _is_delayed(subject, said)
    alone = len(addresses) == 1
    recipients = (
        _recipient(address, _told_of(address, by_address, paragraphs, alone=alone), delayed=delayed)
        for address in addresses[: bounds.REPORT_RECIPIENTS]
    )
    return BounceText(tuple(recipients), delayed)


def _before_copy(text: str) -> str:
    match = _COPY.search(text)
    return text[: match.start()] if match and match.start() > 0 else text


def _paragraphs(text: str, others: Collection[str]) -> Iterator[_Paragraph]:
    """Yield what is set apart by empty lines or by a line that begins with a recipient."""
    address: str | None = None
    lines: list[str] = []
    for line in text.split("\n", _LINES)[:_LINES]:
        opening = _OPENING.match(line[:_LINE_CHARS])
        opened = _trimmed(opening[1]) if opening else None
        opened = None if opened and opened.lower() in others else opened
        if (opened or not line.strip(" \t\r>")) and (lines or address):
            yield _Paragraph(address, "\n".join(lines))
            address, lines = None, []
        if opened and opening:
            address = opened
        said = line[opening.end() :].lstrip(">:;,.)'\" \t") if opened and opening else line
        if said.strip() and len(lines) < _PARAGRAPH_LINES:
            lines.append(said[:_LINE_CHARS].lstrip(" \t>").rstrip())
    if lines or address:
        yield _Paragraph(address, "\n".join(lines))


def _by_address(paragraphs: Sequence[_Paragraph]) -> dict[str, str]:
    """Return what is said of each recipient: the first paragraph with a code, or the first one."""
    found: dict[str, str] = {}
    following: dict[str, str] = {}
    for paragraph, after in zip_longest(paragraphs, paragraphs[1:]):
        if paragraph.address is None:
            continue
        known = next((each for each in found if each.lower() == paragraph.address.lower()), paragraph.address)
        if not found.get(known) or (not _tells(found[known]) and _tells(paragraph.text)):
            found[known] = paragraph.text
        if after and after.address is None:
            following.setdefault(known, after.text)
    told = {address: text or following.get(address, "") for address, text in found.items()}
    with_codes = {address: text for address, text in told.items() if _tells(text)}
    return with_codes or told


def _told_of(address: str | None, by_address: dict[str, str], paragraphs: Sequence[_Paragraph], *, alone: bool) -> str:
    text = next((text for each, text in by_address.items() if address and each.lower() == address.lower()), "")
    if _tells(text) or not alone:
        return text
    return next((each.text for each in paragraphs if _tells(each.text)), text)


def _tells(text: str) -> bool:
    return reply_code.find(text) != Codes(None, None)


def _recipient(address: str | None, text: str, *, delayed: bool) -> Dsn:
    codes = reply_code.find(text)
    remote = _REMOTE.search(text)
    return Dsn(
        action="delayed" if delayed else "failed",
        status=codes.status,
        final_recipient=address,
        diagnostic=" ".join(text.split())[: bounds.REPORT_VALUE_CHARS] or None,
        remote_mta=remote[1].lower() if remote else None,
        smtp_code=codes.smtp_code,
    )


def _any_address(text: str, others: Collection[str]) -> str | None:
    for match in _ADDRESS.finditer(text):
        address = _trimmed(match[0])
        if address.lower() not in others:
            return address
    return None


def _trimmed(address: str) -> str:
    return address.strip(".-")


def _is_delayed(subject: str, text: str) -> bool:
    words = f"{subject[:_LINE_CHARS]}\n{text[:_OPENING_CHARS]}".lower().replace("\n", " ")
    return bounce_phrases.DELAYS.are_in(words) and not bounce_phrases.FINALS.are_in(words)
