"""The pages of this repository, for the tests that read them."""

from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sdk/*/*.md")])


class Sample(NamedTuple):
    """A block of code: its language, its text, and the line of the page that it begins at."""

    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def read(name: str) -> str:
    """Return a page."""
    return (ROOT / name).read_text("utf-8")


def samples(name: str) -> list[Sample]:
    """Return every block of code of a page, those within lists too; one that is merely indented has no language."""
    tokens = MarkdownIt().parse(read(name))
    return [
        Sample(token.info, token.content, (token.map or [0])[0] + 1)
        for token in tokens
        if token.type in ("fence", "code_block")
    ]
