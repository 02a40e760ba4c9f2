"""The arguments of MAIL, RCPT and BDAT (RFC 5321 §4.1.2, RFC 3030 §2)."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

# A source route before the mailbox is accepted and ignored (RFC 5321 §4.1.1.3), a space behind the colon forgiven.
# The quantifiers are possessive: the match never looks at a character twice.
_PATH: Final = r""": *+<(?:@[^<>:"\s]*+:)?+((?:[^\s"<>]++|"(?:[^"\\]++|\\.)*+")*+)> *+(?:(?<= )(.+))?"""
_REVERSE_PATH: Final = re.compile("FROM" + _PATH, re.IGNORECASE)
_FORWARD_PATH: Final = re.compile("TO" + _PATH, re.IGNORECASE)
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=\x00-\x1f]+))?")
_NONE: Final[Mapping[str, str | None]] = MappingProxyType({})
_CHUNK: Final = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE)


class BadSyntax(ValueError):
    """The argument is not what the RFC says."""


class Path(NamedTuple):
    """A path without its angle brackets (empty: the null reverse-path), and the parameters behind it."""

    mailbox: str
    parameters: Mapping[str, str | None]


class Chunk(NamedTuple):
    """The argument of BDAT."""

    size: int
    last: bool


def read_reverse_path(argument: str) -> Path:
    """Return what stands behind `MAIL`. Raises BadSyntax."""
    return _read_path(_REVERSE_PATH.fullmatch(argument))


def read_forward_path(argument: str) -> Path:
    """Return what stands behind `RCPT`. Raises BadSyntax."""
    return _read_path(_FORWARD_PATH.fullmatch(argument))


def _read_path(match: "re.Match[str] | None") -> Path:
    if match is None:
        raise BadSyntax
    mailbox, parameters = match.groups()
    return Path(mailbox, _read_parameters(parameters) if parameters else _NONE)


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
    return not any(char < " " or "\x7f" <= char <= "\x9f" for char in command)
