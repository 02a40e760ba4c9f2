"""The pages of this repository, for the tests that read them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sdk/*/*.md")])


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def read(name: str) -> str:
    """Return a page."""
    return (ROOT / name).read_text("utf-8")
