"""What commands print: JSON for programs, and for people tables and lists that no control character can break."""

import json
from collections.abc import Mapping, Sequence

Fields = Mapping[str, object]


def as_json(value: object) -> str:
    """Return it for programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_table(rows: Sequence[Fields], columns: Sequence[str]) -> str:
    """Return rows under the names of their columns; numbers stand to the right."""
    cells = [[cell(row[column]) for column in columns] for row in rows]
    titles = [column.replace("_", " ") for column in columns]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    numeric = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in columns]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in (titles, *cells)
    )


def as_list(fields: Fields) -> str:
    """Return one thing, a field a line; the lines of a text stand below each other."""
    width = max(map(len, fields))
    between = "\n" + " " * (width + 2)
    return "\n".join(
        f"{name.replace('_', ' '):<{width}}  {between.join(map(cell, _lines(value)))}" for name, value in fields.items()
    )


def _lines(value: object) -> Sequence[object]:
    return value.rstrip().splitlines() if isinstance(value, str) else [value]


def cell(value: object) -> str:
    """Return a value on one line; nothing is a dash."""
    return "–" if value is None else plain(str(value))


def plain(text: str) -> str:
    """Return a text without what would move a terminal's cursor: people at the other end wrote it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
