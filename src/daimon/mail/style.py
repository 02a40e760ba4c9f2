"""The little of CSS that decides whether text can be seen."""

import re
from functools import lru_cache
from typing import NamedTuple

_DECLARATION = re.compile(r"([a-z-]{1,40}+)\s*+:\s*+([^;]{1,200}+)")
_ZERO = re.compile(r"(?:0+(?:\.0+)?|0?\.0\d*|1)(?:px|pt|em|rem|%|vw)?\Z")
_NONE = re.compile(r"0+(?:\.0+)?(?:px|pt|em|rem|%)?\Z")
# Declarations that hide by themselves.
_HIDING = {
    "display": re.compile("none"),
    "mso-hide": re.compile("all"),
    "visibility": re.compile("hidden|collapse"),
    "opacity": _NONE,
    "font-size": _ZERO,
}
_OFF_SCREEN = re.compile(r"-\d{3,}(?:\.\d+)?(?:px|em|pt|rem|%)?\Z")
_CLASS = re.compile(r"\.([a-zA-Z_][\w-]{0,100})\Z")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b")
_NAMED = {"white": "ffffff", "black": "000000", "red": "ff0000", "yellow": "ffff00", "gray": "808080"}


class Look(NamedTuple):
    """What an inline style says about being seen."""

    hidden: bool
    color: str | None
    background: str | None  # None: not said
    background_unknown: bool


PLAIN = Look(False, None, None, False)


@lru_cache(maxsize=512)  # a mail repeats a few styles over and over
def look(style: str) -> Look:
    """Read an inline style."""
    said = _declared(style.lower())
    background = said.get("background-image") or said.get("background-color") or said.get("background")
    known = color(background) if background else None
    found = Look(_hides(said), color(said.get("color")), known, background is not None and known is None)
    return PLAIN if found == PLAIN else found


def color(value: str | None) -> str | None:
    """Return a colour as six hex digits, or None if it is none we read."""
    if not value:
        return None
    value = value.strip().lower()
    if match := _HEX.match(value if value.startswith("#") else f"#{value}"):
        digits = match[1]
        return digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    if match := _RGB.match(value):
        return "".join(f"{min(int(part), 255):02x}" for part in match.groups())
    return _NAMED.get(value.split(" ", 1)[0].removesuffix("!important"))


def hidden_classes(sheet: str) -> frozenset[str]:
    """Return the classes that a style sheet hides outright; what it hides for some screens is not hidden."""
    found: set[str] = set()
    depth = 0
    for chunk in sheet.lower().split("}"):
        opened = chunk.count("{")
        if depth == 0 and opened == 1:  # deeper is `@media`
            selectors, _, body = chunk.partition("{")
            if "." in selectors and _hides(_declared(body[:2000])):
                found |= {named[1] for one in selectors.split(",") if (named := _CLASS.match(one.strip()))}
        depth = max(0, depth + opened - 1)
    return frozenset(found)


def _declared(text: str) -> dict[str, str]:
    return {name: value.strip() for name, value in _DECLARATION.findall(text)}


def _hides(said: dict[str, str]) -> bool:
    for name, value in said.items():
        if (hiding := _HIDING.get(name)) is not None and hiding.match(_bare(value)):
            return True
    if said.get("overflow", "").startswith("hidden") and (
        _NONE.match(_bare(said.get("max-height"))) or _NONE.match(_bare(said.get("height")))
    ):
        return True
    if said.get("position", "").startswith(("absolute", "fixed")):
        return any(_OFF_SCREEN.match(_bare(said.get(side))) for side in ("left", "top", "right", "margin-left"))
    return "text-indent" in said and _OFF_SCREEN.match(_bare(said["text-indent"])) is not None


def _bare(value: str | None) -> str:
    return value.removesuffix("!important").strip() if value else ""
