"""Which parts are the body, and what they say (RFC 2046 §5.1.3, §5.1.4)."""

from collections.abc import Sequence
from typing import NamedTuple

from daimon.mail import bounds, charset, flowed, html_guard, html_text, transfer
from daimon.mail.html_text import Rendered
from daimon.mail.parsed import Finding, Link
from daimon.mail.structure import Part

_READ_OCTETS = 4 * bounds.MIB  # of one text part: four octets a character at most


class Body(NamedTuple):
    """The body as text and as HTML, and what reading the HTML gave."""

    text: str
    html: str | None
    links: tuple[Link, ...]
    hidden: tuple[str, ...]
    preheader: str
    findings: tuple[Finding, ...]


def is_body(part: Part, position: int) -> bool:
    """Tell whether a leaf is body text rather than an attachment."""
    if part.content_type not in ("text/plain", "text/html") or part.disposition == "attachment":
        return False
    return part.filename is None or position == 0


def bare(octets: bytes, part: Part) -> Body:
    """Return a single text as it is, HTML with its tags taken out: no tree is built, nothing can go wrong."""
    text = charset.decode(transfer.decode(octets[part.start : part.end], part.encoding))[0]
    if part.content_type == "text/html":
        return Body(html_guard.strip(text).strip(), text, (), (), "", ())
    return Body(text.replace("\r\n", "\n").strip(), None, (), (), "", ())


def read(octets: bytes, parts: Sequence[Part]) -> Body:
    """Put the body together: of alternatives the plain one is the text, and HTML without one is turned into text."""
    reader = _Reader(octets)
    said_plainly = {part.alternative for part in parts if part.content_type == "text/plain"} - {None}
    for part in parts:
        if part.content_type == "text/plain":
            reader.plain(part)
        else:
            reader.html(part, has_text=part.alternative in said_plainly)
    return reader.body()


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.texts: list[str] = []
        self.blank: set[int | None] = set()  # alternatives whose plain part says nothing
        self.htmls: list[str] = []
        self.rendered: list[Rendered] = []
        self.kept_text = self.kept_html = 0
        self.findings: dict[str, Finding] = {}

    def plain(self, part: Part) -> None:
        text = self.content(part)
        if len(text) > bounds.BODY_TEXT_CHARS:
            self.note("text_cut", f"body_text ends after {bounds.BODY_TEXT_CHARS} characters.")
            text = text[: bounds.BODY_TEXT_CHARS]
        if part.parameters.get("format", "").lower() == "flowed":
            text = flowed.unflow(text, delsp=part.parameters.get("delsp", "").lower() == "yes")
        if not text.strip():
            self.blank.add(part.alternative)
        self.add_text(text)

    def html(self, part: Part, *, has_text: bool) -> None:
        html = self.content(part)
        room = bounds.BODY_HTML_CHARS - self.kept_html
        if len(html) > room:
            self.note("html_cut", f"body_html ends after {bounds.BODY_HTML_CHARS} characters.")
        html = html[:room]
        self.kept_html += len(html)
        self.htmls.append(html)
        if len(self.rendered) >= 20:  # a mail of hundreds of HTML parts is read as far as any other
            self.note("html_cut", "Only the first 20 HTML parts are read.")
            return
        rendered = html_text.render(html)
        self.rendered.append(rendered)
        if rendered.cut:
            self.note("html_cut", "The HTML is too large or too deep to be read whole.")
        if not has_text or part.alternative in self.blank:
            self.add_text(rendered.text)

    def content(self, part: Part) -> str:
        encoded = self.octets[part.start : min(part.end, part.start + 2 * _READ_OCTETS)]
        octets = transfer.decode(encoded, part.encoding)[:_READ_OCTETS]
        text, mislabelled = charset.decode(octets, part.parameters.get("charset"))
        if mislabelled:
            self.note(
                "charset_fallback", f"The text is not {part.parameters.get('charset', 'ASCII')[:40]}, as it says."
            )
        return text.replace("\r\n", "\n") if "\r" in text else text

    def add_text(self, text: str) -> None:
        text = text.strip("\n").rstrip()
        if not text.strip():
            return
        room = bounds.BODY_TEXT_CHARS - self.kept_text
        if len(text) > room:
            self.note("text_cut", f"body_text ends after {bounds.BODY_TEXT_CHARS} characters.")
            text = text[:room]
        self.kept_text += len(text)
        self.texts.append(text)

    def note(self, kind: str, detail: str) -> None:
        self.findings.setdefault(kind, Finding(kind, detail))

    def body(self) -> Body:
        return Body(
            text="\n\n".join(self.texts)[: bounds.BODY_TEXT_CHARS],
            html="\n".join(self.htmls) if self.htmls else None,
            links=tuple(link for rendered in self.rendered for link in rendered.links),
            hidden=tuple(words for rendered in self.rendered for words in rendered.hidden),
            preheader=" ".join(rendered.preheader for rendered in self.rendered if rendered.preheader),
            findings=tuple(self.findings.values()),
        )
