"""What is asked of HTML before a tree is built of it: building one of deeply nested HTML costs quadratic time.

Also the linear reader for HTML that asks too much: tags out, words in.
"""

import re
from html import unescape

from daimon.mail import bounds

_ANY_TAG = re.compile(r"<[/!?a-zA-Z][^>]*+>?")
_BLOCK_TAG = re.compile(r"(?i)</?(?:p|div|br|tr|li|h[1-6]|table|blockquote|ul|ol|hr)\b[^>]*+>?")
_UNREAD = re.compile(r"(?i)<(script|style|title|template|noscript)\b[^>]*+>?")
_HREF = re.compile(r"""(?i)<a\s[^<>]{0,2000}?href\s{0,5}=\s{0,5}["']?([^"'\s<>]{1,4096})""")
_DATA_URI = re.compile(r"(?i)data:[a-z0-9.+/-]{0,100}+(?:;[a-z0-9=-]{0,50}+){0,3}+,[A-Za-z0-9+/=%\s]{1000,}+")
_LONGEST_TAG = re.compile(r"<[^<>]{20000}")
# These close by themselves, or never open anything.
_SHALLOW = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
     "p", "li", "dt", "dd", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "html", "head", "body")
)  # fmt: skip
# Any tag but a shallow one written in lower case, as nearly all are.
_TAG = re.compile(rf"<(/?)(?!(?:{'|'.join(sorted(_SHALLOW))})[\s/>])([a-zA-Z][a-zA-Z0-9:-]{{0,30}}+)")
# A closing tag does not reach over these (HTML standard, "has an element in scope").
_BARRIERS = frozenset(("table", "marquee", "object", "applet", "template", "button", "select", "svg", "math"))
_LOOK_BACK = 24  # how far a closing tag may reach over unclosed ones


def without_data(html: str) -> str:
    """Return the HTML without embedded files, which hold nothing to read."""
    return _DATA_URI.sub("", html) if "data:" in html else html


def is_buildable(html: str) -> bool:
    """Tell whether the HTML nests so little that a tree of it is cheap."""
    if html.count("<") <= bounds.HTML_DEPTH:
        return True
    if _LONGEST_TAG.search(html):
        return False
    open_tags: list[str] = []
    for match in _TAG.finditer(html):
        closing, tag = match.groups()
        tag = tag.lower()
        if tag in _SHALLOW:
            continue
        if not closing:
            open_tags.append(tag)
            if len(open_tags) > bounds.HTML_DEPTH:
                return False
        elif open_tags and open_tags[-1] == tag:
            open_tags.pop()
        elif (place := _closed_by(tag, open_tags)) is not None:
            del open_tags[place]  # only this one: what was opened inside it may live on ("adoption agency")
    return True


def _closed_by(tag: str, open_tags: list[str]) -> int | None:
    for place in range(len(open_tags) - 1, max(-1, len(open_tags) - 1 - _LOOK_BACK), -1):
        if open_tags[place] == tag:
            return place
        if open_tags[place] in _BARRIERS:
            return None
    return None


def strip(html: str) -> str:
    """Return the words of HTML that is too deep for a tree: tags removed, in linear time."""
    text = _BLOCK_TAG.sub("\n", _without_unread(html))
    return unescape(_ANY_TAG.sub(" ", text))


def hrefs(html: str) -> list[str]:
    """Return the targets of links in HTML that is too deep for a tree."""
    return [unescape(match[1]) for _, match in zip(range(bounds.LINKS), _HREF.finditer(html), strict=False)]


def _without_unread(html: str) -> str:
    """Drop scripts, styles and comments: jump from each opening to its end, once."""
    pieces, at, lowered = [], 0, html.lower()
    dead: set[str] = set()  # ends that do not come any more
    for match in _UNREAD.finditer(lowered):
        closing = f"</{match[1]}"
        if match.start() < at or closing in dead:
            continue
        end = lowered.find(closing, match.end())
        if end < 0:
            dead.add(closing)
            continue
        pieces.append(html[at : match.start()])
        at = end
    pieces.append(html[at:])
    return "".join(pieces)
