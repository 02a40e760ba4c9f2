"""How types are written: each kind once, side by side in both languages."""

from __future__ import annotations

from collections.abc import Callable

from sdk.generate.read import Type

PYTHON, TYPESCRIPT = 0, 2
_WORDS = {
    # In Python: received,   sent,                TypeScript: received,     sent; `%s` is what a kind is made of
    "str":    ("str",            "str",               "string",              "string"),
    "int":    ("int",            "int",               "number",              "number"),
    "float":  ("float",          "float",             "number",              "number"),
    "bool":   ("bool",           "bool",              "boolean",             "boolean"),
    "date":   ("str",            "Day",               "string",              "string"),
    "time":   ("datetime",       "Moment",            "string",              "string | Date"),
    "file":   ("FileLike",       "FileLike",          "FileInput",           "FileInput"),
    "free":   ("Dict[str, Any]", "Mapping[str, Any]", "Record<string, any>", "Record<string, any>"),
    "map":    ("Dict[str, %s]",  "Mapping[str, %s]",  "Record<string, %s>",  "Record<string, %s>"),
    "list":   ("List[%s]",       "Sequence[%s]",      "%s[]",                "readonly %s[]"),
    "commas": ("List[%s]",       "Sequence[%s]",      "%s[]",                "readonly %s[]"),
}  # fmt: skip


def written(kind: Type, language: int, inner: Callable[[Type], str], *, sent: bool) -> str:
    """Return a type of one of these kinds; `inner` writes what it is made of."""
    word = _WORDS[kind.kind][language + sent]
    return word % inner(kind.of[0]) if kind.of else word
