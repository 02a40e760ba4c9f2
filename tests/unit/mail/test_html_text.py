"""HTML as a reader sees it, its links, and what is hidden in it."""

import pytest

from daimon.mail import html_guard, html_text, links, style
from daimon.mail.parsed import Link

PREHEADER = "Words that come before all others, for the preview of a mail program"
SECRET = "Secret words " * 30


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>a  <b>bold</b>\n word</p>", "a bold word"),
        ("<b>a</b><i>b</i>", "ab"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", "- a\n  - b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<p>new</p><blockquote>old<br>older</blockquote><p>end</p>", "new\n\n> old\n> older\n\nend"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("<img alt='a dog'> <img>", "a dog"),
        ("<script>no()</script><style>p{}</style><title>t</title>yes<!-- no -->", "yes"),
        ("&lt;b&gt; &amp; &eacute; &#8364;", "<b> & é €"),
        ("unclosed <p>one <div>two", "unclosed\n\none\n\ntwo"),
        ("", ""),
        ("\x00<p>x", "x"),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    """Blocks become lines, inline elements do not."""
    assert html_text.render(html).text == text


@pytest.mark.parametrize(
    "element",
    [
        '<div style="display:none">{}</div>', '<div style="DISPLAY : NONE !important">{}</div>', "<p hidden>{}</p>",
        '<span style="visibility:hidden">{}</span>', '<span style="font-size:0">{}</span>',
        '<span style="font-size:1px">{}</span>', '<span style="opacity:0">{}</span>',
        '<div style="max-height:0;overflow:hidden">{}</div>', '<div style="mso-hide:all">{}</div>',
        '<div style="position:absolute;left:-9999px">{}</div>', '<p style="text-indent:-9999px">{}</p>',
        '<font color="#ffffff">{}</font>', '<p style="color:white">{}</p>',
        '<div style="background:#123456"><p style="color:#123456">{}</p></div>',
        '<td bgcolor="#eee"><span style="color:rgb(238,238,238)">{}</span></td>',
        '<style>.h{{display:none}}</style><p class="h">{}</p>',
    ],
)  # fmt: skip
def test_hidden_text_is_not_read_but_told(element: str) -> None:
    """What cannot be seen is not in the text, and is told of."""
    found = html_text.render(f"<table><tr><td>Seen first.</td>{element.format(SECRET)}</tr></table>")
    assert "Secret" not in found.text
    assert found.hidden


@pytest.mark.parametrize(
    "html",
    [
        '<div style="background:#000"><p style="color:#fff">{}</p></div>',
        '<div style="background-image:url(x)"><p style="color:#fff">{}</p></div>',
        '<style>.dark{{background:#000}}</style><div class="dark"><p style="color:#fff">{}</p></div>',
        '<style>@media print{{.x{{display:none}}}}</style><p class="x">{}</p>',
        '<p style="font-size:10px">{}</p>',
        '<p style="opacity:0.9">{}</p>',
    ],
)
def test_visible_text_is_read(html: str) -> None:
    """White on black is seen, and so is what only some screens hide."""
    found = html_text.render(html.format("visible words"))
    assert found.text == "visible words"
    assert not found.hidden


def test_preheader_is_not_counted_as_hidden() -> None:
    """The short hidden line before all others, which newsletters have, is set apart."""
    found = html_text.render(f'<div style="display:none">{PREHEADER}&zwnj;&nbsp;&zwnj;</div><p>Seen</p>')
    assert (found.text, found.hidden, found.preheader) == ("Seen", (), PREHEADER)


def test_links_have_their_words() -> None:
    """Targets as written, entities read, with the words under them; each once."""
    found = html_text.render(
        '<a href="https://x.example/?a=1&amp;b=2">One <b>two</b></a> <a href="#top">up</a> <a>none</a>'
        '<a href="mailto:a@b.c">mail</a><a href="https://x.example/?a=1&b=2">again</a><a href="javascript:x()">x</a>'
    )
    assert links.of_html(found.links) == (Link("https://x.example/?a=1&b=2", "One two"),)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://x.example/a.", [("https://x.example/a", "See")]),
        ("(https://x.example/a)", [("https://x.example/a", "")]),
        ("https://x.example/a_(b)", [("https://x.example/a_(b)", "")]),
        ("Verify here:\n<https://x.example/v?t=1>", [("https://x.example/v?t=1", "Verify here")]),
        ("https://x.example/a https://x.example/a", [("https://x.example/a", "")]),
        ("http:// and www.example.org", []),
    ],
)
def test_links_in_text(text: str, found: list[tuple[str, str]]) -> None:
    """URLs without the sentence's signs, with the words before them."""
    assert [(link.url, link.text) for link in links.of_text(text)] == found


@pytest.mark.parametrize(
    ("url", "text", "calls"),
    [
        ("https://x.example/1", "Verify your email", True),
        ("https://x.example/1", "Reset password", True),
        ("https://x.example/1", "Konto bestätigen", True),
        ("https://x.example/1", "Confirmer mon adresse", True),
        ("https://x.example/1", "メールアドレスを確認する", True),
        ("https://x.example/1", "Подтвердить почту", True),
        ("https://x.example/magic-link?t=1", "Click here", True),
        ("https://x.example/verify/abc", "", True),
        ("https://x.example/1", "Read more", False),
        ("https://x.example/1", "Unsubscribe", False),
        ("https://x.example/confirm-unsubscribe", "Confirm", False),
        ("https://x.example/blog/how-to-verify", "Our blog", False),
        ("https://x.example/1", "Privacy policy", False),
    ],
)
def test_calls_to_action(url: str, text: str, calls: bool) -> None:
    """The links a person would click to go on, and no others."""
    assert bool(links.calls_to_action([Link(url, text)])) is calls


def test_deep_html_is_read_without_a_tree() -> None:
    """HTML that would make a deep tree still gives its words and links."""
    found = html_text.render("<div>" * 1_000 + 'words <a href="https://x.example/">w</a><script>no')
    assert found.cut
    assert found.text.startswith("words")
    assert found.links == (Link("https://x.example/", ""),)


@pytest.mark.parametrize(
    ("html", "buildable"),
    [
        ("<p>x</p>" * 1_000, True),
        ("<p>x" * 1_000 + "<br>" * 1_000, True),
        ("<div><b>x</b></div>" * 1_000, True),
        ("<div>" * 300, False),
        ("<a><div></a>" * 300, False),
        ("<p " + "a=b " * 10_000 + ">" + "<p>" * 300, False),
    ],
)
def test_guard_knows_deep_html(html: str, buildable: bool) -> None:
    """Elements that close by themselves do not count; those that stay open do."""
    assert html_guard.is_buildable(html) is buildable


def test_only_outright_rules_hide() -> None:
    """A class hidden for some screens is not hidden."""
    assert style.hidden_classes(".a,.b{display:none} @media x{.c{display:none}} .d .e{display:none}") == {"a", "b"}
