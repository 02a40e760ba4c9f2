"""What an SMTP server says that it can do, in its reply to EHLO (RFC 5321 §4.1.1.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from daimon.mail.reply_reader import RawReply

_SIZE_DIGITS = 20  # RFC 1870 §3


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions that are offered, by their keywords, with their parameters, in upper case."""

    keywords: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, ehlo: RawReply) -> Self:
        """Read the reply to EHLO, whose first line is a greeting. What cannot be read is not offered."""
        return cls(dict(_keywords(ehlo.lines[1:])))

    @classmethod
    def none(cls) -> Self:
        """Return what a server offers that knows only HELO."""
        return cls({})

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def max_size(self) -> int | None:
        """The octets that a message may have, or None if no limit is told (RFC 1870 §4)."""
        told = self.keywords.get("SIZE", ())
        if not told or not told[0].isdecimal() or len(told[0]) > _SIZE_DIGITS:
            return None
        return int(told[0]) or None

    @property
    def auth(self) -> tuple[str, ...]:
        """The ways to authenticate (RFC 4954 §3)."""
        return self.keywords.get("AUTH", ())


def _keywords(lines: Iterable[bytes]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for line in lines:
        words = line.decode("ascii", "replace").upper().split()
        if not words:
            continue
        keyword, *parameters = words
        if "=" in keyword:  # `AUTH=LOGIN`, from before RFC 2554
            keyword, _, first = keyword.partition("=")
            parameters.insert(0, first)
        yield keyword, tuple(parameters)
