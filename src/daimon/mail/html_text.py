"""HTML as a reader sees it: text with its lines, the links, and what was written so as not to be seen."""

import re
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from daimon.mail import bounds, charset, html_guard, style
from daimon.mail.parsed import Link

_SKIPPED = frozenset(
    ("script", "style", "title", "template", "noscript", "svg", "math", "object", "iframe", "select", "textarea")
)
_INLINE = frozenset(("", "span", "b", "i", "strong", "em", "font", "u", "small", "tbody", "html", "body", "head", "s"))
_PARAGRAPH = frozenset(("hr", "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "form"))
_LINE = frozenset(
    ("div", "tr", "li", "dt", "dd", "dl", "section", "article", "header", "footer", "main", "aside", "nav", "figure",
     "figcaption", "center", "address")
)  # fmt: skip
_FILLER = re.compile(r"[\s\u00a0\u00ad\u034f\u061c\u115f\u17b4\u180e\u2007\u200b-\u200f\u2060\ufeff]++")
_MANY_LINES = re.compile(r"\n{3,}+")
_SHOWING_ALONE = frozenset(("hidden", "bgcolor", "background", "color"))  # attributes that say how text shows
_SHOWING = _SHOWING_ALONE | {"style", "class"}
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
    root = LexborHTMLParser(html).root
    walk = _Walk()
    if root is not None:
        if "style" in html:  # sheets hold for what stands before them too
            for sheet in root.css("style"):
                walk.sheet(sheet.text() or "")
        walk.over(root)
    return walk.rendered(cut)


class _Look(NamedTuple):
    """How the text of an element shows; handed down until an element says otherwise."""

    hidden: bool
    background: str | None  # None: not known
    color: str | None


class _Walk:
    """Goes through the tree without recursion and writes lines."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.line_empty = True
        self.space = False
        self.quotes = 0
        self.pre = 0
        self.lists: list[int] = []  # the number of the next item; -1 for bullets
        self.anchor: tuple[str, int] | None = None  # the open link: its target and where its text begins in `out`
        self.links: list[Link] = []
        self.hidden: list[str] = []
        self.seen_text = False
        self.preheader = ""
        self.hidden_classes: frozenset[str] = frozenset()
        self.has_sheet = False
        self.style_chars = 0

    def over(self, root: LexborNode) -> None:
        """Visit every node, an element before what it holds and again after it."""
        above: list[tuple[LexborNode, str, _Look]] = []
        look = _Look(False, _WHITE, None)
        node = root.first_child
        while True:
            if node is None:
                if not above:
                    return
                element, tag, look = above.pop()
                self.leave(tag)
                node = element.next
                continue
            tag = node.tag or ""
            if tag == "-text":
                self.text(node.text_content or "", look)
            elif tag not in _SKIPPED and not tag.startswith("-"):
                inner = self.look(node, look)
                self.enter(node, tag, inner)
                above.append((node, "" if inner.hidden else tag, look))
                look = inner
                node = node.first_child
                continue
            node = node.next

    def look(self, node: LexborNode, outer: _Look) -> _Look:
        """Return how an element shows, from its own attributes and what holds around it."""
        attributes = node.attributes
        if _SHOWING.isdisjoint(attributes):
            return outer
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
        return _Look(hidden, background, color)

    def sheet(self, text: str) -> None:
        self.has_sheet = True
        read = text[: max(0, bounds.STYLE_CHARS - self.style_chars)]
        self.style_chars += len(read)
        self.hidden_classes |= style.hidden_classes(read)

    def enter(self, node: LexborNode, tag: str, look: _Look) -> None:
        """Write what stands at the beginning of an element."""
        if tag in _INLINE or look.hidden:
            return
        match tag:
            case "br":
                self.newline()
            case "img":
                self.image(node)
            case "a":
                self.anchor = ((node.attributes.get("href") or "").strip(), len(self.out))
            case "td" | "th":
                self.space = True
            case "ul" | "ol":
                self.around_list()
                self.lists.append(1 if tag == "ol" else -1)
            case "li":
                self.newline()
                self.bullet()
            case "blockquote" | "pre":
                self.paragraph()
                self.quotes += tag == "blockquote"
                self.pre += tag == "pre"
            case _ if tag in _PARAGRAPH:
                self.paragraph()
            case _ if tag in _LINE:
                self.newline()

    def leave(self, tag: str) -> None:
        """Write what stands at the end of an element; the tag of a hidden one is empty."""
        if tag in _INLINE:
            return
        match tag:
            case "a":
                self.link()
            case "td" | "th":
                self.space = True
            case "ul" | "ol":
                self.lists.pop()
                self.around_list()
            case "blockquote":
                self.newline()
                self.quotes -= 1
                self.paragraph()
            case "pre":
                self.pre -= 1
                self.paragraph()
            case _ if tag in _PARAGRAPH:
                self.paragraph()
            case _ if tag in _LINE:
                self.newline()

    def text(self, text: str, look: _Look) -> None:
        if look.hidden or (look.color is not None and look.color == look.background):
            self.hide(text)
            return
        if self.pre:
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

    def around_list(self) -> None:
        if self.lists:
            self.newline()
        else:
            self.paragraph()

    def bullet(self) -> None:
        if not self.lists:
            return
        depth, number = len(self.lists), self.lists[-1]
        self.write("  " * min(depth - 1, 10) + ("-" if number < 0 else f"{number}."))
        self.space = True
        if number > 0:
            self.lists[-1] += 1

    def image(self, node: LexborNode) -> None:
        alternative = " ".join((node.attributes.get("alt") or "").split())
        if alternative:
            self.write(alternative[: bounds.LINK_TEXT_CHARS])

    def link(self) -> None:
        if self.anchor is None:
            return
        (href, start), self.anchor = self.anchor, None
        if href and len(self.links) < bounds.LINKS * 2:
            text = " ".join("".join(self.out[start:]).split())
            self.links.append(Link(href[: bounds.URL_CHARS], text[: bounds.LINK_TEXT_CHARS]))

    def rendered(self, cut: bool) -> Rendered:
        text = _tidy("".join(self.out))
        links = tuple(Link(charset.clean(link.url), charset.clean(link.text)) for link in self.links)
        hidden = tuple(charset.clean(words) for words in self.hidden)
        return Rendered(text, links, hidden, charset.clean(self.preheader), cut)


def _tidy(text: str) -> str:
    lines = "\n".join([line.rstrip() for line in text.split("\n")])
    return charset.clean(_MANY_LINES.sub("\n\n", lines).strip())
