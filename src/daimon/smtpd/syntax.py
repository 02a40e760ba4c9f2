"""The arguments of MAIL, RCPT and BDAT (RFC 5321 §4.1.2, RFC 3030 §2)."""

import re
from typing import Final, NamedTuple

# A source route before the mailbox is accepted and ignored (RFC 5321 §4.1.1.3). No two alternatives
# begin with the same character, so the match takes one look at each.
_PATH: Final = re.compile(r'<(?:@[^<>:"\s]*:)?((?:[^\s"<>]|"(?:[^"\\]|\\.)*")*)>(?: +(.*))?')
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=\x00-\x1f]+))?")
_CHUNK: Final = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE)


class BadSyntax(ValueError):
    """The argument is not what the RFC says."""


class Path(NamedTuple):
    """A path without its angle brackets (empty: the null reverse-path), and the parameters behind it."""

    mailbox: str
    parameters: dict[str, str | None]


class Chunk(NamedTuple):
    """The argument of BDAT."""

    size: int
    last: bool


def read_path(keyword: str, argument: str) -> Path:
    """Return the path behind `FROM:` or `TO:`. Raises BadSyntax. A space behind the colon is forgiven."""
    if argument[: len(keyword)].upper() != keyword:
        raise BadSyntax
    match = _PATH.fullmatch(argument[len(keyword) :].strip(" "))
    if match is None:
        raise BadSyntax
    mailbox, parameters = match.groups()
    return Path(mailbox, _read_parameters(parameters) if parameters else {})


def _read_parameters(text: str) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in parameters:
            raise BadSyntax
        parameters[match[1].upper()] = match[2]
    return parameters


def read_chunk(argument: str) -> Chunk:
    """Return what BDAT announces. Raises BadSyntax."""
    match = _CHUNK.fullmatch(argument.strip(" "))
    if match is None:
        raise BadSyntax
    return Chunk(int(match[1]), match[2] is not None)


def is_text(command: str) -> bool:
    """Tell whether a command is without control characters."""
    return command.isprintable() or not any(char < " " or "\x7f" <= char <= "\x9f" for char in command)
