"""What commands print: JSON for programs, and for people tables and lists that no control character can break."""

import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence

Fields = Mapping[str, object]

# How many characters of a text are left, and how many columns at least are kept for that; else the next one.
_READABLE = ((24, 3), (10, 1))
_UNCUT = ("id", "email", "address", "key", "name")  # what is copied into the next command
_UNSEEN = frozenset(
    "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{WORD JOINER}\ufeff"
)


def as_json(value: object) -> str:
    """Return it for programs."""
    import json

    return "\n".join(map(escaped, json.dumps(value, indent=2, ensure_ascii=False).split("\n")))


def escaped(text: str) -> str:
    r"""Return a line of JSON with all that a terminal might obey written as \u…."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def terminal_width() -> int | None:
    """Return how many columns standard output has; None if nobody reads it there."""
    if not sys.stdout.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given[:6]):
        return int(given[:6])
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def as_table(rows: Sequence[Fields], columns: Sequence[str], most: int | None = None) -> str:
    """Return rows under the names of their columns; numbers stand to the right.

    It is not wider than `most`, or the terminal: long texts are cut first, then columns at the end left out. What
    is copied into the next command is never cut.
    """
    most = most or terminal_width()
    numeric = [bool(rows) and all(isinstance(row[name], int) for row in rows) for name in columns]
    titles = [name.replace("_", " ") for name in columns]
    cells = [[cell(row[name]) for name in columns] for row in rows]
    widths = [max(map(width, column)) for column in zip(titles, *cells, strict=True)]
    if most:
        widths = _fitted(widths, [_may_be_cut(*each) for each in zip(columns, numeric, strict=True)], most)
    return "\n".join(
        "  ".join(
            filled(cut(text, most), most, right=right)
            for text, most, right in zip(line, widths, numeric, strict=False)  # the last ones may be left out
        ).rstrip()
        for line in (titles, *cells)
    )


def _may_be_cut(column: str, is_number: bool) -> bool:
    return not (is_number or column in _UNCUT or column.endswith(("_id", "_at")))


def _fitted(widths: list[int], cuttable: list[bool], most: int) -> list[int]:
    """Return the widths of the first columns, as many as fit into `most` with two spaces between them.

    Rather than that texts become unreadable, columns at the end are left out.
    """
    for floor, kept in _READABLE:
        least = [min(wide, floor) if may else wide for wide, may in zip(widths, cuttable, strict=True)]
        for count in range(len(widths), min(kept, len(widths)) - 1, -1):
            if (spare := most - sum(least[:count]) - 2 * (count - 1)) >= 0:
                return _spread(widths[:count], least[:count], spare)
    return widths[:1]


def _spread(widths: list[int], least: list[int], spare: int) -> list[int]:
    """Return widths that grew from the least ones by what can be spared, the most that is needed first."""
    grown = list(least)
    for at in sorted(range(len(widths)), key=lambda at: widths[at] - least[at]):
        more = min(spare, widths[at] - grown[at])
        grown[at] += more
        spare -= more
    return grown


def as_list(fields: Fields) -> str:
    """Return one thing, a field a line; the lines of a text stand below each other."""
    longest = max(map(len, fields))
    between = "\n" + " " * (longest + 2)
    return "\n".join(
        f"{name.replace('_', ' '):<{longest}}  {between.join(map(cell, _lines(value)))}".rstrip()
        for name, value in fields.items()
    )


def _lines(value: object) -> Sequence[object]:
    return value.rstrip().expandtabs().splitlines() if isinstance(value, str) else [value]


def cell(value: object) -> str:
    """Return a value on one line; nothing is a dash."""
    return "–" if value is None else plain(" ".join(str(value).splitlines()))


def plain(text: str) -> str:
    """Return a text without what would move a terminal's cursor: people at the other end wrote it.

    Spaces of any kind stay spaces, characters that show nothing are left out.
    """
    return text if text.isprintable() else "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isprintable():
        return character
    if character in _UNSEEN:
        return ""
    return " " if character.isspace() and (character > "\x7f" or character == "\t") else "\ufffd"


def width(text: str) -> int:
    """Return how many columns a printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, most: int) -> str:
    """Return a text that takes not more columns than that."""
    if width(text) <= most:
        return text
    taken = 1  # of the dots at the end
    for at, character in enumerate(text):
        taken += _width(character)
        if taken > most:
            return f"{text[:at]}…"
    return text


def filled(text: str, wide: int, *, right: bool = False) -> str:
    """Return a text with spaces behind it, or before, so that it takes so many columns."""
    spaces = " " * (wide - width(text))
    return spaces + text if right else text + spaces
