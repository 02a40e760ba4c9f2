"""The texts for models: short enough, whole, and true."""

import re

import pytest

from daimon.api.operation import OPERATIONS

from .conftest import Edge

KIB = 1024


@pytest.mark.parametrize(("path", "most"), [("/llms.txt", 6), ("/skill.md", 6), ("/llms-full.txt", 60)])
async def test_texts_fit_and_name_what_is_there(edge: Edge, path: str, most: int) -> None:
    """Every call that they name is one, and every link leads somewhere."""
    answer = await edge.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/")
    assert len(answer.content) <= most * KIB
    calls = {f"{each.method} {each.path}" for each in OPERATIONS}
    named = set(re.findall(r"^- `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", answer.text, re.MULTILINE))
    assert named
    assert named <= calls
    for link in re.findall(r"\(http://daimon\.test(/[\w./-]+)\)", answer.text):
        assert (await edge.http.get(link)).status_code == 200, link


async def test_the_full_text_tells_of_all(edge: Edge) -> None:
    """But for pages for people, and what the server says of itself."""
    text = (await edge.http.get("/llms-full.txt")).text
    told = [each for each in OPERATIONS if each.tag != "server" and each.content_type != "text/html"]
    assert [each.name for each in told if f"- `{each.method} {each.path}`: {each.summary}" not in text] == []
    assert text.count("\n## ") > 10


async def test_the_skill_begins_as_skills_do(edge: Edge) -> None:
    """With a name and a description between two lines of dashes."""
    head, _, body = (await edge.http.get("/skill.md")).text.removeprefix("---\n").partition("\n---\n")
    fields = [line.split(":")[0] for line in head.splitlines() if not line.startswith(" ")]
    assert fields == ["name", "description"]
    assert body.lstrip().startswith("# ")
