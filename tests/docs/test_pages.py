"""What the pages say is there: links lead somewhere, settings exist, records have their parts."""

import re
from pathlib import Path

import pytest

from daimon import config

from .pages import PAGES, ROOT, name_of, read
from .readme_commands import Block, blocks, three_lines

_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_VARIABLE = re.compile(r"\bDAIMON_[A-Z_]+\b")
RECORDS = sorted((ROOT / "docs/decisions").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_within_the_repository_resolve(page: Path) -> None:
    """Files and headings."""
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, heading = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not heading or heading in headings(there.read_text("utf-8")), target


def headings(markdown: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_that_are_named_exist(page: Path) -> None:
    """A variable that the server would refuse helps nobody."""
    known = {config.variable(name) for name in config.SPECS} | config.CLIENT_VARIABLES
    assert set(_VARIABLE.findall(page.read_text("utf-8"))) <= known


def test_the_readme_is_run_from_a_clean_copy() -> None:
    """One block serves, others run after it, all in bash; `.ci/run` runs them."""
    marked = [block for block in blocks(read("README.md")) if block.mark]
    assert [block.mark for block in marked] == ["serve", "run", "run", "run"]
    assert {block.language for block in marked} == {"bash"}
    assert "readme_commands.py" in read(".ci/run")


def test_a_marked_block_is_found() -> None:
    """The mark stands on the line above the fence."""
    page = "a\n\n<!-- ci: run -->\n```bash\nls\n```\n\n```json\n{}\n```\n"
    assert blocks(page) == [Block("run", "bash", "ls\n"), Block("", "json", "{}\n")]


def test_the_lines_to_paste_are_found() -> None:
    """As the server prints them."""
    said = "daimon 0.1.0\n\nTry it in another terminal: x.\n\n  A=1\n  send\n  read\n\nReady after 1 s.\n"
    assert three_lines(said).startswith("A=1\nsend\nfor ")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_its_parts(record: Path) -> None:
    """Number, context, decision, consequences and what was measured, on one page."""
    text = record.read_text("utf-8")
    assert text.startswith(f"# {record.stem[:4]} ")
    for part in ("**Context.**", "**Decision.**", "**Consequences.**", "**Measured"):
        assert part in text, part
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_on() -> None:
    """No number is missing or given twice."""
    assert [int(record.stem[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_the_changelog_has_a_place_for_what_is_next() -> None:
    """A commit brings its line."""
    assert "\n## Unreleased\n" in read("CHANGELOG.md")
