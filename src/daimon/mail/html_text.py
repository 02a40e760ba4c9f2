"""HTML as a reader sees it: text with its lines, the links, and what was written so as not to be seen."""

import re
from collections.abc import Callable
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from daimon.mail import bounds, charset, html_guard, style
from daimon.mail.parsed import Link

_SKIPPED = frozenset(
    ("script", "style", "title", "template", "noscript", "svg", "math", "object", "iframe", "select", "textarea")
)
_PARAGRAPH = ("hr", "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "form")
_LINE = (
    "div", "tr", "dt", "dd", "dl", "section", "article", "header", "footer", "main", "aside", "nav", "figure",
    "figcaption", "center", "address",
)  # fmt: skip
_FILLER = re.compile(r"[\s\u00a0\u00ad\u034f\u061c\u115f\u17b4\u180e\u2007\u200b-\u200f\u2060\ufeff]++")
_MANY_LINES = re.compile(r"\n{3,}+")
_SHEET = re.compile(r"(?i)<style")
_SHOWING_ALONE = frozenset(("hidden", "bgcolor", "background", "color"))  # attributes that say how text shows
_SHOWING = _SHOWING_ALONE | {"style", "class"}
_Attributes = dict[str, str | None]
_PREHEADER_CHARS = 250
_WHITE = "ffffff"


class Rendered(NamedTuple):
    """What reading HTML gave. `hidden` is text that cannot be seen; a preheader is not counted as such."""

    text: str
    links: tuple[Link, ...]
    hidden: tuple[str, ...]
    preheader: str
    cut: bool


def render(html: str) -> Rendered:
    """Return the text, links and hidden text of HTML, whatever it is."""
    html = html_guard.without_data(html)
    cut = len(html) > bounds.HTML_CHARS_READ
    html = html[: bounds.HTML_CHARS_READ]
    if not html_guard.is_buildable(html):
        links = tuple(Link(url[: bounds.URL_CHARS], "") for url in html_guard.hrefs(html))
        return Rendered(_tidy(html_guard.strip(html)), links, (), "", True)
    tree = LexborHTMLParser(html)
    walk = _Walk()
    if tree.root is not None:
        if "style" in html and _SHEET.search(html):  # sheets hold for what stands before them too
            for sheet in tree.tags("style"):
                walk.sheet(sheet.text() or "")
        walk.over(tree.root)
    return walk.rendered(cut)


class _Look(NamedTuple):
    """How the text of an element shows; handed down until an element says otherwise."""

    hidden: bool
    background: str | None  # None: not known
    color: str | None
    unseen: bool  # hidden, or of the same colour as what is behind it


class _Walk:
    """Goes through the tree without recursion and writes lines."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.line_empty = True
        self.space = False
        self.quotes = 0
        self.pre = 0
        self.kept_blanks = False
        self.lists: list[int] = []  # the number of the next item; -1 for bullets
        self.anchor: tuple[str, int] | None = None  # the open link: its target and where its text begins in `out`
        self.links: list[Link] = []
        self.hidden: list[str] = []
        self.seen_text = False
        self.preheader = ""
        self.hidden_classes: frozenset[str] = frozenset()
        self.has_sheet = False
        self.looks: dict[tuple[_Look, str | None, str | None], _Look] = {}
        self.style_chars = 0

    def over(self, root: LexborNode) -> None:
        """Visit every node, an element before what it holds and again after it."""
        above: list[tuple[LexborNode, str, _Look]] = []
        look = _Look(False, _WHITE, None, False)
        node = root.first_child
        while True:
            if node is None:
                if not above:
                    return
                element, tag, look = above.pop()
                if end := _END.get(tag):
                    end(self)
                node = element.next
                continue
            tag = node.tag or ""
            if tag == "-text":
                if look.unseen:
                    self.hide(node.text_content or "")
                else:
                    self.text(node.text_content or "")
            elif tag not in _SKIPPED and not tag.startswith("-"):
                attributes = node.attributes
                inner = look if _SHOWING.isdisjoint(attributes) else self.look(attributes, look)
                if inner.hidden:
                    tag = ""
                elif begin := _BEGIN.get(tag):
                    begin(self, attributes)
                above.append((node, tag, look))
                look = inner
                node = node.first_child
                continue
            node = node.next

    def look(self, attributes: _Attributes, outer: _Look) -> _Look:
        """Return how an element shows, from its own attributes and what holds around it."""
        if not _SHOWING_ALONE.isdisjoint(attributes):
            return self.fresh_look(attributes, outer)
        key = (outer, attributes.get("style"), attributes.get("class"))  # a mail repeats a few over and over
        found = self.looks.get(key)
        if found is None:
            found = self.looks[key] = self.fresh_look(attributes, outer)
        return found

    def fresh_look(self, attributes: _Attributes, outer: _Look) -> _Look:
        inline = attributes.get("style")
        said = style.look(inline[: bounds.STYLE_ATTRIBUTE_CHARS]) if inline else style.PLAIN
        if said is style.PLAIN and not self.has_sheet and _SHOWING_ALONE.isdisjoint(attributes):
            return outer
        classes = (attributes.get("class") or "").lower().split() if self.has_sheet else ()
        hidden = outer.hidden or said.hidden or "hidden" in attributes
        if classes and not self.hidden_classes.isdisjoint(classes):
            hidden = True
        background = said.background or outer.background
        if "bgcolor" in attributes:
            background = style.color(attributes["bgcolor"]) or background
        if said.background_unknown or "background" in attributes or (classes and said.background is None):
            background = None  # an image, a gradient, or a sheet's rule
        color = said.color or outer.color
        if "color" in attributes:
            color = style.color(attributes["color"]) or color
        return _Look(hidden, background, color, hidden or (color is not None and color == background))

    def sheet(self, text: str) -> None:
        self.has_sheet = True
        read = text[: max(0, bounds.STYLE_CHARS - self.style_chars)]
        self.style_chars += len(read)
        self.hidden_classes |= style.hidden_classes(read)

    def text(self, text: str) -> None:
        if self.pre:
            self.kept_blanks = True
            for number, line in enumerate(text.split("\n")):
                if number:
                    self.newline()
                self.write(line)
            return
        words = " ".join(text.split())
        if not words or (not words.isascii() and not _FILLER.sub("", words)):
            self.space = True
            return
        self.space = self.space or text[0].isspace()
        self.write(words)
        self.space = text[-1].isspace()

    def hide(self, text: str) -> None:
        words = _FILLER.sub(" ", text).strip()
        if not words:
            return
        if not self.seen_text and len(self.preheader) + len(words) <= _PREHEADER_CHARS:
            self.preheader = f"{self.preheader} {words}".strip()
        elif len(self.hidden) < bounds.LINKS:
            self.hidden.append(words[:1000])

    def write(self, text: str) -> None:
        if not text:
            return
        if self.line_empty and self.quotes:
            self.out.append("> " * min(self.quotes, 20))
        elif self.space and not self.line_empty:
            self.out.append(" ")
        self.space = False
        self.line_empty = False
        self.seen_text = True
        self.out.append(text)

    def newline(self) -> None:
        if not self.line_empty or (self.out and self.out[-1] != "\n"):
            self.out.append("\n")
        self.line_empty = True
        self.space = False

    def paragraph(self) -> None:
        """An empty line, unless there is one."""
        self.newline()
        if self.out and self.out[-2:] != ["\n", "\n"]:
            self.out.append("\n")

    def begin_line(self, _: _Attributes) -> None:
        self.newline()

    def begin_paragraph(self, _: _Attributes) -> None:
        self.paragraph()

    def begin_cell(self, _: _Attributes) -> None:
        self.space = True

    def end_cell(self) -> None:
        self.space = True

    def begin_quote(self, _: _Attributes) -> None:
        self.paragraph()
        self.quotes += 1

    def end_quote(self) -> None:
        self.newline()
        self.quotes -= 1
        self.paragraph()

    def begin_pre(self, _: _Attributes) -> None:
        self.paragraph()
        self.pre += 1

    def end_pre(self) -> None:
        self.pre -= 1
        self.paragraph()

    def begin_bullets(self, _: _Attributes) -> None:
        self.around_list()
        self.lists.append(-1)

    def begin_numbers(self, _: _Attributes) -> None:
        self.around_list()
        self.lists.append(1)

    def end_list(self) -> None:
        self.lists.pop()
        self.around_list()

    def around_list(self) -> None:
        if self.lists:
            self.newline()
        else:
            self.paragraph()

    def begin_item(self, _: _Attributes) -> None:
        self.newline()
        if not self.lists:
            return
        depth, number = len(self.lists), self.lists[-1]
        self.write("  " * min(depth - 1, 10) + ("-" if number < 0 else f"{number}."))
        self.space = True
        if number > 0:
            self.lists[-1] += 1

    def image(self, attributes: _Attributes) -> None:
        alternative = " ".join((attributes.get("alt") or "").split())
        if alternative:
            self.write(alternative[: bounds.LINK_TEXT_CHARS])

    def begin_link(self, attributes: _Attributes) -> None:
        self.anchor = ((attributes.get("href") or "").strip(), len(self.out))

    def end_link(self) -> None:
        if self.anchor is None:
            return
        (href, start), self.anchor = self.anchor, None
        if href and len(self.links) < bounds.LINKS * 2:
            text = " ".join("".join(self.out[start:]).split())
            url, text = href[: bounds.URL_CHARS], text[: bounds.LINK_TEXT_CHARS]
            self.links.append(Link(charset.clean(url), charset.clean(text)))

    def rendered(self, cut: bool) -> Rendered:
        text = "".join(self.out)
        text = _tidy(text) if self.kept_blanks else charset.clean(_MANY_LINES.sub("\n\n", text).strip())
        hidden = tuple(map(charset.clean, self.hidden))
        return Rendered(text, tuple(self.links), hidden, charset.clean(self.preheader), cut)


# What stands at the beginning and at the end of an element; elements that are not named here stand within a line.
_BEGIN: dict[str, Callable[[_Walk, _Attributes], None]] = {
    "br": _Walk.begin_line,
    "img": _Walk.image,
    "a": _Walk.begin_link,
    "td": _Walk.begin_cell,
    "th": _Walk.begin_cell,
    "ul": _Walk.begin_bullets,
    "ol": _Walk.begin_numbers,
    "li": _Walk.begin_item,
    "blockquote": _Walk.begin_quote,
    "pre": _Walk.begin_pre,
    **dict.fromkeys(_PARAGRAPH, _Walk.begin_paragraph),
    **dict.fromkeys(_LINE, _Walk.begin_line),
}
_END: dict[str, Callable[[_Walk], None]] = {
    "a": _Walk.end_link,
    "td": _Walk.end_cell,
    "th": _Walk.end_cell,
    "ul": _Walk.end_list,
    "ol": _Walk.end_list,
    "li": _Walk.newline,
    "blockquote": _Walk.end_quote,
    "pre": _Walk.end_pre,
    **dict.fromkeys(_PARAGRAPH, _Walk.paragraph),
    **dict.fromkeys(_LINE, _Walk.newline),
}


def _tidy(text: str) -> str:
    lines = "\n".join([line.rstrip() for line in text.split("\n")])
    return charset.clean(_MANY_LINES.sub("\n\n", lines).strip())
