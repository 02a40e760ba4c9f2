"""The address fields of a header: mailbox lists and groups (RFC 5322 §3.4), the obsolete and the broken ones too.

The grammar is read before encoded words are decoded (RFC 2047 §6.2): an encoded `<` or `,` is part of a name, and
cannot forge an address.
"""

import re
from collections.abc import Iterator
from itertools import islice

from daimon.mail import bounds, encoded_word
from daimon.mail.parsed import Mailbox

_TOKEN = re.compile(
    r"""  (?P<blank> \s++ )
        | "(?P<quoted> (?:[^"\\]++|\\.)*+ )"?
        | (?P<atom> =\?[^?\s]{1,64}+\?[bBqQ]\?[^?\s]*+\?=   # an encoded word may hold any sign
                  | \[[^\[\]\s]*+\]                         # a domain literal holds colons
                  | [^\s"<>,;:()\[\]]++ )
        | (?P<sign> . )""",
    re.VERBOSE | re.DOTALL,
)
# Most fields hold mailboxes of plain letters alone: `Ada King <ada@example.org>, "Bo" <bo@example.org>, c@example.org`.
_ADDRESS = r"[A-Za-z0-9._+=-]{1,64}@[A-Za-z0-9.-]{1,255}"
_NAME = r"[A-Za-z0-9._-]{1,60}+(?:[ ][A-Za-z0-9._-]{1,60}+){0,9}+"
_USUAL = re.compile(rf'(?:(?:(")?({_NAME})(?(1)")[ ])?<({_ADDRESS})>|({_ADDRESS}))(?:,[ ]?|\Z)')
# Some names have but one of their quotes, or a few blanks too many.
_SLOPPY = re.compile(rf'"?([A-Za-z0-9][A-Za-z0-9 _-]{{0,60}}[A-Za-z0-9])"?[ ]<({_ADDRESS})>\Z')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NAME_CHARS = 500
_ADDRESS_CHARS = 320  # 64 + @ + 255


def parse(text: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a field; groups are flattened, what holds no address is left out."""
    text = text[: bounds.FIELD_OCTETS]
    if "@" not in text and "<" not in text:
        return ()
    if found := _usual(text):
        return found
    if sloppy := _SLOPPY.match(text):
        return (Mailbox(sloppy[2], sloppy[1]),)
    return tuple(islice(_Reader().read(text), bounds.MAILBOXES))


def _usual(text: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a field that holds usual ones alone; none if it holds anything else."""
    found: list[Mailbox] = []
    at = 0
    while len(found) < bounds.MAILBOXES and at < len(text):
        match = _USUAL.match(text, at)
        if match is None:
            return ()
        found.append(Mailbox(match[3] or match[4], match[2]))
        at = match.end()
    return tuple(found)


class _Reader:
    """Reads tokens from left to right; a comma, a semicolon or the end completes a mailbox."""

    def __init__(self) -> None:
        self.comment_depth = 0
        self.start()

    def start(self) -> None:
        self.words: list[tuple[list[str], list[str]]] = []  # of the phrase or bare address: (as written, as meant)
        self.route: list[str] | None = None  # what stands between < and >, None outside
        self.address: str | None = None  # a closed <address>
        self.comments: list[str] = []
        self.glued = False  # no white space since the last word

    def read(self, text: str) -> Iterator[Mailbox]:
        for token in _TOKEN.finditer(text):
            if self.comment_depth:
                self.comment(token)
            elif token.lastgroup == "sign" and token[0] in ",;" and not self.in_source_route(token[0]):
                yield from self.complete()
            else:
                self.take(token)
        yield from self.complete()

    def take(self, token: re.Match[str]) -> None:
        match token.lastgroup, token[0]:
            case "blank", _:
                self.glued = False
            case "sign", "(":
                self.comment_depth = 1
            case "sign", "<":
                self.route = []
            case "sign", ">" if self.route is not None:
                self.address, self.route = "".join(self.route), None
            case "sign", ":" if self.route is None:
                self.words.clear()  # it was the name of a group
            case "sign", ">" | ")":
                pass
            case "quoted", written:
                self.word(written, _ESCAPED.sub(r"\1", token["quoted"]))
            case _, written:
                self.word(written, written)

    def word(self, written: str, meant: str) -> None:
        if self.route is not None:
            self.route.append(written)
        elif self.glued and self.words:
            self.words[-1][0].append(written)
            self.words[-1][1].append(meant)
        else:
            self.words.append(([written], [meant]))
        self.glued = True

    def comment(self, token: re.Match[str]) -> None:
        """RFC 5322 §3.2.2: comments nest; a counter is all it takes."""
        match token[0]:
            case "(":
                self.comment_depth += 1
            case ")":
                self.comment_depth -= 1
            case text if len(self.comments) < _NAME_CHARS:
                self.comments.append(text)

    def in_source_route(self, sign: str) -> bool:
        """RFC 5322 §4.4: `<@a,@b:user@domain>` holds commas; any other comma ends an unclosed `<`."""
        return sign == "," and self.route is not None and "".join(self.route[:1]).startswith("@")

    def complete(self) -> Iterator[Mailbox]:
        words = [("".join(written), "".join(meant)) for written, meant in self.words]
        address = self.address if self.route is None else "".join(self.route)  # perhaps a `<` without `>`
        if address is None:
            at = next((place for place, (written, _) in enumerate(words) if "@" in written), None)
            if at is not None:
                address = words.pop(at)[0]
        name = encoded_word.decode(" ".join(meant for _, meant in words) or "".join(self.comments))
        mailbox = _mailbox(address or "", name)
        self.start()
        if mailbox is not None:
            yield mailbox


def _mailbox(address: str, name: str) -> Mailbox | None:
    if address.startswith("@"):  # the source route is obsolete and ignored (RFC 5321 §4.1.1.3)
        address = address.partition(":")[2]
    address = _CONTROLS.sub("", address).strip()
    name = _CONTROLS.sub(" ", name).strip().strip("'")[:_NAME_CHARS].strip()
    if not address or len(address) > _ADDRESS_CHARS:
        return None
    return Mailbox(address, name or None)
