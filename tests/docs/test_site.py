"""`make docs` makes a site: every page is reached from its index, and no link leads nowhere."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright
from selectolax.lexbor import LexborHTMLParser

import peer_tools

from .pages import ROOT, read

BUILD = ("-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going")  # as in the Makefile
MADE_BY_SPHINX = {"genindex.html", "search.html"}


class Page(NamedTuple):
    """What a page of the site links to, and the anchors it has."""

    links: list[str]
    anchors: set[str]


def built(source: Path, to: Path) -> "subprocess.CompletedProcess[str]":
    """Build a site, and return what was said."""
    return subprocess.run(
        [sys.executable, *BUILD, "--doctree-dir", to / "doctrees", source, to / "html"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    to = tmp_path_factory.mktemp("site")
    done = built(ROOT / "docs", to)
    assert done.returncode == 0, done.stderr
    return to / "html"


@pytest.fixture(scope="module")
def site(html: Path) -> dict[str, Page]:
    """The pages of the built site, by their path in it."""
    return {str(file.relative_to(html)): page_of(file.read_text("utf-8")) for file in html.rglob("*.html")}


def page_of(html: str) -> Page:
    """Read a page of the site."""
    tree = LexborHTMLParser(html)
    links = [node.attributes["href"] or "" for node in tree.css("a[href]")]
    anchors = [node.attributes["id"] or "" for node in tree.css("[id]")]
    return Page(links, set(anchors))


def within(name: str, page: Page) -> Iterator[tuple[str, str]]:
    """Yield the links of a page that stay on the site: path there, and anchor."""
    here = Path("/", name).parent
    for link in page.links:
        if urlsplit(link).scheme or link.startswith("//"):
            continue
        path, anchor = urldefrag(link)
        there = (here / unquote(path)).resolve() if path else Path("/", name)
        yield str(there).lstrip("/"), unquote(anchor)


def test_every_page_is_on_the_site(site: dict[str, Page]) -> None:
    """Each Markdown file under docs/, and nothing else that somebody wrote."""
    docs = ROOT / "docs"
    assert set(site) - MADE_BY_SPHINX == {
        str(page.relative_to(docs).with_suffix(".html")) for page in docs.rglob("*.md")
    }


def test_every_page_is_reached_from_the_index(site: dict[str, Page]) -> None:
    """By links alone."""
    reached, ahead = set(), ["index.html"]
    while ahead:
        name = ahead.pop()
        if name in site and name not in reached:
            reached.add(name)
            ahead += [path for path, _ in within(name, site[name])]
    assert reached >= set(site) - MADE_BY_SPHINX


def test_no_link_is_broken(site: dict[str, Page]) -> None:
    """Pages and their anchors."""
    broken = [
        (name, path, anchor)
        for name, page in site.items()
        for path, anchor in within(name, page)
        if path not in site or (anchor and anchor not in site[path].anchors)
    ]
    assert broken == []


def test_the_search_finds_what_to_do_first(html: Path) -> None:
    """In a browser, from a folder, without a server: the page that says how comes before decisions and reasons."""
    wanted = {"webhook": "Receive webhooks", "nginx": "Run in production", "mcp": "Connect a model by MCP"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=peer_tools.program("chromium"), args=peer_tools.CHROMIUM_FLAGS
        )
        page = browser.new_page()
        for words, title in wanted.items():
            page.goto(f"{(html / 'search.html').as_uri()}?q={words}")
            expect(page.locator("#search-results li > a").first).to_have_text(title, timeout=60_000)
            expect(page.locator(".search-summary")).to_contain_text("found", timeout=60_000)
            found = page.locator("#search-results li > a").evaluate_all("links => links.map(link => link.href)")
            kinds = ["decisions" in each for each in found]
            assert kinds == sorted(kinds), found
        browser.close()


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """A page, a heading and a file outside of the site; each is told, and not the first alone."""
    source = tmp_path / "docs"
    source.mkdir()
    for name in ("conf.py", "_search.js"):
        (source / name).write_text(read(f"docs/{name}"), "utf-8")
    (source / "quick-start.md").write_text("# Quick start\n", "utf-8")
    (source / "index.md").write_text("# Index\n\n[a](gone.md) [b](quick-start.md#gone) [c](../gone.md)\n", "utf-8")
    done = built(source, tmp_path)
    assert done.returncode != 0
    assert done.stderr.count("[myst.xref_missing]") == 3, done.stderr


def test_the_pages_have_no_directives() -> None:
    """They are read on GitHub, too, which shows what it does not know as it stands."""
    for page in (ROOT / "docs").rglob("*.md"):
        assert "\n```{" not in page.read_text("utf-8"), page


def test_make_docs_builds_with_the_same_flags() -> None:
    """What fails here fails there."""
    assert " ".join(BUILD[2:]) in read("Makefile")
    assert "python -m daimon.api.reference docs/reference" in read("Makefile")
